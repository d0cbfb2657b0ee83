/**
 * Purpose: a session with the embedded server, in a connection of its own.
 * States: connected → suspended (silent for two thirds of the timeout) → connected, or → lost (final): connection ended, told
 * so, silent for the whole timeout, or closed.
 * What is authoritative: the server; `state` is a belief. The server ends a session together with its connection, so there is no
 * reconnecting: a broken connection is a lost session at once, also when the server was restarted.
 * On failure: what was sent and not answered rejects with `BATON_UNAVAILABLE_OUTCOME_UNKNOWN`; nothing is repeated.
 */
import {
  BatonError,
  type CoordinationSession,
  InputError,
  type Logger,
  type NodeData,
  type NodeOperation,
  type NodeStat,
  type NodeWatcher,
  type SessionState,
  type SessionToken,
  UnavailableError,
} from '@baton/core';
import { type Channel, openChannelWithin } from './channel.js';
import { checkNodePath } from './node-path.js';
import { type Operation, type ReplyOf, type RequestOf, reviveError, type SessionEvent } from './protocol.js';
import { SilenceTimer } from './silence-timer.js';

/** As ZooKeeper's packets, so that what works here works there. */
const REQUEST_BYTES_MAX = 1_000_000;
const OPERATION_OVERHEAD_BYTES = 64;
const CLOSE_WAIT_MS = 2_000;

export interface LocalSessionOptions {
  readonly address: string;
  readonly root: string;
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly logger: Logger;
}

type Watchers = Map<string, Set<NodeWatcher>>;

