import { InputError } from '@baton/core';
import type { RunFlowOptions } from '@baton/engine';
import type { Atom, FlowDefinition, FlowOptions } from '@baton/flow';
import { type CrashPoint, recordedRun, type RecordedRun } from './recorded-run.js';

export type TestRunOptions<R extends object> = Omit<RunFlowOptions<R>, 'logBook'> & CrashPoint;

/** How a run ended, and everything that happened on the way. */
export interface TestRun<P extends object> extends RecordedRun {
  readonly results: Readonly<Partial<P>> & Readonly<Record<string, unknown>>;
}

/**
 * Runs a flow in this process and writes down what happens; with `crashAfter` or `crashBefore` the engine dies there, and another one
 * goes on from the journal. Delays take no time; with a `FakeClock` as `clock`, and `clock.drive(runFlow(...))`, timeouts take none either.
 * Options and errors: `runFlow` of @baton/engine.
 * @throws InputError `BATON_INPUT_INVALID` also when the run never came to the entry at which it was to crash.
 */
export async function runFlow<N extends string, R extends object, P extends object>(
  flow: Atom<N, R, P>,
  { store, deferReverts, neverResolve, ...options }: TestRunOptions<NoInfer<R>>,
): Promise<TestRun<P>> {
  const run = await recordedRun(runnable(flow, store, { deferReverts, neverResolve }), options);
  const { crashAfter, crashBefore } = options;
  const asked = crashAfter ?? crashBefore;
  // a test of a crash that never happens would pass for ever
  if (asked !== undefined && !run.trace.some(({ of }) => of === 'crash'))
    throw new InputError(
      'BATON_INPUT_INVALID',
      `nothing crashed: entry ${asked} was asked for, the run has entries 1 to ${run.entries}`,
    );
  return run as TestRun<P>;
}

export function runnable<N extends string, R extends object, P extends object>(
  flow: Atom<N, R, P>,
  store: R,
  { deferReverts, neverResolve }: { [K in keyof FlowOptions]: FlowOptions[K] | undefined },
) {
  const options: FlowOptions = {
    ...(deferReverts !== undefined && { deferReverts }),
    ...(neverResolve !== undefined && { neverResolve }),
  };
  const definition: FlowDefinition = { schemaVersion: 1, root: flow.toNode(), options };
  return { definition, tasks: flow.tasks(), store };
}
