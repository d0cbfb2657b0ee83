/**
 * Purpose: one ZooKeeper session over node-zookeeper-client, cured of the client's defects (reliability 12.1, numbers at each
 *   cure). The client still encodes, matches answers to requests and sets watches again; sockets, framing, liveness and the
 *   life of the session are ours.
 * States: connecting (no session yet) → connected ⇄ suspended → over. `close` leads to over from any of them.
 * Authoritative: the server for whether the session lives. Our clock only errs on the safe side: silent for two thirds of the
 *   timeout is suspended, silent for all of it is over, though the server may still know the session (P-1201).
 * On failure: the socket is given up and the next server tried, until the session is over.
 * Not here: operations and their errors (`ZookeeperSession`).
 */
import net, { type Socket } from 'node:net';
import type { LastWords, Logger, SessionState, SessionToken } from '@baton/core';
import zookeeper, { type Client, type ConnectionManager } from 'node-zookeeper-client';
import { connectionLoss, notSent } from './map-error.js';
import { WatcherRegistry } from './watcher-registry.js';

export interface CuredConnectionOptions {
  /** `host:port,host:port`. */
  readonly servers: string;
  readonly timeoutMs: number;
  /** Attaches to this session instead of opening one. Only to close it: two clients on one session evict each other (P-1003). */
  readonly attachTo?: SessionToken;
  readonly logger: Logger;
  /** Told before the requests in flight are failed, so that nobody takes a failed one for the sign of a free place. Not told after `close`. */
  readonly onState: (state: SessionState, reason: string) => void;
  /** Called every third of the timeout while connected, for request deadlines. */
  readonly onBeat: () => void;
}

/** States of the client's connection manager. */
const manager = { disconnected: 0, connecting: 1, connected: 2, closing: -1, expired: -3 } as const;

const pingFrame = Buffer.from([0, 0, 0, 8, 0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 11]);
const frameBytesMax = 16 * 1024 * 1024;
const redialDelayMaxMs = 200;
const anyVersion = -1;
/** Connections that carry last words: a client of the session that still lives evicts one or two, a server that cuts them for the words ends that. */
const wordsTriesMax = 5;
/** A close without an answer is sent again after so long, then after twice as long, and so on. */
const closeAnswerMinMs = 250;
const xidPing = -2;
const xidNotice = -1;

export class CuredConnection {
  readonly client: Client;
  readonly #manager: ConnectionManager;
  readonly #watchers: WatcherRegistry;
  readonly #options: CuredConnectionOptions;
  #state: 'connecting' | 'connected' | 'suspended' | 'over' = 'connecting';
  #rest: Buffer | undefined;
  #heardAtMs = 0;
  #pingedAtMs = 0;
  #server = 0;
  #dialled = 0;
  #beat: NodeJS.Timeout | undefined;
  #redial: NodeJS.Timeout | undefined;
  /** Until the answer to the handshake, or to the close. */
  #answerLimit: NodeJS.Timeout | undefined;
  #confirming = false;
  #closing:
    { readonly promise: Promise<boolean>; readonly resolve: (confirmed: boolean) => void } | undefined;
  #closeLimit: NodeJS.Timeout | undefined;
  #lastWords: LastWords | undefined;
  #wordsSent = 0;
  #closeAnswerMs = closeAnswerMinMs;

  constructor(options: CuredConnectionOptions) {
    this.#options = options;
    const { attachTo } = options;
    this.client = zookeeper.createClient(options.servers, {
      sessionTimeout: options.timeoutMs,
      retries: 0,
      ...(attachTo && {
        sessionId: Buffer.from(attachTo.sessionId, 'hex'),
        sessionPassword: Buffer.from(attachTo.secret, 'hex'),
      }),
    });
    this.#watchers = new WatcherRegistry(options.logger);
    this.#manager = this.client.connectionManager;
    this.#manager.watcherManager = this.#watchers;
    this.#manager.connect = () => this.#dial(); // P-1215: the socket is ours
    this.#manager.onSocketTimeout = () => undefined; // P-1207: its ping timer is reset by reads; ours is not
    this.#manager.xid = 1; // P-1209
  }

  /** What the server granted. */
  get timeoutMs(): number {
    return this.#manager.sessionTimeout;
  }

  get sessionId(): bigint {
    return this.#manager.sessionId.readBigInt64BE();
  }

  /** Secret. */
  get token(): SessionToken {
    const { sessionId, sessionPassword } = this.#manager;
    return { sessionId: sessionId.toString('hex'), secret: sessionPassword.toString('hex') };
  }

