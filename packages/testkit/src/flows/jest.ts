/** `import '@baton/testkit/jest'` teaches Jest's `expect` to read traces. */
import { expect } from '@jest/globals';
import { traceMatchers } from './trace-matchers.js';

expect.extend(traceMatchers as unknown as Parameters<typeof expect.extend>[0]);

declare module 'expect' {
  interface Matchers<R extends void | Promise<void>, T = unknown> {
    /** The functions `execute` that were called, all of them, in this order. */
    toHaveRun(atoms: readonly string[]): R;
    /** The atoms that were undone, all of them, in this order. */
    toHaveReverted(atoms: readonly string[]): R;
    /** The atoms that were executed again because a crash lost their answer; in any order, and no others. */
    toHaveReexecuted(atoms: readonly string[]): R;
    /** The last state of the flow. */
    toHaveEnded(state: string): R;
  }
}
