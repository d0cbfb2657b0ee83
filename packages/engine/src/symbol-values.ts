import { openRecord } from '@baton/core';
import { extract } from './arguments.js';
import type { Argument } from './protocol.js';
import { lastValueOf, type RunState } from './run-state.js';

/**
 * Everything atoms provide at this moment, by symbol; of several live providers the last in document order counts, which is what a
 * reader after the flow would see first. `read` turns an argument into a value: the driver knows how to follow a reference.
 */
export function symbolValues<T>(
  { compiled, runs }: RunState,
  read: (argument: Argument) => T,
): Readonly<Record<string, T>> {
  const values = openRecord<T>();
  for (const { id, provides } of compiled.byLeaf) {
    const run = runs[id];
    if (run?.state !== 'SUCCESS') continue;
    for (const [symbol, where] of provides) {
      const found = extract(lastValueOf(run), where);
      if (found) values[symbol] = read(found);
    }
  }
  return values;
}
