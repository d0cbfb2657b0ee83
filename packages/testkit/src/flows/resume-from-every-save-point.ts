import type { RunnableFlow } from '@baton/engine';
import type { Atom } from '@baton/flow';
import { type CrashPoint, recordedRun, type RecordedOptions, type RecordedRun } from './recorded-run.js';
import { runnable, type TestRunOptions } from './run-flow.js';
import { type Trace, traceText } from './trace.js';

/** Something that a crash changed. */
export interface Difference {
  readonly point: CrashPoint;
  readonly what: 'outcome' | 'results' | 'failures' | 'atoms' | 'call';
  readonly expected: unknown;
  readonly actual: unknown;
  /** The run that crashed, for people. */
  readonly trace: string;
}

export interface EverySavePoint {
  /** How often the flow was run with a crash: before and after each entry of the journal. */
  readonly savePoints: number;
  /** Empty: the flow ends alike wherever its engine dies. */
  readonly differences: readonly Difference[];
}

/**
 * Runs a flow once without a crash, then once for each point at which its engine can die, and reports where it ends differently:
 * outcome, results, failures, states of atoms; and calls of what the journal knew to be done. Tasks that keep something between runs
 * need a flow of their own for each: give a function that makes one. A flow whose outcome depends on which of two siblings is quicker
 * may end differently and be right.
 */
export async function resumeFromEverySavePoint<N extends string, R extends object, P extends object>(
  flow: Atom<N, R, P> | (() => Atom<N, R, P>),
  { store, deferReverts, neverResolve, ...options }: Omit<TestRunOptions<NoInfer<R>>, keyof CrashPoint>,
): Promise<EverySavePoint> {
  const fresh = () =>
    runnable(typeof flow === 'function' ? flow() : flow, store, { deferReverts, neverResolve });
  return crashEverywhere(fresh, options);
}

/** The same for a flow as data. */
export async function crashEverywhere(
  fresh: () => RunnableFlow,
  options: Omit<RecordedOptions, keyof CrashPoint> = {},
): Promise<EverySavePoint> {
  const whole = await recordedRun(fresh(), options);
  const differences: Difference[] = [...wrongCalls({}, whole)];
  const points = Array.from({ length: whole.entries }, (_, index) => index + 1).flatMap(
    (entry): CrashPoint[] => [{ crashBefore: entry }, { crashAfter: entry }],
  );
  for (const point of points) {
    const resumed = await recordedRun(fresh(), { ...options, ...point });
    differences.push(...comparison(point, whole, resumed), ...wrongCalls(point, resumed));
  }
  return { savePoints: points.length, differences };
}

function comparison(point: CrashPoint, whole: RecordedRun, resumed: RecordedRun): readonly Difference[] {
  const parts = [
    ['outcome', whole.outcome, resumed.outcome],
    ['results', whole.results, resumed.results],
    ['failures', failuresOf(whole), failuresOf(resumed)],
    ['atoms', whole.atoms, resumed.atoms],
  ] as const;
  return parts
    .filter(([, expected, actual]) => textOf(expected) !== textOf(actual))
    .map(([what, expected, actual]) => ({ point, what, expected, actual, trace: traceText(resumed) }));
}

/** Where and why, whatever the order they came in; a stack tells from where it was called, so it may differ. */
function failuresOf({ failures }: RecordedRun): readonly string[] {
  return failures.map(({ atom, phase, message }) => `${atom} ${phase}: ${message}`).toSorted();
}

/** E-1703: a call is made only while its atom is, in the journal, under way. */
function wrongCalls(point: CrashPoint, { trace }: RecordedRun): readonly Difference[] {
  const states = new Map<string, string>();
  return trace.flatMap((event, index): Difference[] => {
    if (event.of === 'task') states.set(event.atom, event.to);
    if (event.of !== 'call') return [];
    const expected = event.action === 'execute' ? 'RUNNING' : 'REVERTING';
    const actual = states.get(event.atom) ?? 'PENDING';
    if (actual === expected) return [];
    const until: Trace = trace.slice(0, index + 1);
    return [{ point, what: 'call', expected: `${event.atom} ${expected}`, actual, trace: traceText(until) }];
  });
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
