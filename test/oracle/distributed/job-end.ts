/** What a job came to, in the form of the recordings, and whether it is what TaskFlow came to (FORMAT 4.1, loose). */
import type { FlowOutcome, JournalEntry } from '@baton/core';
import {
  fold,
  newRun,
  step,
  type Event,
  type ExecuteCommand,
  type RevertCommand,
  type RunState,
} from '@baton/engine';
import { outcomeDifference, text, type Difference } from '../difference.js';
import { invariantViolation } from '../invariants.js';
import { judge } from '../judge.js';
import { atomsOf, raisedBy, symbolsOf } from '../outcome.js';
import type { Phase } from '../scenario.js';
import { argsJson, resultJson, transitionEvent } from '../trace.js';
import { World, type Recorded } from '../world.js';
import type { Postable } from './postable.js';

export interface End {
  readonly phase: Phase;
  /** Bodies of tasks that ran: method, atom, number of the call, arguments, and for a revert what it was to undo. */
  readonly bodies: readonly Recorded[];
}

export function endOfJob(
  postable: Postable,
  outcome: FlowOutcome,
  journal: readonly JournalEntry[],
  bodies: readonly Recorded[],
): End {
  const state = begun(postable);
  const events: Recorded[] = [];
  for (const fact of journal.flatMap(({ facts }) => facts))
    fold(state, [fact], (transition) => events.push(transitionEvent(transition, fact)));
  return { phase: { ...phaseOf(postable, state), flow: outcome, events }, bodies };
}

/** From the recording: the end, and what each body was called with; the order rules hold in any case. */
export function endDifference(
  { record, compiled }: Postable,
  { phase, bodies }: End,
): Difference | undefined {
  const [want] = record.expected.phases;
  if (!want) throw new Error(`${record.scenario.id} records no run`);
  return (
    invariantViolation(compiled, [phase]) ??
    outcomeDifference(want, phase, false, []) ??
    bodyDifference(want, bodies)
  );
}

/** Of calls that both know: which ones there are may depend on the schedule. */
function bodyDifference({ events }: Phase, bodies: readonly Recorded[]): Difference | undefined {
  const known = new Map(bodies.map((body) => [text(body.slice(0, 3)), body]));
  for (const event of events) {
    const body = known.get(text(event.slice(0, 3)));
    const [expected, got] = [text(event.slice(0, body?.length)), text(body)];
    if (body && expected !== got) return { where: 'call', expected, got, rule: 'E-1101' };
  }
  return undefined;
}

/**
 * Whether it was the order of the answers that made this end: the engine alone ends as recorded in TaskFlow's own order, and ends like this
 * in the order of this journal. A recording is called stable when a few schedules gave the same end; about one in 250 has others.
 */
export function isMadeByOrder(postable: Postable, end: End, journal: readonly JournalEntry[]): boolean {
  if (invariantViolation(postable.compiled, [end.phase]) !== undefined) return false;
  if (comparable(end) !== comparable(endInOrder(postable, journal))) return false;
  return judge(postable.record, 'strict').difference === undefined;
}

function comparable({ phase: { flow, atoms, symbols, raised }, bodies }: End): string {
  return text([flow, atoms, symbols, raised?.failures.map(text).toSorted(), bodies.map(text).toSorted()]);
}

/** The engine in this process, its requests answered in the order in which the journal has the answers. */
function endInOrder(postable: Postable, journal: readonly JournalEntry[]): End {
  const world = new World();
  world.read(postable.record.scenario.flow);
  const state = begun(postable);
  const open = new Map<string, ExecuteCommand | RevertCommand>();
  const bodies: Recorded[] = [];
  const take = (event: Event): void => {
    for (const command of step(state, event).commands)
      if (command.type === 'execute' || command.type === 'revert') open.set(command.atom, command);
  };
  take({ type: 'run' });
  for (const fact of journal.flatMap(({ facts }) => facts)) {
    if (fact.fact !== 'atom' || !answers.has(fact.to)) continue;
    // without a request it was decided in the turn before
    const command = open.get(fact.atom);
    if (!command) continue;
    open.delete(fact.atom);
    const body = (n: number): Recorded => bodyOf(command, n);
    const record = (event: Recorded): unknown => event[0] === command.type && bodies.push(event);
    const answer = world.runTask(command.atom, command.type, record, body);
    const { requestId } = command;
    if ('failure' in answer) take({ type: 'failed', requestId, failure: answer.failure });
    else take({ type: 'completed', requestId, ...answer });
  }
  return { phase: phaseOf(postable, state), bodies };
}

const answers: ReadonlySet<string> = new Set(['SUCCESS', 'FAILURE', 'REVERTED', 'REVERT_FAILURE']);

function bodyOf(command: ExecuteCommand | RevertCommand, n: number): Recorded {
  const body = [command.type, command.atom, n, argsJson(command.args)];
  return command.type === 'execute' ? body : [...body, resultJson(command.result)];
}

function begun({ compiled, store }: Postable): RunState {
  const values = Object.entries(store).map(([symbol, data]) => [symbol, { data }]);
  return newRun(compiled, { flowId: 'recorded', store: Object.fromEntries(values) });
}

function phaseOf({ record }: Postable, state: RunState): Phase {
  const { store: persisted = {}, transientStore: transient = {} } = record.scenario;
  return {
    do: 'run',
    events: [],
    raised: raisedBy(state),
    flow: state.flow,
    atoms: atomsOf(state, new Map()),
    symbols: symbolsOf(state, { persisted, transient }),
  };
}
