/**
 * Purpose: plays one scenario on the engine, in TaskFlow's own schedule (FORMAT 3) or with the engine's concurrent driver.
 * States: the process (run state) dies at `reload` and at a cut; the journal and the world outlive it.
 * What is authoritative: the journal. In mode `lazy` nothing else is held between events; in mode `crash` it is all that survives.
 * On failure: an error of the engine ends the play; it is the result of the scenario.
 * Not here: what is compared (difference.ts), who answers when (reference-schedule.ts, concurrent-schedule.ts).
 */
import { assertNever, codeOf, type Fact } from '@baton/core';
import {
  answerOf,
  fold,
  missingDependencies,
  newRun,
  restoreRun,
  snapshotRun,
  step,
  type Compiled,
  type Event,
  type ExecuteCommand,
  type Outcome,
  type RevertCommand,
  type RunState,
  type Transition,
  type Turn,
} from '@baton/engine';
import { concurrentDrive } from './concurrent-schedule.js';
import { type Built, compiledFlow } from './definition-of.js';
import { atomsOf, raisedBy, symbolsOf } from './outcome.js';
import type { Memory, Played } from './played.js';
import { ReferenceSchedule } from './reference-schedule.js';
import type { Action, Phase, RecordedRun, Scenario } from './scenario.js';
import { ScriptedFunctions } from './scripted-functions.js';
import { Snapshot } from './snapshot.js';
import { argsJson, isCounted, resultJson, sortRuns, transitionEvent, withoutRepeats } from './trace.js';
import { World, type Recorded } from './world.js';

class Crash extends Error {}

/** What Baton refuses to do before it changes anything → what TaskFlow would call it (E-1217). */
const refusals: ReadonlyMap<string, string> = new Map([
  ['BATON_CONFLICT_NOT_RESETTABLE', 'InvalidState'],
  ['BATON_CONFLICT_HALF_UNDONE', 'HalfUndone'],
]);

/** @throws DefinitionError when Baton refuses the flow. */
export function play(
  record: RecordedRun,
  memory: Exclude<Memory, { readonly kind: 'concurrent' }> = { kind: 'keep' },
): Played {
  const played = new Playback(record, memory).play().next();
  if (played.done !== true) throw new Error('only concurrent plays wait');
  return played.value;
}

/** The same with tasks that end when they end. @throws DefinitionError when Baton refuses the flow. */
export async function playConcurrently(record: RecordedRun): Promise<Played> {
  const steps = new Playback(record, { kind: 'concurrent' }).play();
  for (let next = steps.next(); ;) {
    if (next.done === true) return next.value;
    const failure = await next.value.then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    next = failure ? steps.throw(failure.error) : steps.next();
  }
}

/** What is yielded is waited for. */
type Steps<R> = Generator<Promise<unknown>, R, undefined>;

class Playback {
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
  readonly #schedule: ReferenceSchedule;
  readonly #order: Played['order'][number][] = [];
  #events: Recorded[] = [];
  #action: Action = { do: 'run' };
  #index = 0;
  #thrown: Played['thrown'];
  /** Details stored by TaskFlow, from which the journal goes on (FORMAT 4.3). */
  #snapshot: Snapshot | undefined;
  #notified = 0;
  #isArmed = true;
  #steps = 0;
  #inRound = false;

