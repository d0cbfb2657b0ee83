import type { Runtime } from '@baton/core';
import { exitCodes } from './exit-codes.js';

/** SIGTERM and SIGINT: the first drains, the second ends the process. */
export function stopSignals(runtime: Runtime): {
  readonly signal: AbortSignal;
  now(): void;
  dispose(): void;
} {
  const controller = new AbortController();
  const listener = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted);
    runtime.logger.info('member.stopping', {});
    controller.abort();
  };
  process.on('SIGTERM', listener).on('SIGINT', listener);
  return {
    signal: controller.signal,
    now: () => controller.abort(),
    dispose: () => void process.off('SIGTERM', listener).off('SIGINT', listener),
  };
}
