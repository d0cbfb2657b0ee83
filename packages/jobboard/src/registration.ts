/**
 * Purpose: this member's own presence: its ephemeral node, its slots, and nudges ("look for commands").
 * States: not registered, registered.
 * Authoritative: the nodes; they live and die with the session.
 * On failure: an id that another session has is waited for, with a warning at once; a lost answer is decided behind a read barrier (`createOwn`).
 * Not here: who else is there (`MemberWatch`).
 */
import {
  ConflictError,
  NotFoundError,
  UnavailableError,
  codeOf,
  hash32,
  type CoordinationSession,
  type Member,
  type MemberInfo,
  type NodeWatcher,
  type Runtime,
} from '@baton/core';
import { toBytes } from './json-bytes.js';
import { membersPath, slotsPath, type SlotKind } from './layout.js';
import { memberOf } from './member-watch.js';
import { createOwn, getIfAny, readDecided } from './session-reads.js';

/** The former session ends within its timeout and a few ticks by the service's clock; this one's may go twice as fast (P-203). */
const waitedTimeouts = 4;

/** Who has the id that this member wants. */
interface Holder {
  readonly id: string;
  readonly who: string;
}

export class Registration {
  readonly #session: CoordinationSession;
  readonly #runtime: Pick<Runtime, 'clock' | 'logger'>;
  readonly #memberId: string;
  readonly #nudged = new Set<() => void>();
  readonly #unsubscribe: () => void;
  #path: string | undefined;

  constructor(o: {
    session: CoordinationSession;
    runtime: Pick<Runtime, 'clock' | 'logger'>;
    memberId: string;
  }) {
    this.#session = o.session;
    this.#runtime = o.runtime;
    this.#memberId = o.memberId;
    this.#unsubscribe = o.session.onState((state) => {
      if (state === 'connected') this.#onOwnNode();
    });
  }

  async register<I extends MemberInfo>(info: I): Promise<Member<I>> {
    const path = `${membersPath[info.kind]}/${info.id}`;
    const data = toBytes(info);
    let holder: Holder | undefined;
    while (!(await createOwn(this.#session, path, data))) {
      holder ??= await this.#holderOf(info);
      await this.#untilFree(path, holder);
    }
    const stat = await readDecided(this.#session, () => this.#session.exists(path));
    if (stat?.ephemeralOwner !== this.#session.id)
      throw new ConflictError(
        'BATON_CONFLICT_NODE_EXISTS',
        `member ${info.id} was removed while it registered`,
      );
    this.#path = path;
    if (this.#nudged.size > 0) void this.#watchOwnNode();
    return { ...info, epoch: stat.czxid.toString(16) };
  }

  async leaseSlot(kind: SlotKind, count: number): Promise<number> {
    const taken = new Set(await this.#session.children(slotsPath[kind]));
    const data = toBytes({ member: this.#memberId });
    const start = hash32(this.#memberId);
    for (let step = 0; step < count; step++) {
      const slot = (start + step) % count;
      if (taken.has(String(slot))) continue;
      const path = `${slotsPath[kind]}/${slot}`;
      if (await createOwn(this.#session, path, data)) return slot;
    }
    throw new UnavailableError('BATON_UNAVAILABLE_NO_SLOT', `all ${count} slots of ${kind} are leased`, {
      details: { kind, count },
    });
  }

  onNudge(listener: () => void): () => void {
    this.#nudged.add(listener);
    if (this.#nudged.size === 1) void this.#watchOwnNode();
    return () => this.#nudged.delete(listener);
  }

  /** Writes the member's own data over itself, which fires the watch it keeps there. */
  async nudge(memberId: string): Promise<void> {
    for (const directory of Object.values(membersPath)) {
      const path = `${directory}/${memberId}`;
      const node = await getIfAny(this.#session, path);
      if (node === undefined) continue;
      try {
        await this.#session.set(path, node.data, node.stat.version);
      } catch (error) {
        // changed in between: then the member has been told
        if (codeOf(error) !== 'BATON_CONFLICT_BAD_VERSION') throw error;
      }
      return;
    }
    throw new NotFoundError('BATON_NOT_FOUND_NODE', `no member ${memberId} is registered`);
  }

  close(): void {
    this.#unsubscribe();
    this.#nudged.clear();
  }

  /** Told at once: whoever started a second member under one id by mistake would see nothing until the end of the wait. */
  async #holderOf({ kind, id }: MemberInfo): Promise<Holder> {
    const node = await getIfAny(this.#session, `${membersPath[kind]}/${id}`);
    const holder = node && memberOf(kind, node);
    const waitMs = this.#waitMs;
    const who = holder && { host: holder.host, holder: holder.pid };
    this.#runtime.logger.warn('member.id-taken', { id, ...who, waitMs });
    return { id, who: holder ? `a process on ${holder.host}, pid ${holder.pid}` : 'another session' };
  }

  get #waitMs(): number {
    return waitedTimeouts * this.#session.timeoutMs;
  }

  /** A node of that name is there: that of a former session of ours, which ends by itself, or of somebody alive. */
  async #untilFree(path: string, { id, who }: Holder): Promise<void> {
    const limitMs = this.#waitMs;
    let unsubscribe = (): void => undefined;
    let cancel = (): void => undefined;
    const gone = new Promise<boolean>((resolve, reject) => {
      // while the service is away no session ends, and all of them have their whole timeout again afterwards
      const startWaiting = (): void => {
        cancel();
        cancel = this.#runtime.clock.setTimer(limitMs, () => resolve(false));
      };
      startWaiting();
      unsubscribe = this.#session.onState((state) => (state === 'connected' ? startWaiting() : undefined));
      this.#session
        .exists(path, () => resolve(true))
        .then((stat) => {
          if (stat === undefined) resolve(true);
        }, reject);
    });
    try {
      if (await gone) return;
    } finally {
      cancel();
      unsubscribe();
    }
    // a process that was held finds its timer due before what happened meanwhile
    if ((await this.#session.exists(path)) === undefined) return;
    throw new ConflictError(
      'BATON_CONFLICT_MEMBER_ID_TAKEN',
      `member id ${id} is taken: it has belonged to ${who}, for the ${limitMs} ms that this one waited`,
    );
  }

  readonly #onOwnNode: NodeWatcher = () => {
    void this.#watchOwnNode().then(() => {
      for (const listener of this.#nudged) listener();
    });
  };

  /** Armed before the listeners are told, so that a nudge while they look is told again. */
  async #watchOwnNode(): Promise<void> {
    if (this.#path === undefined || this.#nudged.size === 0) return;
    try {
      await getIfAny(this.#session, this.#path, this.#onOwnNode);
    } catch {
      // set again at the next connection; a nudge only spares its reader the wait for the next regular look (P-1108)
    }
  }
}
