/**
 * Purpose: stands between a client and any TCP service and does to the bytes what networks do.
 * States: a mode for connections as a whole (pass, black hole, refuse, hang up), a delay, and at most one fault armed for what comes next.
 * Authoritative: nothing; it looks into no protocol. Whoever does is given the bytes as the service sees them (`tap`).
 * On failure: a service that cannot be reached looks to the client like a connection that is closed.
 * Not here: bandwidth.
 */
import { setTimeout as delay } from 'node:timers/promises';
import net, { type AddressInfo, type Socket } from 'node:net';

export interface BlackHole {
  /** Hold back what the client sends; default true. */
  readonly toService?: boolean;
  /** Hold back what the service sends; default true. */
  readonly toClient?: boolean;
}

/** Told the bytes of one connection: what reached the service, and what it answered, whether the client gets it or not. */
export interface Tap {
  toService(chunk: Buffer): void;
  toClient(chunk: Buffer): void;
}

type Direction = 'toService' | 'toClient';

interface Pair {
  readonly client: Socket;
  readonly service: Socket;
  readonly tap: Tap | undefined;
  /** What is under way on a slow link, each direction in order. */
  readonly underWay: Record<Direction, Promise<void> | undefined>;
  /** The request has passed: the service's next bytes are its reply. */
  awaitingReply?: boolean;
}

type Mode = 'pass' | 'hang-up' | { readonly hole: BlackHole };

export class FaultProxy {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #server = net.createServer((client) => this.#accept(client));
  readonly #pairs = new Set<Pair>();
  #port = 0;
  #mode: Mode = 'pass';
  #cutReplyAfterBytes: number | undefined;
  #cutReplyTo: ((request: Buffer) => boolean) | undefined;
  #cutRequest: ((request: Buffer) => boolean) | undefined;
  #swallowRequest: ((request: Buffer) => boolean) | undefined;
  #rewrite: ((reply: Buffer) => Buffer) | undefined;
  #delayMs = 0;
  /** What the service sends, and its close, waits for that: it is read all the same, so that a tap sees it when it was sent. */
  #answersHeld: Promise<void> | undefined;
  #letAnswersPass: () => void = () => undefined;
  /** Asked at each new connection. */
  tap: () => Tap | undefined = () => undefined;
  /** Sees each chunk a client sends, before anything is done to it; a new connection is told by `connection`. */
  onRequest: (chunk: Buffer) => void = () => undefined;
  onConnection: () => void = () => undefined;

  private constructor(target: string) {
    const colon = target.lastIndexOf(':');
    this.#target = { host: target.slice(0, colon), port: Number(target.slice(colon + 1)) };
  }

