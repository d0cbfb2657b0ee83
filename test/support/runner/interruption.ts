/** Ctrl-C and SIGTERM: clean up once, then end; a second one ends at once. */
export function onInterruption(cleanUp: () => Promise<void>): () => void {
  let interrupted = false;
  const listener = (signal: NodeJS.Signals): void => {
    const code = signal === 'SIGINT' ? 130 : 143;
    if (interrupted) process.exit(code); // what is left ends by itself: it is on a leash
    interrupted = true;
    void cleanUp().finally(() => process.exit(code));
  };
  process.on('SIGINT', listener).on('SIGTERM', listener);
  return () => process.off('SIGINT', listener).off('SIGTERM', listener);
}