  start(): void {
    this.#manager.connect();
  }

  /** Whatever is written until the end of this tick leaves in one piece. */
  cork(): void {
    const { socket } = this.#manager;
    if (socket === undefined || socket.writableCorked > 0) return;
    socket.cork();
    process.nextTick(() => socket.uncork());
  }

  /**
   * Ends the session. While there is no connection this goes on dialling, for as long as the session could be alive (P-1206). Safe
   * in each state, also twice. Resolves to whether the server has said that the session is over. `lastWords` (full path) are sent in
   * one piece with the end.
   */
  close(lastWords?: LastWords): Promise<boolean> {
    if (this.#closing !== undefined) return this.#closing.promise;
    let resolve = (_confirmed: boolean): void => undefined;
    const promise = new Promise<boolean>((done) => (resolve = done));
    this.#closing = { promise, resolve };
    this.#watchers.clear();
    this.#lastWords = lastWords;
    if (this.#state === 'over' || this.sessionId === 0n) {
      this.#end('closed before it began');
      resolve(true);
      return promise;
    }
    this.#closeLimit = setTimeout(() => this.#end('closed without an answer'), this.timeoutMs);
    if (this.#state === 'connected') this.#sendClose();
    return promise;
  }

  /**
   * The server drops a close without a word when the session was closed between the handshake of this connection and the close, by
   * one that an earlier connection sent: only the next handshake tells that it is over.
   */
  #sendClose(): void {
    this.#answerLimit = setTimeout(() => {
      this.#closeAnswerMs *= 2;
      this.#manager.socket?.destroy();
    }, this.#closeAnswerMs);
    this.cork();
    if (this.#lastWords !== undefined && this.#wordsSent++ < wordsTriesMax) {
      const { path, data } = this.#lastWords;
      this.client.setData(path, Buffer.from(data), anyVersion, (error) => {
        if (error) this.#options.logger.debug('zookeeper.last-words-refused', { path, error });
      });
    }
    this.#manager.close();
  }

