import {
  type Coordination,
  type CoordinationSession,
  type LastWords,
  type Logger,
  type SessionToken,
  UnavailableError,
} from '@baton/core';
import { openChannelWithin } from './channel.js';
import { checkOperations, LocalSession } from './local-session.js';

const CONNECT_TIMEOUT_MS = 10_000;

export interface LocalCoordinationOptions {
  /** What the server told: a socket path or `host:port`. */
  readonly address: string;
  /** Every path is below it; made where missing. Default `/`. */
  readonly root?: string;
  readonly logger: Logger;
}

/** Coordination by the embedded server. Each session has a connection of its own and ends with it. */
export class LocalCoordination implements Coordination {
  readonly #address: string;
  readonly #root: string;
  readonly #logger: Logger;

  constructor({ address, root = '/', logger }: LocalCoordinationOptions) {
    this.#address = address;
    this.#root = root.replace(/\/+$/, '') || '/';
    this.#logger = logger;
  }

  connect({
    timeoutMs,
    connectTimeoutMs = CONNECT_TIMEOUT_MS,
  }: {
    readonly timeoutMs: number;
    readonly connectTimeoutMs?: number;
  }): Promise<CoordinationSession> {
    return LocalSession.open({
      address: this.#address,
      root: this.#root,
      timeoutMs,
      connectTimeoutMs,
      logger: this.#logger,
    });
  }

  /** A killed member leaves no last words here: its session is over with its connection, before anybody could say them for it. */
  async endSession(
    token: SessionToken,
    { timeoutMs, lastWords }: { readonly timeoutMs: number; readonly lastWords?: LastWords },
  ): Promise<void> {
    const untilMs = performance.now() + timeoutMs;
    const channel = await openChannelWithin(this.#address, { withinMs: timeoutMs, answerMs: timeoutMs });
    const timer = setTimeout(() => channel.destroy(), Math.max(1, untilMs - performance.now()));
    try {
      await channel.call('session.end', { token, ...(lastWords && this.#sayable(lastWords)) });
    } catch (cause) {
      throw new UnavailableError(
        'BATON_UNAVAILABLE_DEADLINE',
        `the end of a session was not confirmed within ${timeoutMs} ms`,
        { cause },
      );
    } finally {
      clearTimeout(timer);
      channel.destroy();
    }
  }

  /** As ZooKeeper's packets are bounded, so that what works here works there. */
  #sayable({ path, data }: LastWords): { readonly lastWords?: LastWords } {
    try {
      checkOperations([{ type: 'set', path, data }]);
      return { lastWords: { path: this.#root === '/' ? path : this.#root + path, data } };
    } catch (error) {
      this.#logger.warn('last words unsayable', { path, error });
      return {};
    }
  }
}
