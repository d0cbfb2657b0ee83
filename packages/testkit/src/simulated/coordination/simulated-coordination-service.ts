/**
 * Purpose: the service side of simulated coordination, shared by all its clients: the tree, the sessions, their watches, and
 *   what a test does to them.
 * States of a session: attached (its connection works), detached (the service hears nothing from it; expires when its timeout
 *   has passed, rounded up to a tick, counted from a last ping that may be a third of the timeout old), ended (forgotten).
 *   A detached client is told nothing. An attached one may lag: it then reads an old copy of the tree.
 * What is authoritative: `tree` and `#sessions`.
 * On failure: requests are refused with the tree's reason; everything else that goes wrong is planned in `faults` or done by
 *   the test (`cut`, `partition`, `expire`, `lag`, `goDown`).
 * Not here: what a client believes about its session (SimulatedSession).
 */
import type { CoordinationSession, LastWords, NodeOperation, Runtime, SessionToken } from '@baton/core';
import { Faults } from '../faults.js';
import { NodeTree, type TreeChange, type TreeNode } from './node-tree.js';
import {
  type CoordinationFault,
  type CoordinationOperation,
  type CoordinationRequest,
  checkOperations,
  setsWatch,
  watchKey,
} from './requests.js';
import type { SimulatedSession } from './simulated-session.js';

/** The service's record of a session. */
export interface SessionRecord {
  readonly id: bigint;
  readonly secret: string;
  readonly timeoutMs: number;
  readonly client: SimulatedSession;
  attached: boolean;
  /** Nothing gets through to it or from it, however well the service is, until `heal`. */
  partitioned: boolean;
  ended: boolean;
  /** What it reads while it lags. */
  view: ReadonlyMap<string, TreeNode> | undefined;
  /** Changes its connection has not carried yet, because it lags or is detached. */
  readonly missed: TreeChange[];
  /** By `watchKey`: changes up to this transaction were seen by the read that set the watch. */
  readonly watches: Map<string, bigint>;
  readonly late: (() => void)[];
  cancelExpiry: () => void;
}

/** What was done to the tree, all of it at once; the removal of an ended session's nodes as well. */
export interface AppliedTransaction {
  readonly zxid: bigint;
  /** 0: nobody's. */
  readonly sessionId: bigint;
  readonly operations: readonly NodeOperation[];
}

export interface SimulatedCoordinationServiceOptions {
  readonly tickMs?: number;
  /** Begins with a copy of that service's nodes. */
  readonly like?: SimulatedCoordinationService;
  readonly observe?: (transaction: AppliedTransaction) => void;
}

export class SimulatedCoordinationService {
  readonly faults = new Faults<CoordinationOperation, CoordinationFault>();
  readonly runtime: Runtime;
  readonly #tickMs: number;
  readonly #tree: NodeTree;
  readonly #sessions = new Map<bigint, SessionRecord>();
  readonly #whenUp: (() => void)[] = [];
  readonly #observe: ((transaction: AppliedTransaction) => void) | undefined;
  #down = false;
  #sessionIds = 0x0100_0000_0000_0000n;

  constructor(runtime: Runtime, options: SimulatedCoordinationServiceOptions = {}) {
    this.runtime = runtime;
    this.#tickMs = options.tickMs ?? 200;
    this.#tree = new NodeTree(runtime.random, options.like === undefined ? undefined : options.like.#tree);
    this.#observe = options.observe;
  }

  // ---- what a test does to it

  /** Sessions that hold on the service: 0 at the end of a test, or one was not closed. */
  get openSessions(): number {
    return this.#sessions.size;
  }

  /** The service ends the session. The client learns of it when it next reaches the service. */
  expire(session: CoordinationSession): void {
    const record = this.#sessions.get(session.id);
    if (record === undefined) return;
    const { attached } = record;
    this.end(record);
    if (attached) record.client.connectionClosed({ reconnectAfterMs: 0 });
  }

  /** The connection breaks and the client knows at once; it tries again after `reconnectAfterMs` (`Infinity`: until `heal`). */
  cut(session: CoordinationSession, options: { readonly reconnectAfterMs?: number } = {}): void {
    this.#sessions.get(session.id)?.client.connectionClosed({ reconnectAfterMs: 10, ...options });
  }

