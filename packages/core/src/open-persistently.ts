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
  let isStopped = false;
  const stopped = o.stopped.then(() => void (isStopped = true));
  for (let failures = 0; !isStopped; failures++) {
    const opening = o.open();
    try {
      const opened = await Promise.race([opening, stopped]);
      if (opened === undefined) void opening.then(o.closeLate).catch(() => undefined);
      else o.outage.over();
      return opened ?? undefined;
    } catch (error) {
      if (familyOf(error) !== 'unavailable') throw error;
      o.outage.failed(error);
      await pause(o.clock, Math.min(BACK_OFF_MS.max, BACK_OFF_MS.first * 2 ** failures), stopped);
    }
  }
  return undefined;
}

async function pause(clock: Clock, pauseMs: number, stopped: Promise<void>): Promise<void> {
  let cancel: () => void = () => undefined;
  const over = new Promise<void>((resolve) => (cancel = clock.setTimer(pauseMs, resolve)));
  await Promise.race([stopped, over]);
  cancel();
}
