import type { Runtime } from '@baton/core';

/** After so long a person wonders, and a supervisor may be about to. */
const noteAfterMs = 5_000;

/**
 * What `loading` gives; undefined when a stop was asked for first: a module whose top level never ends must not keep its process, which holds
 * nothing yet. Says in the log that it still waits.
 */
export async function loadUnlessStopped<T>(
  loading: Promise<T>,
  {
    signal,
    module,
    runtime: { clock, logger },
  }: {
    readonly signal: AbortSignal;
    readonly module: string;
    readonly runtime: Pick<Runtime, 'clock' | 'logger'>;
  },
): Promise<T | undefined> {
  let stopped: () => void = () => undefined;
  const stop = new Promise<undefined>((resolve) => (stopped = () => resolve(undefined)));
  if (signal.aborted) stopped();
  signal.addEventListener('abort', stopped, { once: true });
  const forget = clock.setTimer(noteAfterMs, () =>
    logger.warn('worker.module.loading', { module, sinceMs: noteAfterMs }),
  );
  try {
    return await Promise.race([loading, stop]);
  } finally {
    forget();
    signal.removeEventListener('abort', stopped);
  }
}
