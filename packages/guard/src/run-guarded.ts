/**
 * Purpose: the guard (reliability section 10): runs one member as its child and ends the member's session the moment it is gone, so that
 * others take over in milliseconds instead of after the session's time-out.
 * States: running ⇄ waiting to restart → over. A stop signal ends it after the present child.
 * What is authoritative: that the child has been reaped. A session is attached to only to be closed, and never while its holder may live.
 * On failure: a session that cannot be ended in a few tries ends by its time-out. If the guard itself dies, its child notices and drains.
 * Not here: how a session is ended (`endSession`, given by the composition root), and any word about it: tokens are in memory only.
 */
import type { Runtime, SessionToken } from '@baton/core';
import { GuardedChild, type ChildEnd, type GuardedCommand, type Heads } from './guarded-child.js';

export interface RunGuardedOptions extends GuardedCommand {
  readonly runtime: Pick<Runtime, 'clock' | 'logger'>;
  /**
   * Ends the session of a dead child; bounded in time by whoever gives it. May reject: it is tried again a few times. `heads`: newest
   * journal entry by job, as far as the child said (it may have stored more), the last that changed first; for its successors.
   */
  readonly endSession: (token: SessionToken, heads: Heads) => Promise<void>;
  /** Start another child, with back-off, when one ends with an error that another start may cure. */
  readonly restart: boolean;
  /** Opens and closes a session of its own while the child starts, so that the first one that matters is not the first one at all. */
  readonly warm?: () => Promise<void>;
}

const endSessionPausesMs = [50, 200, 1_000];
const restartFirstMs = 500;
const restartMaxMs = 30_000;
/** A child that ran this long had started well: the next restart waits as little as the first. */
const steadyMs = 60_000;
/** Wrong options stay wrong (CONVENTIONS: exit code 2 is an input or definition error). */
const inputErrorCode = 2;

/**
 * Resolves with the exit code for the guard's process: that of the last child, after its session was ended. SIGTERM and SIGINT are passed
 * on to the child; the second one kills it.
 */
export async function runGuarded(options: RunGuardedOptions): Promise<number> {
  const { clock, logger } = options.runtime;
  const stop = new StopSignals();
  // neither signal handlers nor the timers of a Clock keep a process alive, and between two children there is nothing else
  const alive = setInterval(() => undefined, 60_000);
  options.warm?.().catch((error: unknown) => logger.debug('guard.warm.failed', { error }));
  try {
    for (let pauseMs = restartFirstMs; ; pauseMs = Math.min(pauseMs * 2, restartMaxMs)) {
      const started = clock.monotonicMs();
      const child = new GuardedChild(options, options.runtime);
      stop.passTo(child);
      const end = await child.ended;
      logger.info('guard.child.ended', {
        code: end.code,
        stalled: end.stalled,
        monotonicMs: clock.monotonicMs(),
      });
      if (end.token !== undefined) await endSession(end.token, end.heads, options);
      if (!mayRestart(end, options, stop)) return end.code;
      if (clock.monotonicMs() - started > steadyMs) pauseMs = restartFirstMs;
      logger.warn('guard.child.restarts', { code: end.code, stalled: end.stalled, inMs: pauseMs });
      await stop.orAfter(pauseMs, clock);
      if (stop.requested) return end.code;
    }
  } finally {
    clearInterval(alive);
    stop.dispose();
  }
}

function mayRestart({ code }: ChildEnd, { restart }: RunGuardedOptions, stop: StopSignals): boolean {
  return restart && !stop.requested && code !== 0 && code !== inputErrorCode;
}

async function endSession(
  token: SessionToken,
  heads: Heads,
  { endSession: end, runtime }: RunGuardedOptions,
): Promise<void> {
  const { clock, logger } = runtime;
  for (const pauseMs of [...endSessionPausesMs, undefined]) {
    const started = clock.monotonicMs();
    try {
      await end(token, heads);
      logger.info('guard.session.ended', {
        ms: clock.monotonicMs() - started,
        monotonicMs: clock.monotonicMs(),
      });
      return;
    } catch (error) {
      logger.warn('guard.session.not_ended', { error, again: pauseMs !== undefined });
      if (pauseMs === undefined) return;
      await new Promise<void>((resolve) => clock.setTimer(pauseMs, resolve));
    }
  }
}

/** SIGTERM and SIGINT of this process, while a guard runs. */
class StopSignals {
  requested = false;
  #child: GuardedChild | undefined;
  #wake: () => void = () => undefined;

  constructor() {
    process.on('SIGTERM', this.#listener).on('SIGINT', this.#listener);
  }

  /** The child that gets the signals from now on. */
  passTo(child: GuardedChild): void {
    this.#child = child;
  }

  /** Resolves after the time, or at once when a stop was asked for. */
  async orAfter(ms: number, clock: Runtime['clock']): Promise<void> {
    if (this.requested) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.setTimer(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  dispose(): void {
    process.off('SIGTERM', this.#listener).off('SIGINT', this.#listener);
  }

  readonly #listener = (signal: NodeJS.Signals): void => {
    if (this.requested) this.#child?.kill();
    else this.#child?.signal(signal);
    this.requested = true;
    this.#wake();
  };
}
