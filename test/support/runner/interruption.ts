import { constants } from 'node:os';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Ctrl-C, SIGTERM and the end of the terminal: clean up once, then end; a second one ends at once. */
export function onInterruption(cleanUp: () => Promise<void>): () => void {
  let interrupted = false;
  const listener = (signal: (typeof signals)[number]): void => {
    const code = 128 + constants.signals[signal];
    if (interrupted) process.exit(code); // what is left ends by itself: it is on a leash
    interrupted = true;
    void cleanUp().finally(() => process.exit(code));
  };
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.off(signal, listener);
  };
}
