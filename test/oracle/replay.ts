/**
 * Runs a recorded scenario on the engine, in TaskFlow's own schedule (one completion at a time, oldest submission first), and
 * gives what happened in the form of the recording. Every turn is folded into a second state too, which must stay equal.
 */
import { assertNever } from '@baton/core';
import type { Fact, JsonValue } from '@baton/core';
import {
  builtInController,
  compile,
  failuresOf,
  fold,
  newRun,
  provided,
  step,
  validate,
} from '@baton/engine';
import type {
  Argument,
  AtomRun,
  Command,
  Compiled,
  Decision,
  Event,
  ExecuteCommand,
  HistoryEntry,
  LocalFunctions,
  Outcome,
  RetryCall,
  RetryController,
  RevertCommand,
  RunState,
  Transition,
} from '@baton/engine';
import { definitionOf } from './definition-of.js';
import type { Built } from './definition-of.js';
import type { Phase, RecordedRun, RetrySpec, Scenario } from './scenario.js';
import { failureJson, type Recorded, scriptedError, valueJson, World } from './world.js';

interface Queued {
  readonly requestId: string;
  readonly outcome: () => Outcome;
}

export interface Replayed {
  readonly compiled: Compiled;
  readonly phase: Phase;
  readonly state: RunState;
  /** The same facts folded into a second state. */
  readonly folded: RunState;
}

/** Replays the first phase, which must be a plain run. */
export function replay(record: RecordedRun): Replayed {
  const built = definitionOf(record);
  const compiled = compile(built.definition);
  return new Replay(record.scenario, built, compiled).run();
}

class Replay {
  readonly #scenario: Scenario;
  readonly #world: World;
  readonly #compiled: Compiled;
  readonly #state: RunState;
  readonly #folded: RunState;
  readonly #events: Recorded[] = [];
  /** What controllers and deciders were asked during the step that is under way. */
  #asked: Recorded[] = [];
  readonly #queue: Queued[] = [];
  #picks = 0;

  constructor(scenario: Scenario, built: Built, compiled: Compiled) {
    this.#scenario = scenario;
    this.#world = new World(scenario);
    this.#compiled = compiled;
    const given = { ...scenario.store, ...scenario.transientStore };
    const store = Object.fromEntries(Object.entries(given).map(([symbol, data]) => [symbol, { data }]));
    const options = { flowId: 'recorded', store, functions: this.#functions(built), deterministic: true };
    this.#state = newRun(compiled, options);
    this.#folded = newRun(compiled, options);
  }

  run(): Replayed {
    validate(this.#compiled, Object.keys(this.#state.store));
    this.#step({ type: 'run' });
    while (this.#queue.length > 0) {
      const { requestId, outcome } = this.#next();
      const answer = outcome();
      this.#step(
        'failure' in answer
          ? { type: 'failed', requestId, failure: answer.failure }
          : { type: 'completed', requestId, ...answer },
      );
    }
    return {
      compiled: this.#compiled,
      phase: {
        do: 'run',
        events: sortRuns(this.#events, this.#compiled),
        flow: this.#state.flow,
        raised: this.#raised(),
        atoms: this.#atoms(),
        symbols: this.#symbols(),
      },
      state: this.#state,
      folded: this.#folded,
    };
  }

  #next(): Queued {
    const { picks } = this.#scenario.engine ?? {};
    const pick =
      picks && picks.length > 0 ? (picks[this.#picks++ % picks.length] ?? 0) % this.#queue.length : 0;
    const [next] = this.#queue.splice(pick, 1);
    if (!next) throw new Error('the queue is empty');
    return next;
  }

  #step(event: Event): void {
    this.#asked = [];
    const turn = step(this.#state, event);
    const submitted = new Map<string, Command>();
    for (const command of turn.commands) if ('atom' in command) submitted.set(command.atom, command);
    let failed = false;
    for (const fact of turn.facts) {
      // controllers are asked after the failure was recorded, deciders before anything they lead to
      if (failed && fact.fact !== 'history') this.#flush(([kind]) => kind === 'resolve');
      if (fact.fact !== 'flow' && (fact.fact !== 'atom' || fact.to !== 'SUCCESS'))
        this.#flush(([kind]) => kind === 'decide');
      failed ||= fact.fact === 'atom' && fact.to === 'FAILURE';
      fold(this.#folded, [fact], (transition) => this.#transition(transition, fact));
      if (fact.fact !== 'atom' || (fact.to !== 'RUNNING' && fact.to !== 'REVERTING')) continue;
      this.#flush(
        (asked) => asked[1] === fact.atom && asked[0] === (fact.to === 'RUNNING' ? 'execute' : 'revert'),
      );
      const command = submitted.get(fact.atom);
      if (command) this.#submit(command);
    }
    this.#flush(() => true);
  }

  #flush(which: (asked: Recorded) => boolean): void {
    this.#events.push(...this.#asked.filter(which));
    this.#asked = this.#asked.filter((asked) => !which(asked));
  }

  #transition(transition: Transition, fact: Fact): void {
    const { of, from, to } = transition;
    if (of === 'flow') return void this.#events.push(['flow', from, to]);
    const event = [of, transition.atom, from, to];
    if (fact.fact === 'atom' && (to === 'SUCCESS' || to === 'REVERTED'))
      event.push(valueJson(fact.value) as string);
    if (fact.fact === 'atom' && fact.failure) event.push(failureJson(fact.failure) as string);
    this.#events.push(event);
  }

  #submit(command: Command): void {
    switch (command.type) {
      case 'execute':
      case 'revert':
        return this.#submitTask(command);
      case 'evaluated':
        return void this.#queue.push({ requestId: command.requestId, outcome: () => command.outcome });
      case 'abort':
      case 'startTimer':
      case 'cancelTimer':
      case 'suspended':
      case 'finish':
        return;
      default:
        return assertNever(command);
    }
  }

