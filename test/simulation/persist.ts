import { codeOf } from '@baton/core';
import type { SimulatedProcess } from './process.js';

/** Somebody else was first, or nobody asks any more: news for nobody. */
const noNews: ReadonlySet<string | undefined> = new Set([
  'BATON_CONFLICT_ENDED',
  'BATON_CONFLICT_NOT_PARKED',
  'BATON_CONFLICT_NOT_WAITING',
  'BATON_CONFLICT_KEY_REUSED',
  'BATON_CONFLICT_NOT_REPAIRABLE',
  'BATON_CONFLICT_HALF_UNDONE',
  'BATON_NOT_FOUND_ATOM',
]);

/** Until it is answered. What a person has to be told ends it; what is no news gives undefined. */
export async function persist<T>(process: SimulatedProcess, what: () => Promise<T>): Promise<T | undefined> {
  for (;;)
    try {
      return await what();
    } catch (error) {
      const code = codeOf(error);
      if (noNews.has(code)) return undefined;
      // not found: it was acknowledged, and the store shows an old state
      if (code !== 'BATON_NOT_FOUND_JOB' && code?.startsWith('BATON_UNAVAILABLE_') !== true) throw error;
      await pause(process, 100);
    }
}

export function pause(process: SimulatedProcess, ms: number): Promise<void> {
  return new Promise((resolve) => process.clock.setTimer(ms, resolve));
}
