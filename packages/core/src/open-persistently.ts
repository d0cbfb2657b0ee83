import { familyOf } from './errors.js';
import type { OutageLog } from './outage-log.js';
import type { Clock } from './ports/runtime.js';

const BACK_OFF_MS = { first: 100, max: 2_000 };

/**
 * Opens what needs services that may be away: again and again with back-off, until it is there, or `stopped` resolves: then undefined. What comes
 * after that goes to `closeLate`: services that are away may keep it for half a minute, and whoever stopped has nothing to wait for.
 * @throws any error of `open` that is no UnavailableError.
 */
export async function openPersistently<T extends object>(o: {
  readonly open: () => Promise<T>;
  readonly stopped: Promise<void>;
  readonly closeLate: (late: T) => Promise<unknown>;
  readonly clock: Clock;
  readonly outage: OutageLog;
}): Promise<T | undefined> {
  const stop = new Stop(o.stopped);
  for (let failures = 0; !stop.isOver; failures++) {
    const opening = o.open();
    try {
      if (await stop.comesBefore(opening)) {
        void opening.then(o.closeLate).catch(() => undefined);
        return undefined;
      }
      o.outage.over();
      return await opening;
    } catch (error) {
      if (familyOf(error) !== 'unavailable') throw error;
      o.outage.failed(error);
      await pause(o.clock, Math.min(BACK_OFF_MS.max, BACK_OFF_MS.first * 2 ** failures), stop);
    }
  }
  return undefined;
}

async function pause(clock: Clock, pauseMs: number, stop: Stop): Promise<void> {
  let cancel: () => void = () => undefined;
  await stop.comesBefore(
    new Promise((resolve) => (cancel = clock.setTimer(pauseMs, () => resolve(undefined)))),
  );
  cancel();
}

/**
 * A stop that may be weeks in coming, for one that waits beside it again and again: a race with the promise itself would stay with it, and what
 * the race was won with.
 */
class Stop {
  isOver = false;
  #tell: (() => void) | undefined;

  constructor(stopped: Promise<void>) {
    void stopped.then(() => {
      this.isOver = true;
      this.#tell?.();
    });
  }

  /** Rejects with `other` when that comes first. */
  async comesBefore(other: Promise<unknown>): Promise<boolean> {
    try {
      return await new Promise<boolean>((resolve, reject) => {
        this.#tell = () => resolve(true);
        if (this.isOver) this.#tell(); // it came between the failure and the pause behind it
        other.then(() => resolve(false), reject);
      });
    } finally {
      this.#tell = undefined;
    }
  }
}
