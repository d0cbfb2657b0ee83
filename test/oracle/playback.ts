/**
 * Purpose: plays one scenario on the engine in TaskFlow's own schedule (FORMAT 3), one completion at a time.
 * States: the process (run state, queue of submissions) dies at `reload` and at a cut; the journal and the world outlive it.
 * What is authoritative: the journal. In mode `lazy` nothing else is held between events; in mode `crash` it is all that survives.
 * On failure: an error of the engine ends the play; it is the result of the scenario.
 * Not here: what is compared (difference.ts), real concurrency (concurrent.ts).
 */
import { assertNever, codeOf, type Fact } from '@baton/core';
import {
  compile,
  fold,
  missingDependencies,
  newRun,
  restoreRun,
  snapshotRun,
  step,
  type Command,
  type Compiled,
  type Event,
  type ExecuteCommand,
  type Outcome,
  type RevertCommand,
  type RunState,
  type Transition,
} from '@baton/engine';
import { definitionOf, type Built } from './definition-of.js';
import { atomsOf, raisedBy, symbolsOf } from './outcome.js';
import type { Action, Phase, RecordedRun, Scenario } from './scenario.js';
import { ScriptedFunctions } from './scripted-functions.js';
import { snapshotFacts } from './snapshot-facts.js';
import { argsJson, isCounted, resultJson, sortRuns, transitionEvent } from './trace.js';
import { World, type Recorded } from './world.js';

interface Queued {
  readonly requestId: string;
  readonly outcome: () => Outcome;
  /** Nothing was done for it yet. */
  waits: boolean;
  withdrawn: boolean;
}

/** `keep`: one state in memory. `forget`: it is loaded for each event and thrown away. `cut`: the process dies after that entry. */
export type Memory =
  | { readonly kind: 'keep'; readonly stored?: (moment: Moment) => void }
  | { readonly kind: 'forget' }
  | { readonly kind: 'cut'; readonly after: number };

/** A turn was stored: the state as it is, the journal up to here, and a run of this process that has not begun. */
export interface Moment {
  readonly state: RunState;
  readonly journal: readonly (readonly Fact[])[];
  readonly fresh: () => RunState;
}

export interface Played {
  readonly phases: readonly Phase[];
  readonly compiled: Compiled;
  readonly state: RunState;
  /** Entries over all phases. */
  readonly entries: number;
  /** Requests that were carried out although the journal knew their outcome. */
  readonly repeated: readonly string[];
  /** Number of the phase that Baton refuses by rule, if any. */
  readonly refusedAt: number | undefined;
}

export class Crash extends Error {}

/** @throws DefinitionError when Baton refuses the flow. */
export function play(record: RecordedRun, memory: Memory = { kind: 'keep' }): Played {
  return new Playback(record, memory).play();
}

export class Playback {
  readonly #record: RecordedRun;
  readonly #scenario: Scenario;
  readonly #memory: Memory;
  readonly #world = new World();
  #built: Built;
  #compiled: Compiled;
  #persisted: Scenario['store'] & object = {};
  #transient: Scenario['store'] & object = {};
  #functions: ScriptedFunctions;
  #state: RunState | undefined;
  #journal: (readonly Fact[])[] = [];
  #entries = 0;
  #queue: Queued[] = [];
  #picks = 0;
  #events: Recorded[] = [];
  #action: Action = { do: 'run' };
  #notified = 0;
  #steps = 0;
  #inRound = false;
  readonly #answers = new Map<string, Outcome>();
  readonly #settled = new Set<string>();
  readonly #repeated: string[] = [];

  constructor(record: RecordedRun, memory: Memory) {
    this.#record = record;
    this.#scenario = record.scenario;
    this.#memory = memory;
    this.#built = definitionOf(record.scenario);
    this.#compiled = compile(this.#built.definition);
    this.#persisted = record.scenario.store ?? {};
    this.#functions = this.#load();
  }

