/** Routed flows for tests, written shortly, and what became of them. */
import { type Fact, type Failure, type JsonValue, withDetails } from '@baton/core';
import {
  type ClauseDefinition,
  type RoutedAtomDefinition,
  type RoutedDefinition,
  type RoutedFlowDefinition,
  type RunnableTask,
  task,
  withFlows,
} from '@baton/flow';
import { realRuntime } from '../index.js';
import {
  type AnyDefinition,
  type EngineKind,
  type EnvironmentOptions,
  type InProcessOptions,
  MemoryLogBook,
  type RepairEvent,
  type RerunEvent,
  runDefinition,
  type SkipEvent,
} from '@baton/engine';

/** `to: 'b'`, `{ b: guard }`, or in full. */
type Next =
  | string
  | Readonly<Record<string, string>>
  | { readonly to: string; readonly when?: string; readonly message?: JsonValue };

export function next(...entries: readonly Next[]): ClauseDefinition {
  return {
    next: entries.map((entry) => {
      if (typeof entry === 'string') return { to: entry };
      if (typeof entry['to'] === 'string') return entry as { to: string };
      const [[to = '', when = ''] = []] = Object.entries(entry as Record<string, string>);
      return { to, when };
    }),
  };
}

type Atoms = Readonly<Record<string, Omit<RoutedAtomDefinition, 'name'>>>;

/** A flow that others run. */
export function named(
  name: string,
  atoms: Atoms,
  more: Partial<RoutedDefinition> = {},
): RoutedFlowDefinition {
  return { schemaVersion: 1, root: routed(atoms, { ...more, name }) };
}

export function routed(atoms: Atoms, more: Partial<RoutedDefinition> = {}): RoutedDefinition {
  return {
    kind: 'routed',
    name: 'flow',
    ...more,
    atoms: Object.entries(atoms).map(([name, atom]) => ({ name, ...atom })),
  };
}

/** `echo` gives its input `value` back; `sticky` too, and when that is 'stay' it cannot be undone; `fail` fails with `data` as details; `flaky` fails as often as `times` says, then gives its attempt; `sleep` gives `value` after `ms`. */
export const tasks: readonly RunnableTask[] = [
  task('echo', { execute: (given: Readonly<Record<string, unknown>>) => given['value'] ?? null }),
  task('sticky', {
    execute: (given: Readonly<Record<string, unknown>>) => given['value'] ?? null,
    revert: (_: object, { result }: { readonly result: unknown }) => {
      if (result === 'stay') throw new Error('it sticks');
    },
  }),
  task('fail', {
    execute: ({ data = null, message = 'no' }: Readonly<Record<string, unknown>>) => {
      throw withDetails(new Error(String(message)), data as JsonValue) as Error;
    },
  }),
  task('flaky', {
    execute: (given: Readonly<Record<string, unknown>>, { attempt }) => {
      if (attempt <= Number(given['times'] ?? 1)) throw new Error(`attempt ${attempt}`);
      return attempt;
    },
  }),
  task('sleep', {
    execute: ({ ms, value = null }: Readonly<Record<string, unknown>>, { signal }) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => resolve(value), Number(ms));
        signal.addEventListener('abort', () => {
          clearTimeout(timer);
          reject(new Error('told to stop'));
        });
      }),
  }),
];

export interface Outcome {
  readonly outcome: string;
  readonly output: Readonly<Record<string, unknown>>;
  /** Activation → its last state. */
  readonly states: Readonly<Record<string, string>>;
  readonly failures: readonly string[];
  /** How often something was delayed: before it began, before it was judged, or for another attempt. */
  readonly repeats: number;
  /** Activations and items that began to run, in order; each once for every attempt. */
  readonly began: readonly string[];
  /** What changed, in order: `flow RUNNING`, `a SUCCESS`; of a run that was resumed in process, since then. */
  readonly events: readonly string[];
  /** Activations and items that were undone, in order. */
  readonly undone: readonly string[];
  /** How many of them ran at once. */
  readonly peak: number;
  /** Of a run that is suspended. */
  resume?(answers?: Answers): Promise<Outcome>;
  /** Of a run that has ended: what a person does about it, and what becomes of it then. */
  repair(how: Repair): Promise<Outcome>;
}

/** As events of the engine, without who and why. */
export type Repair = RepairEvent | RerunEvent | SkipEvent | { readonly type: 'revert' };

/** Runs a flow with the tasks above until it ends or is suspended. */
export type Run = (definition: RoutedDefinition, given?: Given) => Promise<Outcome>;

