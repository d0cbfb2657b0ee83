/**
 * Purpose: runs a flow with everything written down, and with a crash where the test wants one.
 * States: first life, then, after the crash, a second one that goes on from the log book.
 * What is authoritative: the log book; the trace's changes are its fold.
 * Not here: what a crash may change (`resume-from-every-save-point.ts`).
 */
import type { AtomState, Fact, Failure, FlowOutcome } from '@baton/core';
import {
  compile,
  failuresOf,
  type FlowDetail,
  fold,
  type InProcessOptions,
  isAtRest,
  jsonOf,
  type LogBook,
  MemoryLogBook,
  newRun,
  runDefinition,
  type RunnableFlow,
  type RunState,
  type StoredFlow,
  symbolValues,
} from '@baton/engine';
import type { FlowDefinition, RunnableTask } from '@baton/flow';
import type { Trace, TraceEvent } from './trace.js';

/** Where the first engine dies. Entries are counted from 1; past the end of the run nothing crashes. */
export interface CrashPoint {
  /** When this entry is stored, and nothing of it was carried out. */
  readonly crashAfter?: number;
  /** When this entry is decided but not stored: all before it was carried out, and the answer that led to it is lost. */
  readonly crashBefore?: number;
}

export type RecordedOptions = Omit<InProcessOptions, 'logBook'> & CrashPoint;

export interface RecordedRun {
  readonly outcome: FlowOutcome | 'SUSPENDED';
  readonly results: Readonly<Record<string, unknown>>;
  readonly failures: readonly Failure[];
  readonly trace: Trace;
  /** State of each atom at the end. */
  readonly atoms: Readonly<Record<string, AtomState>>;
  /** Entries of the journal. */
  readonly entries: number;
}

export async function recordedRun(
  flow: RunnableFlow,
  { crashAfter, crashBefore, ...options }: RecordedOptions = {},
): Promise<RecordedRun> {
  const trace: TraceEvent[] = [];
  const logBook = new CrashingLogBook(trace, {
    ...(crashAfter && { crashAfter }),
    ...(crashBefore && { crashBefore }),
  });
  const tasks = Array.from(flow.tasks, (task) => recording(task, trace));
  const run = () => runDefinition({ ...flow, tasks }, { ...options, logBook });
  try {
    await run();
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
    trace.push({ of: 'crash', stored: logBook.entries });
    // a run whose end is stored is over: nobody takes it up
    if (!isAtRest(logBook.state.flow)) await run();
  }
  const { state, entries } = logBook;
  return {
    outcome: state.flow as RecordedRun['outcome'],
    results: symbolValues(state, jsonOf),
    failures: state.flow === 'SUCCESS' ? [] : failuresOf(state),
    trace,
    atoms: Object.fromEntries(
      Array.from(state.compiled.atoms.values(), ({ id, name }) => [name, state.runs[id]?.state ?? 'PENDING']),
    ),
    entries,
  };
}

class Crash extends Error {}

/** Folds what is stored, so that the trace has the changes when they are stored and not before. */
class CrashingLogBook implements LogBook {
  readonly #inner = new MemoryLogBook();
  readonly #trace: TraceEvent[];
  readonly #point: CrashPoint;
  #crashed = false;
  #state: RunState | undefined;
  entries = 0;

  constructor(trace: TraceEvent[], point: CrashPoint) {
    this.#trace = trace;
    this.#point = point;
  }

  get state(): RunState {
    if (!this.#state) throw new Error('the run never began');
    return this.#state;
  }

  create(detail: FlowDetail): Promise<void> {
    this.#state = newRun(compile(detail.definition as FlowDefinition), detail);
    return this.#inner.create(detail);
  }

  async append(flowId: string, seq: number, facts: readonly Fact[]): Promise<void> {
    this.#crashIf(this.#point.crashBefore === seq + 1);
    await this.#inner.append(flowId, seq, facts);
    this.entries = seq + 1;
    fold(this.state, facts, (transition) => this.#trace.push(transition));
    this.#crashIf(this.#point.crashAfter === this.entries);
  }

  load(flowId: string): Promise<StoredFlow | undefined> {
    return this.#inner.load(flowId);
  }

  #crashIf(now: boolean): void {
    if (!now || this.#crashed) return;
    this.#crashed = true;
    throw new Crash('crashed by the test');
  }
}

function recording(task: RunnableTask, trace: TraceEvent[]): RunnableTask {
  const note = (action: 'execute' | 'revert', { atom, requestId }: { atom: string; requestId: string }) =>
    void trace.push({ of: 'call', action, atom, requestId });
  return {
    name: task.name,
    version: task.version,
    requires: task.requires,
    optional: task.optional,
    provides: task.provides,
    execute: (args, context) => {
      note('execute', context);
      return task.execute(args, context);
    },
    ...(task.revert && {
      revert: (args, context) => {
        note('revert', context);
        return task.revert?.(args, context);
      },
    }),
  };
}
