import { constants } from 'node:os';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** npm passes on to us what the terminal has sent us already: a signal that comes again so soon is the same one. */
const sameMs = 500;

/** Ctrl-C, SIGTERM and the end of the terminal: clean up once, then end; a second one ends at once. */
export function onInterruption(cleanUp: () => Promise<void>): () => void {
  let interruptedAtMs: number | undefined;
  const listener = (signal: (typeof signals)[number]): void => {
    const code = 128 + constants.signals[signal];
    if (interruptedAtMs === undefined) {
      interruptedAtMs = performance.now();
      void cleanUp().finally(() => process.exit(code));
    } else if (performance.now() - interruptedAtMs > sameMs) process.exit(code); // what is left ends by itself: it is on a leash
  };
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.off(signal, listener);
  };
}