  /** Bytes vanish in both directions and nobody is told, until `heal`. */
  partition(session: CoordinationSession): void {
    const record = this.#sessions.get(session.id);
    if (record === undefined) return;
    this.detach(record);
    record.partitioned = true;
    record.client.connectionSilent();
  }

  /** Ends a `cut` or `partition`. */
  heal(session: CoordinationSession): void {
    const record = this.#sessions.get(session.id);
    if (record !== undefined) record.partitioned = false;
    (session as SimulatedSession).reconnect();
  }

  /** An operator's hand: removes a node, whoever it belongs to. False when there is none. */
  remove(path: string): boolean {
    if (this.#tree.node(path) === undefined) return false;
    this.#transact([{ type: 'delete', path }], 0n);
    return true;
  }

  /** A node as it is, for assertions. */
  node(path: string): TreeNode | undefined {
    return this.#tree.node(path);
  }

  /** From now on the session reads an old state, until it writes, asks for a barrier or catches up. */
  lag(session: CoordinationSession): void {
    const record = this.#sessions.get(session.id);
    if (record !== undefined) record.view ??= this.#tree.snapshot();
  }

  catchUp(session: CoordinationSession): void {
    const record = this.#sessions.get(session.id);
    if (record !== undefined) this.#catchUp(record);
  }

  /** Nobody can reach the service; no session expires meanwhile (it has no leader), they start their timeout anew at `comeUp`. */
  goDown(): void {
    this.#down = true;
    for (const record of this.#sessions.values()) {
      if (!record.partitioned) record.client.connectionClosed({ reconnectAfterMs: Infinity });
      record.cancelExpiry();
    }
  }

  comeUp(): void {
    this.#down = false;
    for (const record of this.#sessions.values()) {
      this.#expireLater(record);
      if (!record.partitioned) record.client.reconnect();
    }
    for (const resume of this.#whenUp.splice(0)) resume();
  }

  // ---- what clients use

  get down(): boolean {
    return this.#down;
  }

  /** Calls back when the service is reachable again; the answer cancels. */
  onUp(callback: () => void): () => void {
    this.#whenUp.push(callback);
    return () => {
      const index = this.#whenUp.indexOf(callback);
      if (index !== -1) this.#whenUp.splice(index, 1);
    };
  }

  /** Carries something over the network, one direction. */
  carry(callback: () => void): void {
    if (this.faults.slowMs > 0) this.runtime.clock.setTimer(this.faults.slowMs, callback);
    else this.runtime.clock.setImmediate(callback);
  }

  /** Makes the nodes of a client's root. */
  ensureRoot(root: string): void {
    for (let end = root.indexOf('/', 1); root !== '/'; end = root.indexOf('/', end + 1)) {
      const path = end === -1 ? root : root.slice(0, end);
      if (this.#tree.node(path) === undefined)
        this.#transact([{ type: 'create', path, data: new Uint8Array() }], 0n);
      if (end === -1) return;
    }
  }

  open(client: SimulatedSession, timeoutMs: number): SessionRecord {
    this.#sessionIds += 1n;
    const record: SessionRecord = {
      id: this.#sessionIds,
      secret: this.runtime.random.nonce(),
      timeoutMs: Math.max(timeoutMs, 2 * this.#tickMs),
      client,
      attached: true,
      partitioned: false,
      ended: false,
      view: undefined,
      missed: [],
      watches: new Map(),
      late: [],
      cancelExpiry: () => undefined,
    };
    this.#sessions.set(record.id, record);
    return record;
  }

  /** Ends the session of the token. A wrong secret leaves it alone, but breaks its connection once, as ZooKeeper does. */
  endByToken({ sessionId, secret }: SessionToken, lastWords?: LastWords): void {
    const record = [...this.#sessions.values()].find((each) => each.id.toString() === sessionId);
    if (record === undefined) return;
    const { attached } = record;
    if (record.secret === secret) {
      if (lastWords !== undefined) this.#say(lastWords, record);
      this.end(record);
    }
    if (attached) record.client.connectionClosed({ reconnectAfterMs: 0 });
  }

  #say(lastWords: LastWords, { id }: SessionRecord): void {
    const operations = [{ type: 'set', ...lastWords }] as const;
    try {
      checkOperations(operations);
      this.#transact(operations, id);
    } catch {
      // the session ends all the same
    }
  }

  detach(record: SessionRecord): void {
    if (!record.attached) return;
    record.attached = false;
    if (!this.#down) this.#expireLater(record);
  }

  /** The client is back; false when its session is over. Then come the changes it missed. */
  attach(record: SessionRecord): boolean {
    if (record.ended) return false;
    record.cancelExpiry();
    record.attached = true;
    if (record.view === undefined) this.#tellMissed(record);
    // a notice that was under way when the connection broke is given again
    for (const key of record.client.watchedKeys) if (!record.watches.has(key)) record.client.notice(key);
    return true;
  }

  end(record: SessionRecord): void {
    if (record.ended) return;
    record.ended = true;
    record.attached = false;
    record.cancelExpiry();
    this.#sessions.delete(record.id);
    // one transaction, also when there is nothing to remove: the end of a session has a number as well
    this.#transact(
      this.#tree.ownedBy(record.id).map((path) => ({ type: 'delete', path })),
      record.id,
    );
  }

  handle(record: SessionRecord, request: CoordinationRequest): unknown {
    if (request.type === 'read') return this.#read(record, request);
    for (const land of record.late.splice(0)) land();
    if (request.type === 'close') return this.end(record);
    try {
      return request.type === 'write' ? this.#transact(request.operations, record.id) : undefined;
    } finally {
      this.#catchUp(record); // a follower answers a write after it has seen it
    }
  }

  /** A write whose sender has given up on it still stands in the network. */
  handleLate(record: SessionRecord, request: CoordinationRequest, delayMs: number | undefined): void {
    let landed = false;
    const land = (): void => {
      if (landed || record.ended || request.type !== 'write') return;
      landed = true;
      try {
        this.#transact(request.operations, record.id);
      } catch {
        // refused: nobody waits for the reason any more
      }
    };
    record.late.push(land);
    if (delayMs !== undefined) this.runtime.clock.setTimer(delayMs, land);
  }

  #read(record: SessionRecord, request: CoordinationRequest & { type: 'read' }): TreeNode | undefined {
    const { path, watched } = request;
    const node = record.view === undefined ? this.#tree.node(path) : record.view.get(path);
    // what the session misses while it lags comes after the state it has just read
    const since = record.missed[0] === undefined ? this.#tree.zxid : record.missed[0].zxid - 1n;
    if (watched && setsWatch(request, node)) record.watches.set(watchKey(request), since);
    // the answer shows this moment, also when it arrives later
    return request.operation === 'children' && node !== undefined
      ? { ...node, children: new Set(node.children) }
      : node && { ...node };
  }

  #transact(operations: Parameters<NodeTree['transact']>[0], owner: bigint): unknown {
    const done = this.#tree.transact(operations, { owner, nowMs: Math.floor(this.runtime.clock.wallMs()) });
    this.#observe?.({ zxid: done.zxid, sessionId: owner, operations });
    this.#publish(done.changes);
    return done;
  }

  #publish(changes: readonly TreeChange[]): void {
    for (const change of changes)
      for (const record of this.#sessions.values())
        if (record.attached && record.view === undefined) this.#tell(record, change);
        else record.missed.push(change);
  }

  #tell(record: SessionRecord, change: TreeChange): void {
    const key = watchKey(change);
    const since = record.watches.get(key);
    if (since === undefined || change.zxid <= since) return;
    record.watches.delete(key);
    record.client.notice(key);
  }

  #catchUp(record: SessionRecord): void {
    record.view = undefined;
    if (record.attached) this.#tellMissed(record);
  }

  #tellMissed(record: SessionRecord): void {
    for (const change of record.missed.splice(0)) this.#tell(record, change);
  }

  #expireLater(record: SessionRecord): void {
    record.cancelExpiry();
    if (record.attached || record.ended) return;
    const { clock, random } = this.runtime;
    const lastHeardMs = clock.monotonicMs() - (random.fraction() * record.timeoutMs) / 3;
    const dueMs = Math.ceil((lastHeardMs + record.timeoutMs) / this.#tickMs) * this.#tickMs;
    record.cancelExpiry = clock.setTimer(dueMs - clock.monotonicMs(), () => this.end(record));
  }
}