  play(): Played {
    const phases: Phase[] = [];
    let refusedAt: number | undefined;
    const actions = this.#scenario.actions ?? [{ do: 'run' } as const];
    for (const [index, action] of actions.entries()) {
      try {
        phases.push(this.#phase(action, index));
      } catch (error) {
        if (codeOf(error) !== 'BATON_CONFLICT_HALF_UNDONE') throw error;
        refusedAt = index;
        break;
      }
    }
    const { repeated, entries } = { repeated: this.#repeated, entries: this.#entries };
    return { phases, compiled: this.#compiled, state: this.#current(), entries, repeated, refusedAt };
  }

  #phase(action: Action, index: number): Phase {
    this.#events = [];
    this.#action = action;
    this.#notified = this.#steps = 0;
    const recorded = this.#record.expected.phases[index];
    // where the process died between two writes of TaskFlow's own, its record is taken over (FORMAT 4.3)
    if (recorded?.crashed && action.crashAtNotification === undefined) return recorded;
    let raised: Phase['raised'] = null;
    let crashed = false;
    try {
      raised = this.#act(action, index);
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      crashed = true;
    }
    if (crashed) return { ...(recorded as Phase), events: sortRuns(this.#events, this.#compiled) };
    const state = this.#current();
    return {
      do: action.do,
      events: sortRuns(this.#events, this.#compiled),
      raised,
      flow: state.flow,
      atoms: atomsOf(state, this.#world.progress),
      symbols: symbolsOf(state, { persisted: this.#persisted, transient: this.#transient }),
    };
  }

  #act(action: Action, index: number): Phase['raised'] {
    switch (action.do) {
      case 'run':
      case 'revert':
        return this.#run(action.do);
      case 'reload':
        return this.#reload(action, index);
      case 'inject': {
        const kind = action.transient === true ? 'transient' : 'persisted';
        if (kind === 'transient') this.#transient = { ...this.#transient, ...action.values };
        else this.#persisted = { ...this.#persisted, ...action.values };
        this.#state = this.#folded();
        return null;
      }
      case 'reset':
      case 'prepare':
      case 'suspend':
        this.#take({ type: action.do });
        return null;
      case 'compile':
      case 'validate':
        return null;
      default:
        return assertNever(action.do);
    }
  }

  #run(type: 'run' | 'revert'): Phase['raised'] {
    const store = Object.keys({ ...this.#persisted, ...this.#transient });
    if (missingDependencies(this.#compiled, store).length > 0) {
      this.#take({ type: 'prepare' });
      return { failures: [{ $failure: 'MissingDependencies', message: null }] };
    }
    this.#take({ type });
    while (this.#queue.length > 0) {
      this.#machine('WAITING');
      const entry = this.#next();
      const { requestId } = entry;
      const answer = entry.withdrawn ? undefined : entry.outcome();
      this.#machine('ANALYZING');
      if (!answer) this.#take({ type: 'withdrawn', requestId });
      else if ('failure' in answer) this.#take({ type: 'failed', requestId, failure: answer.failure });
      else this.#take({ type: 'completed', requestId, ...answer });
    }
    return raisedBy(this.#current());
  }

  /** One turn: load, step, save, and what the memory of this play demands. */
  #take(event: Event): void {
    const state = this.#current();
    this.#inRound = false;
    let stoppedInRound = false;
    const turn = step(state, event, {
      changed: (transition, fact) => {
        const stop = this.#changed(transition, fact);
        stoppedInRound ||= stop && this.#inRound;
        return stop;
      },
      scheduling: (idle) => {
        const stop = this.#tick() || (idle && (this.#tick() || this.#tick()));
        this.#inRound = !stop;
        return stop;
      },
      command: (command) => this.#submit(command, true),
    });
    // the first look at what is queued is taken before anything is withdrawn
    if (state.flow === 'SUSPENDING' && !stoppedInRound) this.#withdrawWaiting();
    if (turn.facts.length === 0) return;
    this.#journal.push(JSON.parse(JSON.stringify(turn.facts)) as Fact[]);
    this.#entries++;
    if (this.#memory.kind === 'keep')
      this.#memory.stored?.({ state, journal: this.#journal, fresh: () => this.#fresh() });
    if (this.#memory.kind === 'forget') this.#state = this.#loaded(state);
    if (this.#memory.kind === 'cut' && this.#memory.after === this.#entries) this.#die();
  }

  /** By turns from the journal and from a snapshot: both must do. */
  #loaded(state: RunState): RunState {
    if (this.#entries % 2 === 0) return this.#folded();
    const local = { functions: this.#functions.functions, deterministic: true };
    return restoreRun(this.#compiled, snapshotRun(state), local) ?? this.#folded();
  }

  /** The process is gone; another one reads the journal and takes over what is outstanding. */
  #die(): void {
    const { flow } = this.#current();
    const before = this.#queue;
    this.#queue = [];
    this.#state = this.#folded();
    if (flow !== 'RUNNING' && flow !== 'SUSPENDING') return;
    this.#functions.repeatLastAnswers = true;
    step(this.#current(), { type: 'adopt' }, { command: (command) => this.#submit(command, false) });
    this.#functions.repeatLastAnswers = false;
    // whether somebody began to work on a request is known by the world
    for (const entry of this.#queue) {
      const known = before.find(({ requestId }) => requestId === entry.requestId);
      if (known) Object.assign(entry, { withdrawn: known.withdrawn, waits: known.waits });
    }
  }

  #changed(transition: Transition, fact: Fact): boolean {
    this.#events.push(transitionEvent(transition, fact));
    if (transition.of === 'task') this.#progressed(transition.atom, transition.to);
    if (!isCounted(transition)) return false;
    this.#notified++;
    if (this.#notified === this.#action.crashAtNotification) throw new Crash();
    if (transition.of === 'flow' && transition.to === 'RUNNING' && this.#tick()) return true;
    if (this.#notified !== this.#action.suspendAt) return false;
    this.#events.push(['suspend']);
    return true;
  }

  #progressed(atom: string, to: string): void {
    if (to === 'PENDING' || to === 'IGNORE' || to === 'RUNNING' || to === 'REVERTING')
      this.#world.progress.set(atom, 0);
    if (to === 'SUCCESS' || to === 'REVERTED') this.#world.progress.set(atom, 1);
  }

  /** The machine of TaskFlow enters a state (FORMAT 1.5); true: suspend there. */
  #tick(): boolean {
    this.#steps++;
    const { suspendAtStep, closeAtStep } = this.#action;
    if (this.#steps !== (suspendAtStep ?? closeAtStep)) return false;
    this.#events.push(['suspend']);
    return true;
  }

  #machine(_entered: 'WAITING' | 'ANALYZING'): void {
    if (!this.#tick()) return;
    const queue = this.#queue.map((entry) => [entry, entry.withdrawn] as const);
    this.#take({ type: 'suspend' });
    for (const [entry, withdrawn] of queue) entry.withdrawn = withdrawn;
  }

  #withdrawWaiting(): void {
    for (const entry of this.#queue) entry.withdrawn ||= entry.waits;
  }

  #next(): Queued {
    const { picks } = this.#scenario.engine ?? {};
    const pick =
      picks && picks.length > 0 ? (picks[this.#picks++ % picks.length] ?? 0) % this.#queue.length : 0;
    const [next] = this.#queue.splice(pick, 1);
    if (!next) throw new Error('the queue is empty');
    return next;
  }

  #submit(command: Command, isFirst: boolean): void {
    if (command.type === 'evaluated') {
      const { requestId, outcome } = command;
      this.#queue.push({ requestId, outcome: () => outcome, waits: false, withdrawn: false });
    }
    if (command.type !== 'execute' && command.type !== 'revert') return;
    const serial = (this.#scenario.engine?.kind ?? 'serial') === 'serial';
    const { requestId } = command;
    const outcome = (): Outcome => this.#carriedOut(command);
    if (serial && isFirst) outcome();
    this.#queue.push({ requestId, outcome, waits: !serial, withdrawn: false });
  }

  /** A worker does a request once; asked again, it gives the same answer. */
  #carriedOut(command: ExecuteCommand | RevertCommand): Outcome {
    const { requestId, atom, type } = command;
    const known = this.#answers.get(requestId);
    if (known) return known;
    if (this.#settled.has(requestId)) this.#repeated.push(requestId);
    const args = argsJson(command.args);
    const failures = command.type === 'revert' ? this.#functions.failuresJson(command.flowFailures) : {};
    const body = (n: number): Recorded =>
      command.type === 'execute'
        ? ['execute', atom, n, args]
        : ['revert', atom, n, args, resultJson(command.result), failures];
    const answer = this.#world.runTask(atom, type, (event) => this.#events.push(event), body);
    this.#answers.set(requestId, answer);
    return answer;
  }

  #reload({ flow }: Action, index: number): null {
    this.#picks = 0;
    this.#queue = [];
    const before = this.#record.expected.phases[index - 1];
    if (flow) this.#built = definitionOf({ ...this.#scenario, flow });
    if (flow) this.#compiled = compile(this.#built.definition);
    this.#transient = {};
    this.#functions = this.#load(flow);
    if (before?.crashed === true || flow) {
      const snapshot = flow
        ? { atoms: atomsOf(this.#current(), new Map()), flow: this.#current().flow }
        : before;
      if (snapshot) this.#journal = [snapshotFacts(this.#compiled, snapshot)];
      this.#answers.clear();
    }
    if (before?.crashed === true) {
      this.#world.setCalls(before.calls ?? {});
      for (const [atom, { progress }] of Object.entries(before.atoms))
        if (typeof progress === 'number') this.#world.progress.set(atom, progress);
    }
    this.#state = this.#folded();
    return null;
  }

  #load(flow = this.#scenario.flow): ScriptedFunctions {
    this.#transient = this.#scenario.transientStore ?? {};
    this.#world.read(flow);
    return new ScriptedFunctions(this.#built, this.#compiled, this.#world, (event) =>
      this.#events.push(event),
    );
  }

  #current(): RunState {
    return (this.#state ??= this.#folded());
  }

  #folded(): RunState {
    const state = this.#fresh();
    for (const facts of this.#journal) fold(state, facts);
    return state;
  }

  #fresh(): RunState {
    // of two injections of one symbol the earlier counts
    const given = { ...this.#transient, ...this.#persisted };
    const store = Object.fromEntries(Object.entries(given).map(([symbol, data]) => [symbol, { data }]));
    const { functions } = this.#functions;
    return newRun(this.#compiled, { flowId: 'recorded', store, functions, deterministic: true });
  }
}
