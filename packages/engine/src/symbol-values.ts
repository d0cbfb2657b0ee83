import { provided } from './arguments.js';
import type { Argument } from './protocol.js';
import type { RunState } from './run-state.js';

/**
 * Everything atoms provide at this moment, by symbol; of several live providers the last in document order counts, which is what a
 * reader after the flow would see first. `read` turns an argument into a value: the driver knows how to follow a reference.
 */
export function symbolValues<T>(
  state: RunState,
  read: (argument: Argument) => T,
): Readonly<Record<string, T>> {
  const values: Record<string, T> = {};
  for (const [symbol, atoms] of state.compiled.providers)
    for (const atom of atoms) {
      const found = provided(state, atom, symbol);
      if (found) values[symbol] = read(found);
    }
  return values;
}
