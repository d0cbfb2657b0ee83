import { executed, reexecuted, reverted, type Traced, traceOf, traceText } from './trace.js';

interface MatcherResult {
  readonly pass: boolean;
  message(): string;
}

/** For `expect.extend`; `@baton/testkit/jest` does that, and tells the compiler. Each takes a trace or a run of `runFlow`. */
export const traceMatchers = {
  /** The functions `execute` that were called, all of them, in this order. */
  toHaveRun: (traced: Traced, atoms: readonly string[]) => compared(traced, 'run', executed(traced), atoms),
  /** The atoms that were undone, all of them, in this order. */
  toHaveReverted: (traced: Traced, atoms: readonly string[]) =>
    compared(traced, 'reverted', reverted(traced), atoms),
  /** The atoms that were executed again because a crash lost their answer; in any order, and no others. */
  toHaveReexecuted: (traced: Traced, atoms: readonly string[]) =>
    compared(traced, 'executed again', reexecuted(traced), atoms.toSorted()),
  /** The last state of the flow. */
  toHaveEnded: (traced: Traced, state: string) => {
    const changes = traceOf(traced).flatMap((event) => (event.of === 'flow' ? [event.to] : []));
    return compared(traced, 'ended', changes.slice(-1), [state]);
  },
};

function compared(
  traced: Traced,
  what: string,
  actual: readonly string[],
  expected: readonly string[],
): MatcherResult {
  const pass = actual.length === expected.length && actual.every((atom, index) => atom === expected[index]);
  return {
    pass,
    message: () =>
      [
        pass ? `did not expect ${what}: ${listed(expected)}` : `expected ${what}: ${listed(expected)}`,
        ...(pass ? [] : [`but it was: ${listed(actual)}`]),
        '',
        traceText(traced),
      ].join('\n'),
  };
}

function listed(atoms: readonly string[]): string {
  return atoms.length === 0 ? '(nothing)' : atoms.join(', ');
}
