import { type Clock, type Failure, type FlowOutcome, InputError, type Logger } from '@baton/core';
import type { Atom, FlowDefinition, FlowOptions, RunnableTask } from '@baton/flow';
import type { Transition } from './apply-fact.js';
import { type AnyCompiled, type AnyDefinition, failuresOfAny, resultsOfAny } from './any-run.js';
import { isAtRest } from './drivers/drive.js';
import { jsonOf, storableSymbols } from './drivers/json-values.js';
import { type EnvironmentOptions, storableEnvironment } from './drivers/environment.js';
import { LocalRuns, type RunEars } from './drivers/local-runs.js';
import type { LogBook } from './drivers/log-book.js';
import { type Listener, type Notification, Notifier } from './drivers/notifier.js';
import { TransitionLog } from './drivers/transition-log.js';
import type { StoredTurn } from './drivers/turns.js';
import type { LocalFunctions } from './local-functions.js';
import type { RepairEvent, RerunEvent, SkipEvent } from './protocol.js';
import { checkRunOptions, inProcessTable, runFlowTable } from './run-flow-options.js';

/**
 * `serial`: one task at a time, and a whole round, of 250 at most, before its first result counts. `parallel`: as many at a time as `concurrency` says.
 * `lazy`: as `serial`, but the run is loaded from the log book and forgotten again for each event.
 */
export type EngineKind = 'serial' | 'parallel' | 'lazy';

/** What stops a run from outside; an `AbortSignal` is one. */
export interface StopSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

export interface InProcessOptions extends EnvironmentOptions {
  /** Default `in-process`; part of request ids and idempotency keys. */
  readonly flowId?: string;
  /** Custom retry controllers and deciders. */
  readonly functions?: LocalFunctions;
  /** Default `serial`. */
  readonly engine?: EngineKind;
  /** Of the parallel engine: how many tasks run at a time, of each run when there are child runs. Default 16. */
  readonly concurrency?: number;
  /** TaskFlow's own order: completions one at a time, the oldest submission first, retry controllers among them (E-1421). */
  readonly deterministic?: boolean;
  /**
   * Delays and attempt timeouts by this clock. Default `virtual`: a delay is over as soon as there is nothing else to do, and no attempt
   * times out.
   */
  readonly clock?: Clock | 'virtual';
  /** Keeps the run. A flow that is in it already goes on from where it stands; what was under way is called again. */
  readonly logBook?: LogBook;
  /**
   * What to do with a run of the log book: go on (default); undo it, finished or not; run it again when it is over, or from an atom on; have
   * a failed revert called again, or take it as done, or leave out what failed, and go on from there.
   */
  readonly begin?: BeginEvent;
  /** Aborted: running tasks are told to stop, and what ran is undone. */
  readonly signal?: StopSignal;
  /** Aborted: running tasks end, nothing new starts, and the run is SUSPENDED; with a log book, run it again to go on. */
  readonly suspendSignal?: StopSignal;
  readonly listeners?: readonly Listener[];
  /** What tasks log, and listeners that fail. */
  readonly log?: Logger;
}

export type BeginEvent = { readonly type: 'run' | 'revert' } | RepairEvent | RerunEvent | SkipEvent;

export interface RunFlowOptions<R extends object> extends InProcessOptions, FlowOptions {
  /** Values of the symbols the flow requires: JSON data. */
  readonly store: R;
}

export interface FlowReport<P extends object> {
  readonly outcome: FlowOutcome | 'SUSPENDED';
  /** What the flow provides: all of it after SUCCESS. */
  readonly results: Readonly<Partial<P>>;
  /** Failures recorded on atoms (E-809). */
  readonly failures: readonly Failure[];
  /** Every change of state of this call, in order. */
  readonly transitions: readonly Transition[];
}

/** A flow as data with the tasks it names. */
export interface RunnableFlow {
  readonly definition: AnyDefinition;
  /** Of this definition, when it is at hand. */
  readonly compiled?: AnyCompiled;
  readonly tasks: Iterable<RunnableTask>;
  readonly store: object;
}

/**
 * Runs a flow in this process: for tests, scripts and trying things out. Values pass through JSON as they do in a cluster.
 * @throws DefinitionError when the flow is wrong or lacks symbols; ConflictError `BATON_CONFLICT_KEY_REUSED` when the log book has another
 *   flow of this id, `BATON_CONFLICT_FENCED` when another engine runs it, `BATON_CONFLICT_HALF_UNDONE` when a revert of it failed,
 *   `BATON_CONFLICT_NOT_RESETTABLE` when it cannot run again from `begin.from` on. A failing task is no error: see `outcome` and `failures`. InputError `BATON_INPUT_INVALID` for an option
 *   there is not, or that is not as described here, and when `begin` names no atom of the flow.
 */