  /** `target` and the proxy's own address are `host:port`. */
  static async start(target: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    await proxy.#listen();
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** Ends every fault. What a black hole held back arrives now, as after a partition. */
  async pass(): Promise<void> {
    this.#mode = 'pass';
    this.#delayMs = 0;
    this.#cutReplyAfterBytes = this.#cutReplyTo = this.#cutRequest = undefined;
    this.#swallowRequest = this.#rewrite = undefined;
    this.#letAnswersPass();
    this.#answersHeld = undefined;
    for (const { client } of this.#pairs) client.resume();
    if (!this.#server.listening) await this.#listen();
  }

  /** Connections stay, new ones are accepted, and no byte (nor a close) comes through until `pass`. */
  blackHole({ toService = true, toClient = true }: BlackHole = {}): void {
    this.#mode = { hole: { toService, toClient } };
    if (toService) for (const { client } of this.#pairs) client.pause();
    if (toClient) this.#answersHeld ??= new Promise((resolve) => (this.#letAnswersPass = resolve));
  }

  /** Every chunk takes so long, in each direction, until `pass`. */
  slow(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  /** Closes all connections; new ones pass. */
  cut(): void {
    for (const pair of this.#pairs) this.#drop(pair);
  }

  /** Closes all connections and the port: new ones are refused by the system, until `pass`. */
  async refuse(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cut();
    await closed;
  }

  /** Closes all connections and each new one as soon as it has come, until `pass`. */
  hangUp(): void {
    this.#mode = 'hang-up';
    this.cut();
  }

  /** Lets `bytes` bytes of what the service sends next through, then closes that connection: a frame cut in the middle. */
  cutReplyAfter(bytes: number): void {
    this.#cutReplyAfterBytes = bytes;
  }

  /** The next request for which `matches` holds reaches the service; when it answers, the connection is closed instead. */
  cutReplyTo(matches: (request: Buffer) => boolean = () => true): void {
    this.#cutReplyTo = matches;
  }

  /** The next request for which `matches` holds never reaches the service; its connection is closed instead. */
  cutRequest(matches: (request: Buffer) => boolean = () => true): void {
    this.#cutRequest = matches;
  }

  /** The next request for which `matches` holds never reaches the service; its connection stays. */
  swallowRequest(matches: (request: Buffer) => boolean): void {
    this.#swallowRequest = matches;
  }

  /** Changes the next bytes of the service, once. */
  rewriteReply(rewrite: (reply: Buffer) => Buffer): void {
    this.#rewrite = rewrite;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.refuse();
  }

  async #listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#port, '127.0.0.1', () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  #accept(client: Socket): void {
    client.on('error', () => undefined); // told by 'close'
    if (this.#mode === 'hang-up') return void client.destroy();
    const service = net.connect({ ...this.#target, noDelay: true });
    service.on('error', () => undefined);
    client.setNoDelay(true);
    const underWay = { toService: undefined, toClient: undefined };
    const pair: Pair = { client, service, tap: this.tap(), underWay };
    this.#pairs.add(pair);
    this.onConnection();
    client.on('data', (chunk) => this.#request(pair, chunk));
    service.on('data', (chunk) => this.#reply(pair, chunk));
    client.on('close', () => this.#drop(pair));
    service.on('close', () => this.#pass(pair, 'toClient', () => this.#drop(pair)));
    if (typeof this.#mode === 'object' && this.#mode.hole.toService === true) client.pause();
  }

  #request(pair: Pair, chunk: Buffer): void {
    this.onRequest(chunk);
    if (this.#cutRequest?.(chunk) === true) {
      this.#cutRequest = undefined;
      return this.#drop(pair);
    }
    if (this.#swallowRequest?.(chunk) === true) {
      this.#swallowRequest = undefined;
      return;
    }
    if (this.#cutReplyTo?.(chunk) === true) {
      this.#cutReplyTo = undefined;
      pair.awaitingReply = true;
    }
    this.#pass(pair, 'toService', () => {
      pair.tap?.toService(chunk);
      pair.service.write(chunk);
    });
  }

  #reply(pair: Pair, chunk: Buffer): void {
    pair.tap?.toClient(chunk);
    if (pair.awaitingReply === true) return this.#pass(pair, 'toClient', () => this.#drop(pair));
    const rewrite = this.#rewrite;
    this.#rewrite = undefined;
    const limit = this.#cutReplyAfterBytes;
    this.#cutReplyAfterBytes = undefined;
    if (limit !== undefined) {
      pair.client.end(chunk.subarray(0, limit), () => this.#drop(pair));
      return;
    }
    const bytes = rewrite === undefined ? chunk : rewrite(chunk);
    this.#pass(pair, 'toClient', () => pair.client.write(bytes));
  }

  /** At once, or behind what is under way already. */
  #pass(pair: Pair, direction: Direction, deliver: () => void): void {
    const { underWay } = pair;
    const held = direction === 'toClient' ? this.#answersHeld : undefined;
    if (this.#delayMs === 0 && underWay[direction] === undefined && held === undefined) return deliver();
    const arrives = delay(this.#delayMs, undefined, { ref: false });
    const passed: Promise<void> = Promise.all([arrives, underWay[direction], held]).then(() => {
      if (underWay[direction] === passed) underWay[direction] = undefined;
      if (this.#pairs.has(pair)) deliver();
    });
    underWay[direction] = passed;
  }

  #drop(pair: Pair): void {
    if (!this.#pairs.delete(pair)) return;
    pair.client.destroy();
    pair.service.destroy();
  }
}
