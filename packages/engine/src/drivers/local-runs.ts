/** Purpose: opens runs of one process, the one that is asked for and the child runs of it: all with the same tasks, engine, clock and log book. */
import { type Clock, failureOf, type FlowOutcome, InputError, type Logger } from '@baton/core';
import { encodeUserValue, type RunnableTask } from '@baton/flow';
import { type AnyCompiled, compileAny, failuresOfAny, resultsOfAny, validateAny } from '../any-run.js';
import type { ChildEnd } from '../child-failure.js';
import type { LocalFunctions } from '../local-functions.js';
import type { StartChildCommand } from '../protocol.js';
import type { BeginEvent, EngineKind } from '../run-flow.js';
import { type ChildRun, ChildRuns, type ChildSource } from './child-runs.js';
import { Drive } from './drive.js';
import { inlineOf, jsonOf } from './json-values.js';
import { ensureStored, type FlowDetail, type LogBook, MemoryLogBook } from './log-book.js';
import type { Progress } from './task-calls.js';
import { TaskCalls } from './task-calls.js';
import { heldTurns, lazyTurns, type StoredTurn, type Turns } from './turns.js';

export interface LocalRunsOptions {
  readonly tasks: Iterable<RunnableTask>;
  readonly engine: EngineKind;
  /** Of the parallel engine, for each run. */
  readonly concurrency: number;
  readonly functions?: LocalFunctions | undefined;
  readonly deterministic?: boolean | undefined;
  readonly clock: Clock | undefined;
  readonly logBook: LogBook | undefined;
  readonly log: Logger | undefined;
  readonly ears: RunEars;
}

/** Who is told of what happens to a run. */
export interface RunEars {
  turn(turn: StoredTurn): void;
  progress(flowId: string, progress: Progress): void;
}

/** A flow that is to be run, or one of the log book. */
export interface LocalRun extends FlowDetail {
  /** Of this definition, when it is at hand. */
  readonly compiled?: AnyCompiled | undefined;
}

/** More would be kept in memory for nothing: so many commands and results wait while one task after the other runs. */
const outstandingMax = 250;

export class LocalRuns {
  readonly #options: LocalRunsOptions;
  /** A lazy engine has nothing else to remember its runs with. */
  readonly #logBook: LogBook | undefined;
  /** What child runs did may have to be undone when they are over. */
  readonly #childBook: LogBook;

  constructor(options: LocalRunsOptions) {
    this.#options = options;
    this.#logBook = options.logBook ?? (options.engine === 'lazy' ? new MemoryLogBook() : undefined);
    this.#childBook = this.#logBook ?? new MemoryLogBook();
  }

  /** @throws as `runDefinition` */
  async open(run: LocalRun, begin: BeginEvent): Promise<Drive> {
    const { tasks, engine, concurrency, clock, log, ears } = this.#options;
    const { flowId } = run;
    return new Drive({
      turns: await this.#turns(run, begin),
      calls: new TaskCalls({
        ...{ flowId, tasks, clock, log },
        progress: (progress) => ears.progress(flowId, progress),
      }),
      children: new ChildRuns({
        open: (command) => this.#openChild(command),
        reopen: (childId, again) => this.#reopenChild(childId, again),
      }),
      concurrency: engine === 'parallel' ? concurrency : 1,
      inRounds: engine !== 'parallel',
      clock,
      notify: (turn) => ears.turn(turn),
    });
  }

  async #openChild({ flowId, definition, args, env, lineage }: StartChildCommand): Promise<ChildRun> {
    const store = Object.fromEntries(Object.entries(args).map(([name, given]) => [name, inlineOf(given)]));
    const begin = { type: 'run' } as const;
    const drive = await this.open({ flowId, definition, store, env, lineage }, begin);
    return { drive, run: async () => endOf(await drive.run(begin)) };
  }

  async #reopenChild(flowId: string, again: boolean): ReturnType<ChildSource['reopen']> {
    const stored = await this.#childBook.load(flowId);
    if (!stored) return undefined;
    const drive = await this.open(stored.detail, { type: 'revert' });
    const { name } = stored.detail.definition.root;
    return { drive, name, run: async () => endOf(await drive.undo(again)) };
  }

  async #turns({ compiled: given, ...detail }: LocalRun, begin: BeginEvent): Promise<Turns> {
    const { functions, deterministic, engine, concurrency } = this.#options;
    const { flowId, store } = detail;
    const compiled = given ?? compileAny(detail.definition);
    validateAny(compiled, Object.keys(store));
    const atom = 'atom' in begin ? begin.atom : begin.type === 'rerun' ? begin.from : undefined;
    if (atom !== undefined && 'deciders' in compiled && !compiled.atoms.has(atom))
      throw new InputError('BATON_INPUT_INVALID', `${flowId} has no atom ${JSON.stringify(atom)}`);
    const local = {
      outstandingMax: engine === 'parallel' ? Math.max(outstandingMax, concurrency) : outstandingMax,
      ...(functions && { functions }),
      ...(deterministic !== undefined && { deterministic }),
    };
    const logBook = detail.lineage ? this.#childBook : this.#logBook;
    if (logBook) await ensureStored(logBook, detail);
    if (logBook && engine === 'lazy') return lazyTurns(logBook, flowId, local);
    const { definition: _, ...kept } = detail;
    return heldTurns(logBook, compiled, { ...kept, ...local });
  }
}

/** What the parent of a run is told of its end. */
function endOf({ state }: StoredTurn): ChildEnd | 'SUSPENDED' {
  if (state.flow === 'SUSPENDED') return state.flow;
  const outcome = state.flow as FlowOutcome;
  if (outcome !== 'SUCCESS') return { outcome, failures: failuresOfAny(state) };
  const encoded = encodeUserValue(resultsOfAny(state, jsonOf), 'output');
  if ('value' in encoded) return { outcome, value: encoded.value, failures: [] };
  const message = `its output cannot be a result: ${encoded.problem}`;
  return {
    outcome: 'FAILURE',
    failures: [failureOf('RESULT_NOT_SERIALISABLE', message, { retryable: false })],
  };
}