  constructor(record: RecordedRun, memory: Memory) {
    this.#record = record;
    this.#scenario = record.scenario;
    this.#memory = memory;
    const { built, compiled } = compiledFlow(record.scenario);
    this.#built = built;
    this.#compiled = compiled;
    this.#persisted = record.scenario.store ?? {};
    this.#functions = this.#load();
    const { engine = { kind: 'serial' } } = record.scenario;
    const isLed = memory.kind === 'follow';
    this.#schedule = new ReferenceSchedule(
      isLed ? { kind: 'parallel' } : engine,
      (command) => this.#carryOut(command),
      isLed ? memory.order : undefined,
    );
  }

  *play(): Steps<Played> {
    const phases: Phase[] = [];
    for (const [index, action] of (this.#scenario.actions ?? [{ do: 'run' } as const]).entries())
      phases.push(yield* this.#phase(action, index));
    return {
      phases,
      compiled: this.#compiled,
      state: this.#current(),
      entries: this.#entries,
      repeated: this.#schedule.repeated,
      order: this.#order,
      thrown: this.#thrown,
    };
  }

  *#phase(action: Action, index: number): Steps<Phase> {
    const recorded = this.#record.expected.phases[index];
    this.#events = [];
    this.#action = withoutRepeats(action, recorded);
    this.#notified = this.#steps = 0;
    // the idiom for undoing prepares the engine before it runs it; a stop is looked for in the run alone
    this.#isArmed = action.do !== 'revert';
    this.#index = index;
    // where the process died between two writes of TaskFlow's own, its record is taken over (FORMAT 4.3)
    if (recorded?.crashed && action.crashAtNotification === undefined) return recorded;
    let raised: Phase['raised'] = null;
    let crashed = false;
    try {
      raised = yield* this.#act(action, index);
    } catch (error) {
      const refusal = refusals.get(codeOf(error) ?? '');
      if (refusal !== undefined) raised = { failures: [{ $failure: refusal, message: null }] };
      else if (error instanceof Crash) crashed = true;
      else throw error;
    }
    if (crashed) return { ...(recorded as Phase), events: sortRuns(this.#events, this.#built.places) };
    const state = this.#current();
    return {
      do: action.do,
      events: sortRuns(this.#events, this.#built.places),
      raised,
      flow: state.flow,
      atoms: atomsOf(state, this.#world.progress),
      symbols: symbolsOf(state, { persisted: this.#persisted, transient: this.#transient }),
    };
  }

  *#act(action: Action, index: number): Steps<Phase['raised']> {
    switch (action.do) {
      case 'run':
      case 'revert':
        return yield* this.#run(action.do);
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

  *#run(type: 'run' | 'revert'): Steps<Phase['raised']> {
    const store = Object.keys({ ...this.#persisted, ...this.#transient });
    if (missingDependencies(this.#compiled, store).length > 0) {
      this.#take({ type: 'prepare' });
      return { failures: [{ $failure: 'MissingDependencies', message: null }] };
    }
    if (this.#memory.kind === 'concurrent') yield this.#drive(type);
    else this.#playInTurn(type);
    return raisedBy(this.#current());
  }

  #playInTurn(type: 'run' | 'revert'): void {
    this.#take({ type });
    while (!this.#schedule.isEmpty) {
      this.#pass();
      const next = this.#schedule.complete();
      const answer = next.outcome();
      this.#pass();
      this.#take(
        answer ? answerOf(next.requestId, answer) : { type: 'withdrawn', requestId: next.requestId },
      );
    }
  }

  #drive(type: 'run' | 'revert'): Promise<unknown> {
    const { scenario } = this.#record;
    const drive = concurrentDrive(scenario.id, this.#compiled, {
      take: (event) => {
        // an answer was waited for and looked at
        if ('requestId' in event) this.#pass();
        if ('requestId' in event) this.#pass();
        const turn = this.#take(event);
        return { ...turn, seq: this.#journal.length, transitions: [], causes: [], state: this.#current() };
      },
      body: (atom, method) =>
        this.#world.runTask(
          atom,
          method,
          (event) => this.#events.push(event),
          (n) => [method, atom, n],
        ),
    });
    return drive.run({ type });
  }

  /** One turn: load, step, save, and what the memory of this play demands. */
  #take(event: Event): Turn {
    const state = this.#current();
    this.#inRound = false;
    let stoppedInRound = false;
    const turn = step(state, event, {
      changed: (transition, fact) => {
        const stop = this.#changed(transition, fact);
        stoppedInRound ||= stop && this.#inRound;
        return stop;
      },
      entering: (machine) => {
        const stop = this.#tick();
        if (machine === 'SCHEDULING') this.#inRound = !stop;
        return stop;
      },
      command: (command) => {
        if (command.type === 'execute' || command.type === 'revert') this.#world.beginsAnew(command.atom);
        if (this.#memory.kind !== 'concurrent') this.#schedule.submit(command);
      },
    });
    // the first look at what is queued is taken before anything is withdrawn
    if (state.flow === 'SUSPENDING' && !stoppedInRound) this.#schedule.withdrawWaiting();
    if (turn.facts.length === 0) return turn;
    if ('requestId' in event) {
      this.#schedule.recorded(event);
      this.#order.push({ requestId: event.requestId, withdrawn: event.type === 'withdrawn' });
    }
    this.#journal.push(this.#memory.kind === 'forget' ? stored(turn.facts) : turn.facts);
    this.#entries++;
    if (this.#memory.kind === 'keep')
      this.#memory.stored?.({ state, journal: this.#journal, fresh: () => this.#fresh() });
    if (this.#memory.kind === 'forget') this.#state = this.#loaded(state);
    if (this.#memory.kind === 'cut' && this.#memory.after === this.#entries) this.#die();
    return turn;
  }

  /** By turns from the journal and from a snapshot: both must do. */
  #loaded(state: RunState): RunState {
    if (this.#entries % 2 === 0) return this.#folded();
    const local = { functions: this.#functions.functions, ...asTaskFlow };
    return restoreRun(this.#compiled, snapshotRun(state), local) ?? this.#folded();
  }

  /** The process is gone; another one reads the journal and takes over what is outstanding. */
  #die(): void {
    this.#journal = this.#journal.map(stored);
    this.#state = this.#folded();
    this.#functions.repeatLastAnswers = true;
    this.#schedule.takeOver(step(this.#state, { type: 'adopt' }).commands);
    this.#functions.repeatLastAnswers = false;
  }

  #changed(transition: Transition, fact: Fact): boolean {
    this.#events.push(transitionEvent(transition, fact));
    if (transition.of === 'task') this.#progressed(transition.atom, transition.to);
    if (!isCounted(transition)) return false;
    this.#notified++;
    this.#isArmed ||= transition.of === 'flow' && transition.to === 'RUNNING';
    if (!this.#isArmed) return false;
    if (this.#notified === this.#action.crashAtNotification) throw new Crash();
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
    const { suspendAtStep, closeAtStep, throwAtStep } = this.#action;
    if (this.#steps === throwAtStep) this.#thrown ??= { phase: this.#index, event: this.#events.length };
    if (this.#steps !== (suspendAtStep ?? closeAtStep)) return false;
    this.#events.push(['suspend']);
    return true;
  }

  /** The machine enters WAITING or ANALYZING, which are the driver's. */
  #pass(): void {
    if (this.#tick()) this.#schedule.withoutWithdrawing(() => this.#take({ type: 'suspend' }));
  }

  #carryOut(command: ExecuteCommand | RevertCommand): Outcome {
    const { atom, type } = command;
    const args = argsJson(command.args);
    const failures = command.type === 'revert' ? this.#functions.failuresJson(command.flowFailures) : {};
    const body = (n: number): Recorded =>
      command.type === 'execute'
        ? ['execute', atom, n, args]
        : ['revert', atom, n, args, resultJson(command.result), failures];
    return this.#world.runTask(atom, type, (event) => this.#events.push(event), body);
  }

  #reload({ flow }: Action, index: number): null {
    const before = this.#record.expected.phases[index - 1];
    this.#schedule.restart({ forgets: before?.crashed === true || flow !== undefined });
    if (flow) {
      const { built, compiled } = compiledFlow({ ...this.#scenario, flow });
      this.#built = built;
      this.#compiled = compiled;
    }
    this.#transient = {};
    this.#functions = this.#load(flow);
    if (before?.crashed === true || flow) {
      const details = flow
        ? { atoms: atomsOf(this.#current(), new Map()), flow: this.#current().flow }
        : before;
      if (details) this.#snapshot = new Snapshot(this.#compiled, details);
      this.#journal = [];
    }
    if (before?.crashed === true) {
      this.#world.setCalls(before.calls ?? {});
      for (const [atom, { progress }] of Object.entries(before.atoms))
        if (typeof progress === 'number') this.#world.progress.set(atom, progress);
    }
    this.#journal = this.#journal.map(stored);
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
    const { kind } = this.#memory;
    const deterministic = kind === 'follow' ? !this.#memory.atOnce : kind !== 'concurrent';
    const local = { functions, ...asTaskFlow, deterministic };
    const state = newRun(this.#compiled, { flowId: 'recorded', store, ...local });
    this.#snapshot?.restore(state);
    return state;
  }
}

/** Facts as they are read back. */
function stored(facts: readonly Fact[]): readonly Fact[] {
  return JSON.parse(JSON.stringify(facts)) as readonly Fact[];
}

/** The engine in TaskFlow's order, and with results taken as they are, so that one without a promised part (E-130) can be compared. */
const asTaskFlow = { deterministic: true, uncheckedResults: true } as const;
