/**
 * Purpose: a client's side of one simulated session: what is on its way to the service and back, and what the client believes.
 * States: connected → suspended (connection broken, or silent for two thirds of the timeout) → connected, or → lost (told so
 *   when it reached the service again, or silent for the whole timeout by its own clock). Lost is final.
 * What is authoritative: the service; `state` is a belief and may be late.
 * On failure: what was sent and not answered is `BATON_UNAVAILABLE_OUTCOME_UNKNOWN`: some of it was applied, in order.
 * Not here: the tree and other sessions.
 */
import {
  ConflictError,
  type CoordinationSession,
  InputError,
  type NodeData,
  type NodeOperation,
  type NodeStat,
  type NodeWatcher,
  NotFoundError,
  type SessionState,
  type SessionToken,
  UnavailableError,
} from '@baton/core';
import { integerBelow, shuffled } from '../chance.js';
import type { Wire } from '../wire.js';
import { type Transaction, type TreeNode, TreeRefusal } from './node-tree.js';
import {
  checkNodePath,
  checkOperations,
  type CoordinationRequest,
  setsWatch,
  watchKey,
  type WriteName,
} from './requests.js';
import type { SessionRecord, SimulatedCoordinationService } from './simulated-coordination-service.js';

interface Sent {
  readonly request: CoordinationRequest;
  readonly watcher: NodeWatcher | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export class SimulatedSession implements CoordinationSession {
  readonly #service: SimulatedCoordinationService;
  readonly #root: string;
  readonly #wire: Wire;
  readonly #record: SessionRecord;
  readonly #listeners = new Set<(state: SessionState) => void>();
  readonly #unanswered = new Set<Sent>();
  /** By `watchKey`; set when the answer of the read has come, taken when the notice comes. */
  readonly #watchers = new Map<string, Set<NodeWatcher>>();
  #outgoing: Sent[] = [];
  #incoming: (() => void)[] = [];
  #state: SessionState = 'connected';
  /** Partitioned, and has not found out yet. */
  #silent = false;
  #closing: Promise<void> | undefined;
  #cancelTimers: (() => void)[] = [];

  constructor(
    service: SimulatedCoordinationService,
    options: { readonly root: string; readonly timeoutMs: number; readonly wire: Wire },
  ) {
    this.#service = service;
    this.#root = options.root;
    this.#wire = options.wire;
    this.#record = service.open(this, options.timeoutMs);
    if (!this.#wire.alive) service.detach(this.#record);
  }

  get id(): bigint {
    return this.#record.id;
  }

  get timeoutMs(): number {
    return this.#record.timeoutMs;
  }

  get token(): SessionToken {
    return { sessionId: this.#record.id.toString(), secret: this.#record.secret };
  }

  get state(): SessionState {
    return this.#state;
  }

  onState(listener: (state: SessionState) => void): () => void {
    const own = (state: SessionState) => listener(state);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  async create(
    path: string,
    data: Uint8Array,
    options: { readonly ephemeral?: boolean } = {},
  ): Promise<void> {
    await this.#write('create', [{ type: 'create', path, data, ephemeral: options.ephemeral === true }]);
  }

  async get(path: string, watcher?: NodeWatcher): Promise<NodeData> {
    const { data, stat } = await this.#readExisting('get', path, watcher);
    return { data: data.slice(), stat };
  }

  async exists(path: string, watcher?: NodeWatcher): Promise<NodeStat | undefined> {
    return (await this.#read('exists', path, watcher))?.stat;
  }

  async children(path: string, watcher?: NodeWatcher): Promise<readonly string[]> {
    const names = (await this.#readExisting('children', path, watcher)).children;
    return shuffled(this.#service.runtime.random, names);
  }

  async set(path: string, data: Uint8Array, version?: number): Promise<NodeStat> {
    const { stats } = await this.#write('set', [{ type: 'set', path, data, ...versionOf(version) }]);
    return stats.get(0) as NodeStat;
  }

  async delete(path: string, version?: number): Promise<void> {
    await this.#write('delete', [{ type: 'delete', path, ...versionOf(version) }]);
  }

  async multi(operations: readonly NodeOperation[]): Promise<{ readonly zxid: bigint | undefined }> {
    const { stats, zxid } = await this.#write('multi', operations);
    return { zxid: stats.size > 0 ? zxid : undefined };
  }

  async barrier(): Promise<void> {
    await this.#send({ type: 'barrier', operation: 'barrier' });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  // ---- called by the service

  /** The client's connection is gone and it knows. */
  connectionClosed({ reconnectAfterMs }: { reconnectAfterMs: number }): void {
    if (this.#state === 'lost') return;
    if (this.#record.attached) this.#applySomeOutgoing();
    this.#service.detach(this.#record);
    this.#wire.notice(() => {
      this.#suspend(this.timeoutMs);
      if (Number.isFinite(reconnectAfterMs)) this.#later(reconnectAfterMs, () => this.reconnect());
    });
  }

  /** The client hears nothing any more and finds out by its own clock. */
  connectionSilent(): void {
    if (this.#state !== 'connected') return;
    this.#silent = true;
    this.#wire.notice(() => {
      // a process that was held may be heard again before it begins to wait
      if (this.#silent) this.#later((this.timeoutMs * 2) / 3, () => this.#suspend(this.timeoutMs / 3));
    });
  }

  reconnect(): void {
    this.#wire.notice(() => this.#reconnect());
  }

  #reconnect(): void {
    if (this.#state === 'lost' || this.#record.attached || this.#service.down) return;
    if (!this.#service.attach(this.#record)) return this.#lose();
    if (this.#unanswered.size > 0) this.#suspend(this.timeoutMs);
    this.#clearTimers();
    this.#silent = false;
    this.#become('connected');
  }

  get watchedKeys(): Iterable<string> {
    return [...this.#watchers.keys()];
  }

  notice(key: string): void {
    this.#comeIn(() => {
      if (this.#state !== 'connected' || this.#silent) return;
      const watchers = this.#watchers.get(key) ?? [];
      this.#watchers.delete(key);
      for (const watcher of watchers) watcher();
    });
  }

  // ---- requests

  async #write(operation: WriteName, relative: readonly NodeOperation[]): Promise<Transaction> {
    checkOperations(relative);
    const operations = relative.map((each) => ({
      ...each,
      path: this.#absolute(each.path),
      ...('data' in each ? { data: each.data.slice() } : {}),
    }));
    return (await this.#send({ type: 'write', operation, operations })) as Transaction;
  }

  async #read(
    operation: 'get' | 'exists' | 'children',
    path: string,
    watcher: NodeWatcher | undefined,
  ): Promise<TreeNode | undefined> {
    checkNodePath(path);
    const request = {
      type: 'read',
      operation,
      kind: operation === 'children' ? 'children' : 'data',
      path: this.#absolute(path),
      watched: watcher !== undefined,
    } as const;
    return (await this.#send(request, watcher)) as TreeNode | undefined;
  }

  async #readExisting(operation: 'get' | 'children', path: string, watcher?: NodeWatcher): Promise<TreeNode> {
    const node = await this.#read(operation, path, watcher);
    if (node === undefined)
      throw this.#errorOf(new TreeRefusal('BATON_NOT_FOUND_NODE', this.#absolute(path), 0));
    return node;
  }

  #send(request: CoordinationRequest, watcher?: NodeWatcher): Promise<unknown> {
    if (this.#state === 'lost' || (this.#closing !== undefined && request.type !== 'close'))
      return Promise.reject(sessionLost());
    if (this.#state === 'suspended')
      return Promise.reject(
        new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'the session is suspended; nothing was sent'),
      );
    return new Promise((resolve, reject) => {
      const sent: Sent = { request, watcher, resolve, reject };
      this.#unanswered.add(sent);
      if (this.#outgoing.push(sent) === 1) this.#wire.toService(() => this.#arrive());
    });
  }

  /** The service takes what has been sent so far, in order, until a fault breaks the connection. */
  #arrive(): void {
    if (!this.#record.attached) return;
    for (let sent = this.#outgoing.shift(); sent !== undefined; sent = this.#outgoing.shift()) {
      const { request } = sent;
      const fault = this.#service.faults.take(request.operation);
      if (fault?.kind === 'refuse')
        this.#answer(sent, {
          error: new UnavailableError('BATON_UNAVAILABLE_REFUSED', 'refused by a planned fault'),
        });
      else if (fault?.kind === undefined) this.#answer(sent, this.#outcomeOf(request));
      else {
        if (fault.kind === 'lose-reply' && request.type !== 'read') this.#outcomeOf(request);
        if (fault.kind === 'land-late') this.#service.handleLate(this.#record, request, fault.delayMs);
        this.#outgoing = []; // nothing behind it gets through on this connection
        // answers that were under way before the break still arrive
        this.#comeIn(() => this.connectionClosed({ reconnectAfterMs: 10 }));
        this.#service.detach(this.#record);
        return;
      }
    }
  }

  #outcomeOf(request: CoordinationRequest): { value: unknown } | { error: unknown } {
    try {
      return { value: this.#service.handle(this.#record, request) };
    } catch (error) {
      return { error: this.#errorOf(error) };
    }
  }

  #answer(sent: Sent, outcome: { value: unknown } | { error: unknown }): void {
    this.#comeIn(() => {
      if (this.#silent || !this.#unanswered.delete(sent)) return;
      if ('error' in outcome) return sent.reject(outcome.error);
      this.#setWatcher(sent, outcome.value as TreeNode | undefined);
      sent.resolve(outcome.value);
    });
  }

  #setWatcher({ request, watcher }: Sent, node: TreeNode | undefined): void {
    if (request.type !== 'read' || watcher === undefined || !setsWatch(request, node)) return;
    const key = watchKey(request);
    this.#watchers.set(key, (this.#watchers.get(key) ?? new Set()).add(watcher));
  }

  /** Everything from the service comes in over one connection, in order. */
  #comeIn(callback: () => void): void {
    if (this.#incoming.push(callback) > 1) return;
    this.#wire.toClient(() => {
      const due = this.#incoming;
      this.#incoming = [];
      for (const each of due) each();
    });
  }

  /** What had been sent when the connection broke: a part of it reached the service, in order. */
  #applySomeOutgoing(): void {
    const arrived = integerBelow(this.#service.runtime.random, this.#outgoing.length + 1);
    for (const { request } of this.#outgoing.splice(0).slice(0, arrived))
      if (request.type !== 'read' && !this.#record.ended) this.#outcomeOf(request);
  }

  // ---- states

  async #close(): Promise<void> {
    if (this.#state === 'connected')
      // without an answer the service ends the session by itself, later
      await this.#send({ type: 'close', operation: 'close' }).catch(() => undefined);
    this.#service.detach(this.#record);
    this.#lose();
  }

  #suspend(loseAfterMs: number): void {
    if (this.#state !== 'connected') return;
    this.#clearTimers();
    this.#outgoing = [];
    this.#later(loseAfterMs, () => this.#lose());
    this.#become('suspended');
    this.#failUnanswered();
  }

  #lose(): void {
    if (this.#state === 'lost') return;
    this.#clearTimers();
    this.#watchers.clear();
    this.#become('lost');
    this.#failUnanswered();
  }

  #failUnanswered(): void {
    const failed = [...this.#unanswered];
    this.#unanswered.clear();
    for (const { request, reject } of failed)
      reject(
        new UnavailableError('BATON_UNAVAILABLE_OUTCOME_UNKNOWN', `no answer to ${request.operation}`, {
          details: { operation: request.operation },
        }),
      );
  }

  #become(state: SessionState): void {
    if (this.#state === state) return;
    this.#state = state;
    for (const listener of [...this.#listeners]) listener(state);
  }

  #later(delayMs: number, callback: () => void): void {
    this.#cancelTimers.push(this.#wire.clock.setTimer(delayMs, callback));
  }

  #clearTimers(): void {
    for (const cancel of this.#cancelTimers.splice(0)) cancel();
  }

  // ---- paths and errors, as seen below the client's root

  #absolute(path: string): string {
    if (this.#root === '/') return path;
    return path === '/' ? this.#root : this.#root + path;
  }

  #errorOf(error: unknown): unknown {
    if (!(error instanceof TreeRefusal)) return error;
    const { code, index } = error;
    const path = this.#root === '/' ? error.path : error.path.slice(this.#root.length) || '/';
    const details = { path, index };
    if (code.startsWith('BATON_CONFLICT_'))
      return new ConflictError(code as ConflictError['code'], `${path} is not as expected`, { details });
    if (code.startsWith('BATON_NOT_FOUND_'))
      return new NotFoundError(code as NotFoundError['code'], `there is no node ${path}`, { details });
    return new InputError(code as InputError['code'], `an ephemeral node cannot have the child ${path}`, {
      details,
    });
  }
}

function versionOf(version: number | undefined): { version?: number } {
  return version === undefined ? {} : { version };
}

function sessionLost(): UnavailableError {
  return new UnavailableError('BATON_UNAVAILABLE_SESSION_LOST', 'the session is over');
}
