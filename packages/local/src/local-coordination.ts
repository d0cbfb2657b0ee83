import {
  type Coordination,
  type CoordinationSession,
  type Logger,
  type SessionToken,
  UnavailableError,
} from '@baton/core';
import { openChannelWithin } from './channel.js';
import { LocalSession } from './local-session.js';

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

  async endSession(token: SessionToken, { timeoutMs }: { readonly timeoutMs: number }): Promise<void> {
    const untilMs = performance.now() + timeoutMs;
    const channel = await openChannelWithin(this.#address, { withinMs: timeoutMs, answerMs: timeoutMs });
    const timer = setTimeout(() => channel.destroy(), Math.max(1, untilMs - performance.now()));
    try {
      await channel.call('session.end', { token });
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
}