  #submitTask(command: ExecuteCommand | RevertCommand): void {
    const args = argsJson(command.args);
    const body = (n: number): Recorded =>
      command.type === 'execute'
        ? ['execute', command.atom, n, args]
        : ['revert', command.atom, n, args, resultJson(command.result)];
    const run = (): Outcome =>
      this.#world.runTask(command.atom, command.type, (event) => this.#events.push(event), body);
    const serial = (this.#scenario.engine?.kind ?? 'serial') === 'serial';
    const done = serial ? run() : undefined;
    this.#queue.push({ requestId: command.requestId, outcome: () => done ?? run() });
  }

  #functions({ retries, deciders, definition }: Built): LocalFunctions {
    void definition;
    return {
      retries: Object.fromEntries(
        Array.from(retries.values(), (spec) => [spec.name, this.#controller(spec)]),
      ),
      deciders: Object.fromEntries(
        Array.from(deciders, ([local, { spec, from, to }]) => [
          local,
          ({ history }) => {
            // TaskFlow's history knows no sub-flows (E-503)
            const atoms = Object.entries(history).filter(([name]) => this.#compiled.atoms.has(name));
            const known = Object.fromEntries(atoms.map(([name, value]) => [name, valueJson(value)]));
            const vote = spec.op === 'raise' ? 'raise' : ballot(spec.op, spec, known);
            this.#asked.push(['decide', from, to, known, vote]);
            if (vote === 'raise') throw scriptedError('DeciderError', 'decider');
            return vote;
          },
        ]),
      ),
    };
  }

  #controller(spec: RetrySpec): RetryController {
    const inner = (): RetryController => {
      const node = this.#compiled.atoms.get(spec.name);
      if (node?.kind !== 'retry') throw new Error(`${spec.name} is no retry`);
      return builtInController(node.retry);
    };
    return {
      execute: (call) => {
        const { n, step: script } = this.#world.call(spec.name, 'execute');
        this.#asked.push(['execute', spec.name, n, argsJson(call.args), historyJson(call.history)]);
        if (script.raise !== undefined)
          throw scriptedError(script.raise, script.message ?? `${spec.name}.execute#${n}`);
        if (script.return !== undefined) return { data: script.return };
        return spec.kind === 'Scripted' ? { data: call.history.length + 1 } : inner().execute(call);
      },
      onFailure: (call) => {
        const { n } = this.#world.call(spec.name, 'resolve');
        const decision =
          spec.kind === 'Scripted'
            ? spec.decisions?.[Math.min(n, spec.decisions.length) - 1]
            : inner().onFailure(call);
        const shown = decision ?? 'REVERT';
        this.#asked.push(['resolve', spec.name, n, argsJson(call.args), historyJson(call.history), shown]);
        if (shown === 'raise') throw scriptedError('ResolveError', `${spec.name}.on_failure#${n}`);
        return shown as Decision;
      },
      revert: (call: RetryCall) => {
        const { n, step: script } = this.#world.call(spec.name, 'revert');
        this.#asked.push(['revert', spec.name, n, argsJson(call.args), historyJson(call.history)]);
        if (script.raise !== undefined)
          throw scriptedError(script.raise, script.message ?? `${spec.name}.revert#${n}`);
        return script.return === undefined ? undefined : { data: script.return };
      },
    };
  }

  #raised(): Phase['raised'] {
    const { flow } = this.#state;
    if (flow === 'SUCCESS' || flow === 'SUSPENDED') return null;
    // TaskFlow raises a failed revert alone; Baton reports everything that is recorded (E-809)
    const failures = failuresOf(this.#state);
    const fatal = failures.filter(({ phase }) => phase === 'revert');
    return { failures: (flow === 'FAILURE' && fatal.length > 0 ? fatal : failures).map(failureJson) };
  }

  #atoms(): Phase['atoms'] {
    return Object.fromEntries(
      Array.from(this.#compiled.atoms.values(), (node) => [
        node.name,
        atomJson(this.#state.runs[node.id], node.kind),
      ]),
    );
  }