export class LocalSession implements CoordinationSession {
  readonly timeoutMs: number;
  readonly #root: string;
  readonly #logger: Logger;
  readonly #listeners = new Set<{ readonly tell: (state: SessionState) => void }>();
  /** By absolute path; the keys are the names of the server's events. */
  readonly #watchers: Readonly<Record<'changed' | 'children', Watchers>> = {
    changed: new Map(),
    children: new Map(),
  };
  #channel: Channel | undefined;
  #state: SessionState = 'suspended';
  #id = 0n;
  #secret = '';
  #stopTimers: () => void = () => undefined;
  #closing: Promise<void> | undefined;

  /** @throws UnavailableError `BATON_UNAVAILABLE_DISCONNECTED` */
  static async open(options: LocalSessionOptions): Promise<LocalSession> {
    const session = new LocalSession(options);
    await session.#open(options);
    return session;
  }

  private constructor({ root, timeoutMs, logger }: LocalSessionOptions) {
    this.timeoutMs = timeoutMs;
    this.#root = root;
    this.#logger = logger;
  }

  get id(): bigint {
    return this.#id;
  }

  get token(): SessionToken {
    return { sessionId: this.#id.toString(), secret: this.#secret };
  }

  get state(): SessionState {
    return this.#state;
  }

  onState(listener: (state: SessionState) => void): () => void {
    const entry = { tell: listener };
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  async create(
    path: string,
    data: Uint8Array,
    options: { readonly ephemeral?: boolean } = {},
  ): Promise<void> {
    await this.#transact([{ type: 'create', path, data, ephemeral: options.ephemeral === true }]);
  }

  async get(path: string, watcher?: NodeWatcher): Promise<NodeData> {
    const absolute = this.#at(path);
    return this.#call('node.get', { path: absolute, watch: watcher !== undefined }, () =>
      this.#watch('changed', absolute, watcher),
    );
  }

  async exists(path: string, watcher?: NodeWatcher): Promise<NodeStat | undefined> {
    const absolute = this.#at(path);
    return this.#call('node.exists', { path: absolute, watch: watcher !== undefined }, () =>
      this.#watch('changed', absolute, watcher),
    );
  }

  async children(path: string, watcher?: NodeWatcher): Promise<readonly string[]> {
    const absolute = this.#at(path);
    return this.#call('node.children', { path: absolute, watch: watcher !== undefined }, () =>
      this.#watch('children', absolute, watcher),
    );
  }

  async set(path: string, data: Uint8Array, version?: number): Promise<NodeStat> {
    const { stats } = await this.#transact([{ type: 'set', path, data, ...versionOf(version) }]);
    return stats[0] as NodeStat;
  }

  async delete(path: string, version?: number): Promise<void> {
    await this.#transact([{ type: 'delete', path, ...versionOf(version) }]);
  }

  async multi(operations: readonly NodeOperation[]): Promise<{ readonly zxid: bigint | undefined }> {
    const { zxid } = await this.#transact(operations);
    // the server knows it always; the port promises it only where ZooKeeper tells it
    return { zxid: operations.some(({ type }) => type === 'set') ? zxid : undefined };
  }

  /** One server in order: any answer is a barrier. */
  async barrier(): Promise<void> {
    await this.#call('session.ping', {});
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #open({ address, root, timeoutMs, connectTimeoutMs }: LocalSessionOptions): Promise<void> {
    const channel = await openChannelWithin(address, {
      withinMs: connectTimeoutMs,
      answerMs: timeoutMs,
      onEvent: (event) => this.#onEvent(event),
      onHeard: () => this.#heard(),
      onEnd: () => this.#lose('its connection ended'),
    });
    try {
      const { id, secret } = await channel.call('session.open', { timeoutMs, root });
      this.#id = id;
      this.#secret = secret;
      this.#channel = channel;
      this.#state = 'connected';
      this.#startTimers(channel);
    } catch (error) {
      channel.destroy();
      throw error;
    }
  }

  #startTimers(channel: Channel): void {
    const ping = setInterval(() => {
      channel.call('session.ping', {}).catch(() => undefined); // silence is what the timers below are for
    }, this.timeoutMs / 3);
    const doubt = new SilenceTimer({
      limitMs: (this.timeoutMs * 2) / 3,
      onSilence: () => this.#become('suspended'),
    });
    const loss = new SilenceTimer({
      limitMs: this.timeoutMs,
      onSilence: () => this.#lose(`nothing was heard for ${this.timeoutMs} ms`),
    });
    this.#heard = () => {
      doubt.heard();
      loss.heard();
      this.#become('connected');
    };
    this.#stopTimers = () => {
      clearInterval(ping);
      doubt.stop();
      loss.stop();
    };
  }

  #heard: () => void = () => undefined;

  #transact(operations: readonly NodeOperation[]): Promise<ReplyOf<'node.transact'>> {
    return new Promise((resolve) => {
      checkOperations(operations);
      const absolute = operations.map((each) => ({ ...each, path: this.#at(each.path) }));
      resolve(this.#call('node.transact', { operations: absolute }));
    });
  }

  /** `onAnswer` runs before anything that came after the answer: a notice of the watch it sets cannot slip by. */
  #call<O extends Operation>(
    op: O,
    request: RequestOf<O>,
    onAnswer: () => void = () => undefined,
  ): Promise<ReplyOf<O>> {
    if (this.#state === 'lost' || this.#closing !== undefined || this.#channel === undefined)
      return Promise.reject(
        new UnavailableError('BATON_UNAVAILABLE_SESSION_LOST', `the session is over; ${op} was not sent`),
      );
    if (this.#state === 'suspended')
      return Promise.reject(
        new UnavailableError(
          'BATON_UNAVAILABLE_DISCONNECTED',
          `the embedded server is silent; ${op} was not sent`,
        ),
      );
    return this.#channel.call(op, request, onAnswer).catch((error: unknown) => {
      throw this.#belowRoot(error);
    });
  }

  #watch(event: 'changed' | 'children', path: string, watcher: NodeWatcher | undefined): void {
    if (watcher === undefined) return;
    const watchers = this.#watchers[event].get(path);
    if (watchers === undefined) this.#watchers[event].set(path, new Set([watcher]));
    else watchers.add(watcher);
  }

  #onEvent(event: SessionEvent): void {
    if (event.event === 'expired') return this.#lose(event.reason);
    const watchers = this.#watchers[event.event].get(event.path) ?? [];
    this.#watchers[event.event].delete(event.path);
    for (const watcher of watchers) this.#guard(watcher, 'watcher');
  }

  async #close(): Promise<void> {
    if (this.#state !== 'lost' && this.#channel !== undefined) {
      const channel = this.#channel;
      const timer = setTimeout(() => channel.destroy(), Math.min(this.timeoutMs, CLOSE_WAIT_MS));
      // without an answer the server ends the session when it sees the end of the connection
      await channel.call('session.close', {}).catch(() => undefined);
      clearTimeout(timer);
    }
    this.#lose('it was closed');
  }

  #lose(reason: string): void {
    if (this.#state === 'lost') return;
    this.#stopTimers();
    this.#watchers.changed.clear();
    this.#watchers.children.clear();
    const quiet = this.#closing !== undefined || this.#channel === undefined;
    this.#logger[quiet ? 'debug' : 'warn']('session lost', { sessionId: this.#id.toString(16), reason });
    this.#become('lost');
    this.#channel?.destroy();
  }

  #become(state: SessionState): void {
    if (this.#state === state || this.#state === 'lost') return;
    this.#state = state;
    for (const { tell } of [...this.#listeners]) this.#guard(() => tell(state), 'state listener');
  }

  /** One careless listener must not keep the news from the others. */
  #guard(call: () => void, what: string): void {
    try {
      call();
    } catch (error) {
      this.#logger.error(`a ${what} threw`, { error });
    }
  }

  /** Users know paths below the root they were given. */
  #belowRoot(error: unknown): unknown {
    if (this.#root === '/' || !(error instanceof BatonError)) return error;
    const { code, message, details } = error;
    const absolute = details['path'];
    if (typeof absolute !== 'string') return error;
    const path = absolute.slice(this.#root.length) || '/';
    return reviveError({ code, message: message.replace(absolute, path), details: { ...details, path } });
  }

  #at(path: string): string {
    checkNodePath(path);
    if (this.#root === '/') return path;
    return path === '/' ? this.#root : this.#root + path;
  }
}

/** @throws InputError `BATON_INPUT_TOO_LARGE`, or `BATON_INPUT_INVALID` for removing the root */
export function checkOperations(operations: readonly NodeOperation[]): void {
  let bytes = 0;
  for (const operation of operations) {
    if (operation.type === 'delete' && operation.path === '/')
      throw new InputError('BATON_INPUT_INVALID', 'the root cannot be deleted');
    bytes += OPERATION_OVERHEAD_BYTES + Buffer.byteLength(operation.path);
    if ('data' in operation) bytes += operation.data.length;
  }
  if (bytes > REQUEST_BYTES_MAX)
    throw new InputError(
      'BATON_INPUT_TOO_LARGE',
      `request of ${bytes} bytes for ${operations[0]?.path} is above ${REQUEST_BYTES_MAX}`,
      { details: { sizeBytes: bytes, maxBytes: REQUEST_BYTES_MAX } },
    );
}

function versionOf(version: number | undefined): { readonly version?: number } {
  return version === undefined ? {} : { version };
}