export async function runFlow<N extends string, R extends object, P extends object>(
  flow: Atom<N, R, P>,
  given: RunFlowOptions<NoInfer<R>>,
): Promise<FlowReport<P>> {
  const { store, deferReverts, neverResolve, ...options } = checkedOptions(flow, given);
  const definition: FlowDefinition = {
    schemaVersion: 1,
    root: flow.toNode(),
    options: {
      ...(deferReverts !== undefined && { deferReverts }),
      ...(neverResolve !== undefined && { neverResolve }),
    },
  };
  const report = await runDefinition({ definition, tasks: flow.tasks(), store }, options);
  return report as FlowReport<P>;
}

/** What the types promise, in a module that no compiler has seen: a store that is not given is an empty one, as of a post. */
function checkedOptions(flow: unknown, given: object | undefined = {}) {
  if (typeof (flow as { toNode?: unknown } | undefined | null)?.toNode !== 'function')
    throw new InputError(
      'BATON_INPUT_INVALID',
      'runFlow: its flow must be made by linear(), unordered(), graph() or task(); for flow JSON there is runDefinition',
    );
  checkRunOptions('runFlow', runFlowTable, given);
  const { store = {}, ...options } = given as Partial<RunFlowOptions<object>>;
  return { store, ...options };
}

/** `runFlow` for a flow that is data already. */
export async function runDefinition(
  flow: RunnableFlow,
  options: InProcessOptions = {},
): Promise<FlowReport<Record<string, unknown>>> {
  checkRunOptions('runDefinition', inProcessTable, options);
  const { flowId = 'in-process', clock = 'virtual', log, concurrency = 16, engine = 'serial' } = options;
  const { begin = { type: 'run' }, functions, deterministic, logBook } = options;
  const notifier = new Notifier(options.listeners ?? [], log);
  const transitions = new TransitionLog();
  const runs = new LocalRuns({
    ...{ tasks: flow.tasks, engine, concurrency, functions, deterministic, log, logBook },
    clock: clock === 'virtual' ? undefined : clock,
    ears: earsOf(notifier, (turn) => {
      if (turn.state.flowId !== flowId) return;
      for (const transition of turn.transitions) transitions.push(transition);
    }),
  });
  const { definition, compiled } = flow;
  const env = storableEnvironment(options);
  const store = storableSymbols(flow.store);
  const drive = await runs.open({ flowId, definition, compiled, store, ...(env && { env }) }, begin);
  const unlisten = [
    onAbort(options.signal, () => drive.send({ type: 'cancel', revert: true })),
    onAbort(options.suspendSignal, () => drive.send({ type: 'suspend' })),
  ];
  try {
    const { state } = await drive.run(begin);
    return {
      outcome: state.flow as FlowReport<never>['outcome'],
      failures: state.flow === 'SUCCESS' ? [] : failuresOfAny(state),
      get transitions() {
        return transitions.list();
      },
      results: resultsOfAny(state, jsonOf),
    };
  } finally {
    for (const stop of unlisten) stop();
    await notifier.flushed();
  }
}

/** Listeners hear of child runs too. */
function earsOf(notifier: Notifier, note: (turn: StoredTurn) => void): RunEars {
  const places = new Map<string, { readonly seq: number; readonly index: number }>();
  return {
    turn: (turn) => {
      note(turn);
      if (!notifier.hasListeners) return;
      for (const notification of notificationsOf(turn)) {
        const { flowId, seq, index } = notification;
        places.set(flowId, { seq, index });
        notifier.notify(notification);
      }
      if (isAtRest(turn.state.flow)) places.delete(turn.state.flowId);
    },
    progress: (flowId, progress) =>
      notifier.notify({
        of: 'progress',
        ...progress,
        flowId,
        ...(places.get(flowId) ?? { seq: 0, index: 0 }),
      }),
  };
}

function onAbort(signal: StopSignal | undefined, act: () => void): () => void {
  if (signal?.aborted === true) act();
  else signal?.addEventListener('abort', act);
  return () => signal?.removeEventListener('abort', act);
}

function notificationsOf({ transitions, causes, seq, state }: StoredTurn): readonly Notification[] {
  return transitions.map((transition, index) => {
    const cause = causes[index];
    const { value, failure } = cause?.fact === 'atom' ? cause : {};
    return {
      ...transition,
      flowId: state.flowId,
      seq,
      index,
      ...(value && 'data' in value && { result: value.data }),
      ...(failure && { failure }),
    };
  });
}