  #symbols(): Readonly<Record<string, JsonValue>> {
    const symbols: Record<string, JsonValue> = {};
    for (const [symbol, atoms] of this.#compiled.providers) {
      const values = atoms
        .toSorted((a, b) => a.document - b.document)
        .flatMap((atom) => {
          const found = provided(this.#state, atom, symbol);
          return found ? [valueJson(found.value)] : [];
        });
      const [only] = values;
      if (only !== undefined) symbols[symbol] = values.length === 1 ? only : values;
    }
    for (const [symbol, value] of Object.entries(this.#state.store)) symbols[symbol] = valueJson(value);
    return symbols;
  }
}

function ballot(
  op: 'const' | 'equals' | 'known',
  { value = null, atom = '' }: { readonly value?: JsonValue; readonly atom?: string },
  history: Readonly<Record<string, JsonValue>>,
): boolean {
  if (op === 'const') return value === true;
  if (op === 'known') return Object.hasOwn(history, atom);
  return JSON.stringify(history[atom] ?? null) === JSON.stringify(value);
}

function argsJson(args: Readonly<Record<string, Argument>>): JsonValue {
  return Object.fromEntries(
    Object.entries(args).map(([parameter, { value }]) => [parameter, valueJson(value)]),
  );
}

function resultJson(result: Outcome | undefined): JsonValue {
  if (result === undefined) return null;
  return 'failure' in result ? failureJson(result.failure) : valueJson(result.value);
}

function historyJson(history: readonly HistoryEntry[]): JsonValue {
  return history.map(({ value, failures }) => [
    valueJson(value),
    Object.fromEntries(Array.from(failures, ([atom, failure]) => [atom, failureJson(failure)])),
  ]);
}

function atomJson(run: AtomRun | undefined, kind: 'task' | 'retry'): Readonly<Record<string, JsonValue>> {
  if (!run) return {};
  const all: Record<string, JsonValue | undefined> = {
    state: run.state,
    intention: run.intention,
    result: run.value && valueJson(run.value),
    failure: run.failure && failureJson(run.failure),
    revertResult: kind === 'task' && run.revertValue ? valueJson(run.revertValue) : undefined,
    revertFailure: run.revertFailure && failureJson(run.revertFailure),
    history: kind === 'retry' ? historyJson(run.history) : undefined,
  };
  return Object.fromEntries(
    Object.entries(all).flatMap(([key, value]) =>
      value === undefined || value === null ? [] : [[key, value]],
    ),
  );
}

/** FORMAT 2.5: decider calls and changes to IGNORE or PENDING that stand together have no meaningful order. */
function sortRuns(events: readonly Recorded[], compiled: Compiled): readonly Recorded[] {
  const place = (node: JsonValue | undefined): number => {
    const atom = compiled.atoms.get(String(node));
    if (atom) return atom.document;
    const flow = compiled.nodes.find(({ name }) => name === node);
    return flow ? firstDocument(compiled, flow.name) : -1;
  };
  const key = (event: Recorded): readonly [number, number, number, string] =>
    event[0] === 'decide'
      ? [0, place(event[2]), place(event[1]), String(event[1])]
      : [1, place(event[1]), 0, ''];
  const sorted: Recorded[] = [];
  let run: Recorded[] = [];
  const flush = (): void => {
    sorted.push(...run.toSorted((a, b) => compareKeys(key(a), key(b))));
    run = [];
  };
  for (const event of events) {
    if (event[0] === 'decide' || event[3] === 'IGNORE' || event[3] === 'PENDING') run.push(event);
    else {
      flush();
      sorted.push(event);
    }
  }
  flush();
  return sorted;
}

/** A flow has the number that its first atom after its own retry would get. */
function firstDocument(compiled: Compiled, path: string): number {
  const entry = compiled.nodes.find(({ name }) => name === path);
  const flow = entry && 'flow' in entry && typeof entry.flow === 'object' ? entry.flow : undefined;
  if (!entry || !flow) return -1;
  const documents = compiled.byLeaf
    .slice(entry.leaf, (compiled.nodes[flow.end]?.leaf ?? -1) + 1)
    .filter(({ id }) => id !== flow.retry)
    .map(({ document }) => document);
  return Math.min(...documents);
}

function compareKeys(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  for (const [index, part] of a.entries()) {
    const other = b[index] ?? '';
    if (part !== other) return part < other ? -1 : 1;
  }
  return 0;
}
