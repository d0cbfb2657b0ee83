import {
  type Coordination,
  type LastWords,
  type Runtime,
  type SessionToken,
  UnavailableError,
} from '@baton/core';
import { SimulatedCoordinationService } from './simulated-coordination-service.js';
import { SimulatedSession } from './simulated-session.js';
import { plainWire, type Wire } from '../wire.js';

export interface SimulatedCoordinationOptions {
  /** Where it lives in the tree; made when missing. */
  readonly root?: string;
  /** Several clients of one service share it; by default a new one. */
  readonly service?: SimulatedCoordinationService;
  readonly wire?: Wire;
}

/** A client of the simulated coordination service. `service` plans faults and breaks sessions. */
export class SimulatedCoordination implements Coordination {
  readonly service: SimulatedCoordinationService;
  readonly #wire: Wire;
  readonly #root: string;

  constructor(runtime: Runtime, options: SimulatedCoordinationOptions = {}) {
    this.service = options.service ?? new SimulatedCoordinationService(runtime);
    this.#wire = options.wire ?? plainWire(this.service);
    this.#root = options.root ?? '/';
    this.service.ensureRoot(this.#root);
  }

  async connect(options: {
    readonly timeoutMs: number;
    readonly connectTimeoutMs?: number;
  }): Promise<SimulatedSession> {
    await this.#reached('connecting', options.connectTimeoutMs ?? 10_000);
    const { timeoutMs } = options;
    const session = new SimulatedSession(this.service, { root: this.#root, timeoutMs, wire: this.#wire });
    await new Promise<void>((resolve) => this.#wire.notice(resolve));
    return session;
  }

  async endSession(
    token: SessionToken,
    options: { readonly timeoutMs: number; readonly lastWords?: LastWords },
  ): Promise<void> {
    await this.#reached('ending a session', options.timeoutMs);
    const { lastWords } = options;
    const below = this.#root === '/' ? '' : this.#root;
    this.service.endByToken(token, lastWords && { ...lastWords, path: below + lastWords.path });
  }

  /** One trip to the service. @throws UnavailableError `BATON_UNAVAILABLE_DISCONNECTED` when it is down for `withinMs`. */
  async #reached(what: string, withinMs: number): Promise<void> {
    const late = (): UnavailableError =>
      new UnavailableError(
        'BATON_UNAVAILABLE_DISCONNECTED',
        `${what} got no connection within ${withinMs} ms`,
      );
    await new Promise<void>((resolve, reject) => this.#wire.toService(resolve, () => reject(late())));
    if (!this.service.down) return;
    await new Promise<void>((resolve, reject) => {
      const cancelTimer = this.#wire.clock.setTimer(withinMs, () => {
        stopWaiting();
        reject(late());
      });
      const stopWaiting = this.service.onUp(() => {
        cancelTimer();
        this.#wire.notice(resolve);
      });
    });
  }
}
