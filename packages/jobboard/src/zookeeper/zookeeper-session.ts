/**
 * Purpose: a session as the port describes it: operations as promises, with bounds, deadlines and our errors.
 * States: those of the port; `lost` also after `close`.
 * Authoritative: nothing is kept here but what is on its way.
 * On failure: what was sent and not answered is `OUTCOME_UNKNOWN`, what was not sent is `DISCONNECTED`; nothing is repeated here and
 *   nothing is carried over to another connection or session (P-509, P-1205).
 * Not here: the connection's health (`CuredConnection`).
 */
import {
  UnavailableError,
  codeOf,
  type CoordinationSession,
  type Logger,
  type NodeData,
  type NodeOperation,
  type NodeStat,
  type NodeWatcher,
  type SessionState,
  type SessionToken,
} from '@baton/core';
import type { Client, ClientError, Stat, Transaction } from 'node-zookeeper-client';
import { CuredConnection } from './cured-connection.js';
import { disconnected, mapError, outcomeUnknown, sessionLost, type FailedOperation } from './map-error.js';
import { checkOperations, checkPath } from './request-checks.js';

/** Answers are matched in order and handled in one go: more in flight only makes memory of waiting (P-1212). */
const inFlightMax = 1_000;
const persistent = 0;
const ephemeral = 1;
const anyVersion = -1;

/** `failed` names the operation of a transaction that failed. */
type Done<T> = (error: ClientError | null | undefined, result?: T, failed?: FailedOperation) => void;

interface Request<T> {
  readonly operation: string;
  readonly path: string;
  readonly issue: (client: Client, done: Done<T>) => void;
  readonly resolve: (result: T) => void;
  readonly reject: (error: unknown) => void;
  sentAtMs: number;
}

export interface ZookeeperSessionOptions {
  readonly servers: string;
  /** `""` or `/path`. */
  readonly root: string;
  readonly timeoutMs: number;
  readonly logger: Logger;
}

export class ZookeeperSession implements CoordinationSession {
  readonly #connection: CuredConnection;
  readonly #root: string;
  readonly #logger: Logger;
  readonly #listeners = new Set<(state: SessionState) => void>();
  /** Both in the order of issuing. */
  readonly #sent = new Set<Request<never>>();
  readonly #waiting = new Set<Request<never>>();
  #state: SessionState = 'suspended';
  #id = 0n;
  #token: SessionToken = { sessionId: '', secret: '' };