export interface Given extends EnvironmentOptions {
  readonly store?: object;
  readonly answers?: Answers;
  /** Flows that it runs. */
  readonly flows?: readonly AnyDefinition[];
}

/** By delegate: what is answered to an attempt of it; undefined: nothing, ever. */
export type Answers = Readonly<
  Record<string, (given: Readonly<Record<string, unknown>>, attempt: number) => Answer | undefined>
>;
export type Answer = { readonly value: JsonValue } | { readonly failure: string };

/** One test, for any driver. */
export interface RoutedCase {
  readonly name: string;
  readonly body: (run: Run) => Promise<void>;
}

export function runBy(engine: EngineKind): Run {
  return (definition, given) => run(definition, { engine, ...given });
}

interface Options extends InProcessOptions, Given {
  readonly given?: Iterable<RunnableTask>;
  /** What is known of the run from before. */
  readonly before?: Outcome['states'];
}

export async function run(definition: RoutedDefinition, options: Options = {}): Promise<Outcome> {
  const {
    store = {},
    given = tasks,
    answers = {},
    flows = [],
    logBook = new MemoryLogBook(),
    before = {},
    ...others
  } = options;
  const answering = Object.entries(answers).map(([name, answer]) => answeringTask(name, answer));
  const report = await runDefinition(
    {
      definition: withFlows({ schemaVersion: 1, root: definition }, flows),
      ...{ tasks: [...given, ...answering], store },
    },
    { logBook, clock: realRuntime().clock, ...others },
  );
  const changes = report.transitions.filter((transition) => transition.of === 'activation');
  const events = report.transitions.map(({ to, ...of }) => `${'atom' in of ? of.atom : 'flow'} ${to}`);
  const states = { ...before, ...Object.fromEntries(changes.map(({ atom, to }) => [atom, to])) };
  return {
    outcome: report.outcome,
    output: report.results,
    states,
    failures: report.failures.map(({ code, message }) => code ?? message),
    events,
    ...countsOf(changes.map(({ atom, from, to }) => ({ id: atom, from, to }))),
    resume: (later = answers) => run(definition, { ...options, answers: later, logBook }),
    repair: (begin) => run(definition, { ...options, logBook, begin, before: states }),
  };
}

/** In process a task of its name stands for who answers a delegate. */
function answeringTask(name: string, answer: Answers[string]): RunnableTask {
  return task(name, {
    execute: (given: Readonly<Record<string, unknown>>, { attempt, signal }) =>
      new Promise((resolve, reject) => {
        const said = answer(given, attempt);
        if (!said) signal.addEventListener('abort', () => reject(new Error('nobody waits any more')));
        else if ('value' in said) resolve(said.value);
        else reject(new Error(said.failure));
      }),
  });
}

interface RunReport {
  readonly atoms: readonly { readonly name: string; readonly state: string; readonly failure?: Failure }[];
  readonly results: Outcome['output'];
}

/** What the report of a job and the facts of its journal say of its run. */
export function outcomeOf(
  outcome: string,
  { atoms, results }: RunReport,
  facts: readonly Fact[],
): Omit<Outcome, 'resume' | 'repair'> {
  const codes = atoms.flatMap(({ failure }) => (failure ? [failure.code ?? failure.message] : []));
  return {
    outcome,
    output: results,
    states: Object.fromEntries(atoms.map(({ name, state }) => [name, state])),
    failures: codes.length === 0 && outcome !== 'SUCCESS' ? ['FAILED'] : codes,
    events: facts.flatMap((fact) => {
      if (fact.fact === 'flow') return [`flow ${fact.to}`];
      return fact.fact === 'activation' ? [`${fact.activation} ${fact.to}`] : [];
    }),
    ...countsOf(
      facts.flatMap((fact) => (fact.fact === 'activation' ? [{ ...fact, id: fact.activation }] : [])),
    ),
  };
}

/** What the changes of a run say of how often and how much at once. */
function countsOf(
  changes: readonly { readonly id: string; readonly from: string; readonly to: string }[],
): Pick<Outcome, 'repeats' | 'began' | 'undone' | 'peak'> {
  let running = 0;
  let peak = 0;
  for (const { from, to } of changes) {
    if (to === 'RUNNING') peak = Math.max(peak, ++running);
    if (from === 'RUNNING') running--;
  }
  return {
    repeats: changes.filter(({ to }) => to === 'DELAYED').length,
    began: changes.flatMap(({ id, to }) => (to === 'RUNNING' ? [id] : [])),
    undone: changes.flatMap(({ id, to }) => (to === 'REVERTED' ? [id] : [])),
    peak,
  };
}
