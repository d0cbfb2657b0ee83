/**
 * Purpose: who is there: a copy of one kind's member nodes, kept up to date by watches.
 * States: open, closed.
 * Authoritative: the member nodes; the copy lags by about a millisecond while connected, and is kept unchanged while suspended.
 * On failure: a reading that fails is repeated, after a pause when it was refused, and at the next connection; a lost session ends the watch silently.
 * Not here: what a member's coming or going means.
 */
import {
  codeOf,
  type Clock,
  type CoordinationSession,
  type Logger,
  type Member,
  type MemberInfo,
  type MemberKind,
  type NodeData,
  type NodeWatcher,
} from '@baton/core';
import { fromBytes } from './json-bytes.js';
import { membersPath } from './layout.js';
import { getIfAny, isInterruption } from './session-reads.js';

export interface MemberChange {
  /** Newly registered; a member that registered again under its name is in both lists, with different epochs. */
  readonly joined: readonly Member[];
  readonly left: readonly Member[];
}

export type MemberListener = (members: ReadonlyMap<string, Member>, change: MemberChange) => void;

export interface MemberWatch {
  readonly current: ReadonlyMap<string, Member>;
  /** Resolves after a listing that began after this call: behind a lock that vanished, it no longer shows the dead owner. */
  refresh(): Promise<void>;
  close(): void;
}

/** `undefined` for a node that does not describe a member. */
export function memberOf(kind: MemberKind, node: NodeData): Member | undefined {
  const info = fromBytes(node.data) as MemberInfo | null | undefined;
  if (info?.kind !== kind || typeof info.id !== 'string') return undefined;
  return { ...info, epoch: node.stat.czxid.toString(16) };
}

/** Before what could not be read is read again. */
const retryMs = 500;

interface Known {
  readonly member: Member;
  readonly mzxid: bigint;
}

export class WatchedMembers implements MemberWatch {
  readonly #session: CoordinationSession;
  readonly #kind: MemberKind;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #listener: MemberListener;
  readonly #unsubscribe: () => void;
  readonly #known = new Map<string, Known>();
  readonly #current = new Map<string, Member>();
  /** One function per node, see `NodeWatcher`. */
  readonly #watchers = new Map<string, NodeWatcher>();
  readonly #changed = new Set<string>();
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #scheduled = false;
  #silent = true;
  #closed = false;

  private constructor(o: WatchedMembersOptions) {
    this.#session = o.session;
    this.#kind = o.kind;
    this.#clock = o.clock;
    this.#logger = o.logger;
    this.#listener = o.listener;
    this.#unsubscribe = o.session.onState((state) => {
      if (state === 'lost') this.close();
      if (state !== 'connected') return;
      for (const id of this.#known.keys()) this.#changed.add(id);
      this.#schedule();
    });
  }

  /** Resolves after the first reading; the listener is told only what changes after it. */
  static async open(o: WatchedMembersOptions): Promise<WatchedMembers> {
    const watch = new WatchedMembers(o);
    try {
      await watch.refresh();
    } catch (error) {
      watch.close();
      throw error;
    }
    watch.#silent = false;
    return watch;
  }

  get current(): ReadonlyMap<string, Member> {
    return this.#current;
  }

  /** Single-flight: whoever comes while a reading is under way shares the next one. */
  refresh(): Promise<void> {
    if (this.#running === undefined) return this.#start();
    this.#next ??= this.#running.catch(() => undefined).then(() => this.#start());
    return this.#next;
  }

  close(): void {
    this.#closed = true;
    this.#unsubscribe();
  }

  #start(): Promise<void> {
    this.#next = undefined;
    this.#running = this.#read().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  readonly #onChildren: NodeWatcher = () => this.#schedule();

  /** Notices of one turn share one reading: a node that vanishes fires its own watch and that of the listing. */
  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.refresh().catch((error: unknown) => {
        if (codeOf(error) === 'BATON_UNAVAILABLE_SESSION_LOST') return;
        if (isInterruption(error)) {
          if (this.#session.state === 'connected') this.#schedule(); // a single request went unanswered
          return;
        }
        this.#logger.warn('board.members-unreadable', { kind: this.#kind, error });
        // nothing tells of this change again: without another look a worker that is gone would be waited for, for ever
        this.#clock.setTimer(retryMs, () => this.#schedule());
      });
    });
  }

  async #read(): Promise<void> {
    const changed = [...this.#changed];
    this.#changed.clear();
    try {
      const [names, ...again] = await Promise.all([
        this.#session.children(membersPath[this.#kind], this.#onChildren),
        ...changed.map((id) => this.#get(id)),
      ]);
      const seen = new Map(changed.map((id, index) => [id, again[index]]));
      const fresh = names.filter((id) => !this.#known.has(id) && !seen.has(id));
      const nodes = await Promise.all(fresh.map((id) => this.#get(id)));
      for (const [index, id] of fresh.entries()) seen.set(id, nodes[index]);
      const listed = new Set(names);
      for (const id of this.#known.keys()) if (!listed.has(id)) seen.set(id, undefined);
      if (!this.#closed) this.#apply(seen);
    } catch (error) {
      for (const id of changed) this.#changed.add(id);
      throw error;
    }
  }

  #get(id: string): Promise<NodeData | undefined> {
    let watcher = this.#watchers.get(id);
    if (watcher === undefined) {
      watcher = () => {
        this.#changed.add(id);
        this.#schedule();
      };
      this.#watchers.set(id, watcher);
    }
    return getIfAny(this.#session, `${membersPath[this.#kind]}/${id}`, watcher);
  }

  #apply(seen: ReadonlyMap<string, NodeData | undefined>): void {
    const joined: Member[] = [];
    const left: Member[] = [];
    let updated = false;
    for (const [id, node] of seen) {
      const before = this.#known.get(id);
      if (before !== undefined && before.mzxid === node?.stat.mzxid) continue;
      const member = node && memberOf(this.#kind, node);
      if (before !== undefined && before.member.epoch !== member?.epoch) left.push(before.member);
      if (member === undefined || node === undefined) {
        this.#known.delete(id);
        this.#current.delete(id);
        this.#watchers.delete(id);
        continue;
      }
      if (before?.member.epoch !== member.epoch) joined.push(member);
      else updated = true;
      this.#known.set(id, { member, mzxid: node.stat.mzxid });
      this.#current.set(id, member);
    }
    if (!this.#silent && (updated || joined.length + left.length > 0))
      this.#listener(this.#current, { joined, left });
  }
}

export interface WatchedMembersOptions {
  readonly session: CoordinationSession;
  readonly kind: MemberKind;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly listener: MemberListener;
}
