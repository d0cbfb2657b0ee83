import { UnavailableError, codeOf, familyOf, type Clock, type Runtime } from '@baton/core';

/** How long a store that does not answer is asked again before the caller gives the job up (P-1233). */
export const patienceMs = 30_000;

const FIRST_MS = 20;
const MOST_MS = 1_000;

/** Full jitter: anything up to a ceiling that doubles with each attempt (from 0), 20 ms to 1 s. */
export function backOffMs(random: { fraction(): number }, attempt: number): number {
  return Math.ceil(random.fraction() * Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(attempt, 16))) + 1;
}

export function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => clock.setTimer(delayMs, resolve));
}

/**
 * Reads until the store answers with something that `isThere` accepts, with back-off. What is not there yet is asked for again,
 * because reads may be stale. Gives the last answer when the time is over, and rejects when there was none.
 * @throws UnavailableError of the last attempt when nothing was answered within `boundMs`; any other error at once.
 */
export async function readPatiently<T>(
  runtime: Runtime,
  read: () => Promise<T>,
  { isThere = () => true, boundMs = patienceMs }: { isThere?: (answer: T) => boolean; boundMs?: number } = {},
): Promise<T> {
  const { clock, random } = runtime;
  const since = clock.monotonicMs();
  for (let attempt = 0; ; attempt++) {
    const delayMs = backOffMs(random, attempt);
    const isLast = clock.monotonicMs() - since + delayMs > boundMs;
    try {
      const answer = await read();
      if (isLast || isThere(answer)) return answer;
    } catch (error) {
      if (isLast || !isPassing(error)) throw error;
    }
    await pause(clock, delayMs);
  }
}

/** A refusal is the store's last word; everything else that is unavailable may come back. */
export function isPassing(error: unknown): boolean {
  return familyOf(error) === 'unavailable' && codeOf(error) !== 'BATON_UNAVAILABLE_REFUSED';
}

/** The error for something that was tried to the bound. */
export function gaveUp(what: string, cause: unknown): UnavailableError {
  return new UnavailableError(
    'BATON_UNAVAILABLE_OUTCOME_UNKNOWN',
    `the store did not confirm ${what} within ${patienceMs / 1000} s; it may have been stored`,
    { cause },
  );
}
