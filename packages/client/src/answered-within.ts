import { UnavailableError, type Clock } from '@baton/core';

/** Whoever asks now wants an answer now: the patience of the store is for daemons. @throws UnavailableError `BATON_UNAVAILABLE_DISCONNECTED` */
export async function answeredWithin<T>(clock: Clock, timeoutMs: number, answer: Promise<T>): Promise<T> {
  answer.catch(() => undefined);
  let cancel = (): void => undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new UnavailableError(
      'BATON_UNAVAILABLE_DISCONNECTED',
      `the store did not answer within ${timeoutMs} ms`,
    );
    cancel = clock.setTimer(timeoutMs, () => reject(error));
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    cancel();
  }
}