  private constructor(o: ZookeeperSessionOptions) {
    this.#root = o.root;
    this.#logger = o.logger;
    this.#connection = new CuredConnection({
      servers: o.servers,
      timeoutMs: o.timeoutMs,
      logger: o.logger,
      onState: (state, reason) => this.#onState(state, reason),
      onBeat: () => this.#expireRequests(),
    });
  }

  /** @throws UnavailableError `BATON_UNAVAILABLE_DISCONNECTED` when there is no session after `connectTimeoutMs`. */
  static async open(o: ZookeeperSessionOptions & { connectTimeoutMs: number }): Promise<ZookeeperSession> {
    const session = new ZookeeperSession(o);
    const connected = new Promise<boolean>((resolve) => {
      const limit = setTimeout(() => resolve(false), o.connectTimeoutMs);
      session.onState((state) => {
        clearTimeout(limit);
        resolve(state === 'connected');
      });
    });
    session.#connection.start();
    if (await connected) return session;
    await session.close();
    throw new UnavailableError(
      'BATON_UNAVAILABLE_DISCONNECTED',
      `no session with ZooKeeper at ${o.servers} within ${o.connectTimeoutMs} ms`,
    );
  }

  get id(): bigint {
    return this.#id;
  }

  get timeoutMs(): number {
    return this.#connection.timeoutMs;
  }

  get token(): SessionToken {
    return this.#token;
  }

  get state(): SessionState {
    return this.#state;
  }

  onState(listener: (state: SessionState) => void): () => void {
    const own = (state: SessionState): void => listener(state); // the same function may listen twice
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  async create(
    path: string,
    data: Uint8Array,
    options: { readonly ephemeral?: boolean } = {},
  ): Promise<void> {
    checkOperations([{ type: 'create', path, data }]);
    const mode = options.ephemeral === true ? ephemeral : persistent;
    const own = Buffer.from(data); // as it is now: the request may have to wait for its turn
    await this.#run<string>('create', path, (client, done) => client.create(this.#at(path), own, mode, done));
  }

  async get(path: string, watcher?: NodeWatcher): Promise<NodeData> {
    checkPath(path);
    return this.#run('get', path, (client, done) =>
      client.getData(this.#at(path), watcher, (error, data, stat) => {
        if (error) done(error);
        else done(null, { data: data ?? new Uint8Array(0), stat: statOf(stat) });
      }),
    );
  }

  async exists(path: string, watcher?: NodeWatcher): Promise<NodeStat | undefined> {
    checkPath(path);
    return this.#run('exists', path, (client, done) =>
      client.exists(this.#at(path), watcher, (error, stat) => {
        if (error) done(error);
        else done(null, stat === null ? undefined : statOf(stat));
      }),
    );
  }

  async children(path: string, watcher?: NodeWatcher): Promise<readonly string[]> {
    checkPath(path);
    return this.#run('children', path, (client, done) =>
      client.getChildren(this.#at(path), watcher, (error, names) => done(error, names)),
    );
  }

  async set(path: string, data: Uint8Array, version = anyVersion): Promise<NodeStat> {
    checkOperations([{ type: 'set', path, data }]);
    const own = Buffer.from(data);
    return this.#run<NodeStat>('set', path, (client, done) =>
      client.setData(this.#at(path), own, version, (error, stat) => {
        if (error) done(error);
        else done(null, statOf(stat));
      }),
    );
  }

  async delete(path: string, version = anyVersion): Promise<void> {
    checkOperations([{ type: 'delete', path }]);
    await this.#run<undefined>('delete', path, (client, done) =>
      client.remove(this.#at(path), version, done),
    );
  }

  async multi(operations: readonly NodeOperation[]): Promise<{ readonly zxid: bigint | undefined }> {
    checkOperations(operations);
    const transaction = this.#connection.client.transaction();
    for (const each of operations) this.#add(transaction, each);
    const paths = operations.map((each) => each.path);
    return this.#run('multi', paths[0] ?? '/', (_, done) =>
      transaction.commit((error, results) => {
        if (!error) {
          const set = results?.find((result) => result.stat !== undefined)?.stat;
          return done(null, { zxid: set?.mzxid.readBigInt64BE() });
        }
        const index = results?.findIndex((result) => (result.err ?? 0) !== 0) ?? -1;
        const path = paths[index];
        if (path === undefined) done(error);
        else done(error, undefined, { operation: 'multi', path, index });
      }),
    );
  }

  /** A transaction goes through the leader behind everything this session has in flight; the client has no `sync` (P-1213). */
  async barrier(): Promise<void> {
    try {
      await this.#run<undefined>('barrier', '/', (client, done) =>
        client
          .transaction()
          .check(this.#at('/'), anyVersion)
          .commit((error) => done(error)),
      );
    } catch (error) {
      // any verdict of the leader, even that there is no root, is as good
      if (codeOf(error) !== 'BATON_NOT_FOUND_NODE') throw error;
    }
  }

  /** The nodes of the root, which ZooKeeper wants made one by one. */
  async createRoot(): Promise<void> {
    const parts = this.#root.split('/').slice(1);
    for (const [index] of parts.entries()) {
      const path = `/${parts.slice(0, index + 1).join('/')}`;
      try {
        await this.#run<string>('create', path, (client, done) =>
          client.create(path, Buffer.alloc(0), persistent, done),
        );
      } catch (error) {
        if (codeOf(error) !== 'BATON_CONFLICT_NODE_EXISTS') throw error;
      }
    }
  }

  async close(): Promise<void> {
    const before = this.#state;
    this.#state = 'lost';
    this.#refuseWaiting();
    if (before !== 'lost') this.#tell('lost');
    await this.#connection.close();
  }

  #at(path: string): string {
    return path === '/' ? this.#root || '/' : this.#root + path;
  }

  #run<T>(operation: string, path: string, issue: Request<T>['issue']): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#state !== 'connected') return reject(this.#refusal(operation, path));
      const request: Request<T> = { operation, path, issue, resolve, reject, sentAtMs: 0 };
      if (this.#sent.size < inFlightMax) this.#send(request);
      else this.#waiting.add(request as unknown as Request<never>);
    });
  }

  /** Only while connected: what the client would queue it might send on another connection, or never answer (P-1205). */
  #refusal(operation: string, path: string): UnavailableError {
    return this.#state === 'lost' ? sessionLost(operation, path) : disconnected(operation, path);
  }

  #send<T>(request: Request<T>): void {
    const entry = request as unknown as Request<never>;
    request.sentAtMs = performance.now();
    this.#sent.add(entry);
    this.#connection.cork();
    request.issue(this.#connection.client, (error, result, failed) => {
      if (!this.#sent.delete(entry)) return; // its deadline has passed
      if (error) request.reject(mapError(error, failed ?? request));
      else request.resolve(result as T);
      this.#sendWaiting();
    });
  }

  #sendWaiting(): void {
    for (const request of this.#waiting) {
      if (this.#state !== 'connected' || this.#sent.size >= inFlightMax) return;
      this.#waiting.delete(request);
      this.#send(request);
    }
  }

  #refuseWaiting(): void {
    for (const { operation, path, reject } of this.#waiting) reject(this.#refusal(operation, path));
    this.#waiting.clear();
  }

  /** Each request has the session timeout as its own deadline, checked at each ping. */
  #expireRequests(): void {
    const oldestMs = performance.now() - this.timeoutMs;
    for (const request of this.#sent) {
      if (request.sentAtMs > oldestMs) return;
      this.#sent.delete(request);
      request.reject(
        outcomeUnknown(request.operation, request.path, `no answer within ${this.timeoutMs} ms`),
      );
    }
  }

  #onState(state: SessionState, reason: string): void {
    if (this.#state === 'lost') return;
    this.#state = state;
    if (state === 'connected') {
      this.#id = this.#connection.sessionId;
      this.#token = this.#connection.token;
    }
    this.#refuseWaiting();
    this.#logger[state === 'connected' ? 'debug' : 'warn'](`zookeeper.session-${state}`, {
      session: this.#id.toString(16),
      reason,
    });
    this.#tell(state);
  }

  #tell(state: SessionState): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(state);
      } catch (error) {
        this.#logger.error('coordination.listener-threw', { state, error });
      }
    }
  }

  /** The builder takes version 0 for "any version": it is set on the operation afterwards (P-1204). */
  #add(transaction: Transaction, operation: NodeOperation): void {
    const path = this.#at(operation.path);
    switch (operation.type) {
      case 'create':
        transaction.create(
          path,
          Buffer.from(operation.data),
          operation.ephemeral === true ? ephemeral : persistent,
        );
        return;
      case 'set':
        transaction.setData(path, Buffer.from(operation.data), anyVersion);
        break;
      case 'delete':
        transaction.remove(path, anyVersion);
        break;
      case 'check':
        transaction.check(path, anyVersion);
        break;
    }
    const added = transaction.ops.at(-1);
    if (added !== undefined && operation.version !== undefined) added.version = operation.version;
  }
}

function statOf(stat: Stat): NodeStat {
  return {
    czxid: stat.czxid.readBigInt64BE(),
    mzxid: stat.mzxid.readBigInt64BE(),
    version: stat.version,
    ctimeMs: Number(stat.ctime.readBigInt64BE()),
    mtimeMs: Number(stat.mtime.readBigInt64BE()),
    ephemeralOwner: stat.ephemeralOwner.readBigInt64BE(),
  };
}