  #dial(): void {
    if (this.#state === 'over') return;
    const { servers } = this.#manager;
    this.#manager.setState(manager.connecting);
    const round = Math.floor(this.#dialled / servers.length);
    const delayMs =
      this.#dialled % servers.length > 0 || round === 0
        ? 0
        : Math.random() * Math.min(redialDelayMaxMs, 10 * 2 ** round);
    this.#dialled++;
    if (delayMs === 0) this.#open();
    else this.#redial = setTimeout(() => this.#open(), delayMs);
  }

  #open(): void {
    const { servers } = this.#manager;
    const server = servers[this.#server++ % servers.length] as { host: string; port: number | string };
    const socket = net.connect({ host: server.host, port: Number(server.port), noDelay: true });
    this.#manager.socket = socket;
    const limitMs = Math.ceil(this.#options.timeoutMs / (2 * servers.length));
    this.#answerLimit = setTimeout(() => socket.destroy(), limitMs);
    socket.on('connect', () => this.#manager.onSocketConnected());
    socket.on('data', (chunk) => this.#onData(socket, chunk));
    socket.on('drain', () => this.#manager.onSocketDrain());
    socket.on('error', (error) => {
      this.#options.logger.debug('zookeeper.socket-failed', { ...server, error });
    });
    socket.on('close', () => this.#onClosed());
  }

  /** Own framing: the client's copies the rest of the chunk once per frame, recurses (P-1212), and keeps half frames (P-1203). */
  #onData(socket: Socket, chunk: Buffer): void {
    this.#heardAtMs = performance.now();
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    let offset = 0;
    while (bytes.length - offset >= 4) {
      const size = bytes.readInt32BE(offset);
      if (size < 0 || size > frameBytesMax) return void socket.destroy();
      const end = offset + 4 + size;
      if (end > bytes.length) break;
      this.#onFrame(bytes.subarray(offset, end));
      if (socket.destroyed) return;
      offset = end;
    }
    if (offset < bytes.length) this.#rest = bytes.subarray(offset);
  }

  #onFrame(frame: Buffer): void {
    if (this.#manager.state === manager.connecting) return this.#onHandshake(frame);
    const xid = frame.readInt32BE(4);
    if (xid === xidPing) return;
    if (xid === xidNotice) {
      // length 4, header 16 (request id, transaction, error), kind 4, state 4, path: length 4 and text
      if (this.#closing === undefined) this.#watchers.fire(frame.readInt32BE(20), frame.toString('utf8', 32));
      return;
    }
    try {
      this.#manager.onSocketData(frame);
    } catch (error) {
      // An answer that cannot be decoded leaves the requests after it without theirs: the connection is of no use any more
      this.#options.logger.error('zookeeper.answer-undecodable', { error });
      this.#manager.socket?.destroy();
      return;
    }
    if (this.#manager.state === manager.closing && this.#manager.pendingQueue.length === 0)
      this.#end('closed', { confirmed: true });
  }

  #onHandshake(frame: Buffer): void {
    clearTimeout(this.#answerLimit);
    // length 4, protocol version 4, timeout 4, session id 8
    const expired = frame.readInt32BE(8) <= 0;
    const before = this.sessionId;
    if (expired) return this.#end('expired', { confirmed: true });
    if (before !== 0n && frame.readBigInt64BE(12) !== before)
      return this.#end('replaced by the server', { confirmed: true }); // P-1214
    this.#dialled = 0;
    this.#pingedAtMs = this.#heardAtMs;
    this.#state = 'connected';
    this.#manager.onSocketData(frame); // sends the watches again before anybody can ask for anything
    if (this.#closing !== undefined) return this.#sendClose();
    this.#armBeat();
    this.#options.onState('connected', 'handshake');
  }

  #onClosed(): void {
    clearTimeout(this.#answerLimit);
    if (this.#state === 'over') return;
    const wasConnected = this.#state === 'connected';
    if (wasConnected) this.#state = 'suspended';
    if (this.#manager.state === manager.closing) this.#manager.state = manager.disconnected; // unconfirmed: dial and close again
    if (wasConnected && this.#closing === undefined)
      this.#options.onState('suspended', 'the connection was lost');
    this.#dropQueues();
    this.#manager.onSocketClosed(); // fails what is in flight, then dials
  }

  /** Nothing of a connection may reach the next one: half a frame (P-1203), packets (P-1210, P-1211), request ids (P-1209). */
  #dropQueues(): void {
    this.#rest = undefined;
    this.#manager.xid = 1;
    const packets = this.#manager.packetQueue.queue;
    this.#manager.packetQueue.queue = [];
    for (const packet of packets) packet.callback(notSent);
  }

  #armBeat(): void {
    clearTimeout(this.#beat);
    const { timeoutMs } = this;
    const silentLimitMs = this.#state === 'connected' ? (2 * timeoutMs) / 3 : timeoutMs;
    const dueMs = [this.#heardAtMs + silentLimitMs];
    if (this.#state === 'connected') dueMs.push(this.#pingedAtMs + timeoutMs / 3);
    this.#beat = setTimeout(() => this.#onBeat(), Math.max(1, Math.min(...dueMs) - performance.now()));
  }

  #onBeat(): void {
    const { timeoutMs } = this;
    const silentMs = performance.now() - this.#heardAtMs;
    // After a pause of this process timers run before sockets are read: the answer may lie there already
    if (silentMs >= (2 * timeoutMs) / 3 && !this.#confirming) {
      this.#confirming = true;
      setImmediate(() => {
        if (this.#state !== 'over') this.#onBeat();
      });
      return;
    }
    this.#confirming = false;
    if (silentMs >= timeoutMs) return this.#end(`silent for ${Math.round(silentMs)} ms`);
    if (this.#state === 'connected') {
      if (silentMs >= (2 * timeoutMs) / 3) this.#manager.socket?.destroy();
      else if (performance.now() - this.#pingedAtMs >= timeoutMs / 3) this.#ping();
    }
    this.#armBeat();
  }

  #ping(): void {
    this.#pingedAtMs = performance.now();
    this.#manager.socket?.write(pingFrame);
    this.#options.onBeat();
  }

  /** Final. Requests in flight have an unknown outcome, those not yet written none. */
  #end(reason: string, { confirmed } = { confirmed: false }): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    for (const timer of [this.#beat, this.#redial, this.#answerLimit, this.#closeLimit]) clearTimeout(timer);
    this.#watchers.clear();
    this.#manager.setState(manager.expired); // the client must not dial again
    if (this.#closing === undefined) this.#options.onState('lost', reason);
    else this.#closing.resolve(confirmed);
    this.#dropQueues();
    this.#manager.cleanupPendingQueue(connectionLoss);
    this.#manager.socket?.destroy();
  }
}
