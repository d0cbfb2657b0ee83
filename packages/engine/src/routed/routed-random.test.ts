/** Random routed flows, run step by step with answers in random order: each ends, and is the same after every reload. */
import { describe, expect, it } from '@jest/globals';
import type { Given, JoinDefinition, RoutedAtomDefinition, RoutedDefinition, Templates } from '@baton/flow';
import fc from 'fast-check';
import { type Fact, failureOf } from '@baton/core';
import type { Command, Event } from '../protocol.js';
import { applyRoutedFact } from './apply-routed-fact.js';
import { routedGraph } from './routed-graph.js';
import { restoreRouted, snapshotRouted } from './routed-snapshot.js';
import { newRoutedRun, type RoutedState } from './routed-state.js';
import { routedStep } from './routed-step.js';

/** One of each kind, literal or not; what means nothing without for-each is left out where there is none. */
const policies: fc.Arbitrary<Partial<RoutedAtomDefinition>> = fc.record(
  {
    pauseBefore: fc.constantFrom<Given<boolean>>({ expr: 'n == 1' }, false),
    waitBeforeMs: fc.constantFrom<Given<number>>({ expr: 'n' }, 1),
    waitAfterMs: fc.constantFrom(0, 1),
    failOn: fc.constantFrom('self.attempt == 1', 'false'),
    attempts: fc.record(
      {
        max: fc.constantFrom<Given<number>>(1, 2, { expr: '3' }),
        delayMs: fc.nat(1),
        continueOn: fc.constantFrom('self.attempt < 2', 'true'),
        breakOn: fc.constantFrom('n > 2', 'false'),
        scope: fc.constant('item' as const),
      },
      { requiredKeys: ['max'] },
    ),
    timeout: fc.constant({ totalMs: 3 }),
    forEach: fc.constantFrom<Templates>({ item: '${range(n)}' }, { x: [1, 2, 3], y: [4, 5, 6] }, { item: 7 }),
    parallel: fc.constantFrom<Given<number>>(1, { expr: '2' }),
    onItemError: fc.constant('stop' as const),
  },
  { requiredKeys: [] },
);

function fitting(given: Partial<RoutedAtomDefinition>): Partial<RoutedAtomDefinition> {
  if (given.forEach) return given;
  const { parallel: _, onItemError: __, attempts, ...others } = given;
  const { scope: ___, ...plain } = attempts ?? { max: 1 };
  return { ...others, attempts: plain };
}

const guards = [undefined, undefined, undefined, 'true', 'false', 'self.attempt > 0', 'n < 3'];

/** Whatever came of it: a cycle that never counts turns until the limit. */
const turned = { branch: { n: "${get(ctx, 'n', 0) + 1}" } };

/** Edges lead forward, except where a cycle of atoms that are no joins is closed. */
const flows: fc.Arbitrary<RoutedDefinition> = fc
  .record({
    atoms: fc.array(
      fc.record({
        edges: fc.array(
          fc.record({
            by: fc.integer({ min: 1, max: 5 }),
            clause: fc.integer({ min: 0, max: 2 }),
            guard: fc.nat(guards.length - 1),
          }),
          { maxLength: 3 },
        ),
        command: fc.option(fc.constantFrom('noop', 'suspend', 'fail', 'succeed'), { freq: 12 }),
        join: fc.constantFrom<JoinDefinition | undefined>(undefined, undefined, 'all', 'reached', 1, 2),
        work: fc.constantFrom<Partial<RoutedAtomDefinition>>(
          ...[
            {},
            {},
            { task: 't' },
            { task: 't' },
            { task: 't' },
            { task: 'std.noop' },
            { task: 'std.fail' },
          ],
          { task: 'std.sleep', input: { duration: 1 } },
        ),
        policy: fc.option(policies, { nil: {} }),
      }),
      { minLength: 2, maxLength: 9 },
    ),
    back: fc.option(fc.tuple(fc.nat(11), fc.nat(11))),
    isUndone: fc.boolean(),
  })
  .map(({ atoms, back, isUndone }) => {
    const inbound = atoms.map(() => new Set<number>());
    const clauses = ['onSuccess', 'onError', 'onComplete'] as const;
    const definitions = atoms.map(({ edges, command, work, policy }, index): RoutedAtomDefinition => {
      const next: Record<string, { to: string; when?: string }[]> = {};
      for (const { by, clause, guard } of edges) {
        const to = index + by;
        if (to >= atoms.length) continue;
        inbound[to]?.add(index);
        const when = guards[guard];
        (next[clauses[clause] ?? ''] ??= []).push({ to: `a${to}`, ...(when !== undefined && { when }) });
      }
      if (command !== null) (next['onError'] ??= []).unshift({ to: command });
      return {
        name: `a${index}`,
        ...work,
        ...(work.task !== undefined && fitting(policy)),
        publish: turned,
        publishOnError: turned,
        ...Object.fromEntries(Object.entries(next).map(([clause, entries]) => [clause, { next: entries }])),
      };
    });
    const joined = definitions.map((definition, index) => {
      const sources = inbound[index]?.size ?? 0;
      const join = atoms[index]?.join;
      const fits = join !== undefined && sources > 0 && (typeof join !== 'number' || join <= sources);
      return fits ? { ...definition, join } : definition;
    });
    return withCycle(
      {
        kind: 'routed',
        name: 'f',
        ...(isUndone && { rollback: 'completed' as const }),
        atoms: joined,
        start: joined[1]?.join === undefined ? ['a0', 'a1'] : ['a0'],
      },
      back,
    );
  });

/** A way back that turns at most three times, where no join is on it. */
function withCycle(flow: RoutedDefinition, back: readonly [number, number] | null): RoutedDefinition {
  if (!back) return flow;
  const [from, to] = [Math.max(...back) % flow.atoms.length, Math.min(...back) % flow.atoms.length];
  const cyclic: RoutedDefinition = {
    ...flow,
    atoms: flow.atoms.map((atom, index) =>
      index === from
        ? {
            ...atom,
            onComplete: {
              next: [...(atom.onComplete?.next ?? []), { to: `a${to}`, when: "get(ctx, 'n', 9) < 4" }],
            },
          }
        : atom,
    ),
  };
  try {
    routedGraph(cyclic);
    return cyclic;
  } catch {
    return flow;
  }
}

interface Driven {
  readonly state: RoutedState;
  readonly turns: number;
}

/** Answers what is outstanding in the order that `pick` gives; every third fails. After each turn the fold of the journal is compared. */
function drive(definition: RoutedDefinition, pick: (among: number) => number): Driven {
  const graph = routedGraph(definition);
  const options = { flowId: 'f', store: { n: { data: 0 } } };
  let state = newRoutedRun(graph, options);
  const folded = newRoutedRun(graph, options);
  const open: Command[] = [];
  let ended = false;
  let turns = 0;
  const take = (event: Event): void => {
    const began = state.flow;
    const { facts, commands } = routedStep(state, event);
    if (began === 'SUSPENDING' && state.flow !== 'RUNNING')
      expect(commands.filter(({ type }) => type === 'execute' || type === 'revert')).toEqual([]);
    for (const fact of JSON.parse(JSON.stringify(facts)) as typeof facts) applyRoutedFact(folded, fact);
    turns++;
    for (const command of commands) {
      if (command.type === 'execute' || command.type === 'revert' || command.type === 'startTimer')
        open.push(command);
      if (command.type === 'cancelTimer')
        open.splice(
          open.findIndex((other) => other.type === 'startTimer' && other.id === command.id),
          1,
        );
      if (command.type === 'finish') ended = true;
    }
    // of a long run, which is a wide one, now and then
    if (turns >= 100 && turns % 100 !== 0 && !ended) return;
    expect(plain(folded)).toEqual(plain(state));
    if (turns % 5 !== 0 && !ended) return;
    const restored = restoreRouted(graph, snapshotRouted(state) ?? '') as RoutedState;
    expect(plain(restored)).toEqual(plain(state));
    // the run goes on with what was restored
    state = restored;
  };
  take({ type: 'run' });
  let repairs = 0;
  for (;;) {
    if (ended) {
      const repair = repairs++ < 3 ? repairOf(state, pick) : undefined;
      if (!repair) break;
      ended = false;
      take(repair);
      // only a join that nothing leads to any more was cancelled: there is nothing to run again
      ended ||= state.flow === 'CANCELLED';
      continue;
    }
    if (state.flow === 'SUSPENDED') {
      take({ type: 'run' });
      continue;
    }
    const [command] = open.splice(pick(open.length), 1);
    if (command?.type === 'execute' || command?.type === 'revert') {
      const { requestId } = command;
      if (pick(command.type === 'execute' ? 3 : 30) === 0)
        take({ type: 'failed', requestId, failure: failureOf('NO', 'no') });
      else take({ type: 'completed', requestId, value: { data: 1 } });
    } else if (command?.type === 'startTimer') take({ type: 'timerFired', id: command.id });
    else throw new Error(`${state.flow}: nothing is outstanding`);
  }
  return { state, turns };
}

/** What a person may do about a run that failed; undefined: nothing. */
function repairOf(
  { flow, rollback, activations, brokenJoins }: RoutedState,
  pick: (among: number) => number,
): Event | undefined {
  const failed = [...activations.values()].filter(
    ({ id, state }) => state === 'FAILURE' && !brokenJoins.has(id),
  );
  const one = failed[pick(failed.length)];
  if (rollback) return undefined;
  // what a run that failed did not wait for was cancelled, and stays so
  if (flow === 'CANCELLED') return { type: 'rerun' };
  if (flow !== 'FAILURE' || !one) return undefined;
  if (pick(3) === 0) return { type: 'skip', atom: one.id };
  return { type: 'rerun', from: one.id, reset: pick(2) === 0 };
}

/**
 * The same, and now and then the owner dies when a part of a turn is stored, cut between any two facts: the next one folds that and goes on.
 */
function driveWithDeaths(definition: RoutedDefinition, pick: (among: number) => number): Driven {
  const graph = routedGraph(definition);
  const newRun = () => newRoutedRun(graph, { flowId: 'f', store: { n: { data: 0 } } });
  const journal: Fact[] = [];
  let state = newRun();
  let open: Command[] = [];
  let ended = false;
  let turns = 0;
  const take = (event: Event): void => {
    const { facts, commands } = routedStep(state, event);
    if (turns++ < 2_000 && pick(6) === 0) {
      journal.push(...facts.slice(0, pick(facts.length + 1)));
      state = newRun();
      for (const fact of JSON.parse(JSON.stringify(journal)) as Fact[]) applyRoutedFact(state, fact);
      open = Array.from(state.timers.keys(), (id) => ({ type: 'startTimer', id, delayMs: 1 }));
      ended = false;
      if (state.flow !== 'SUSPENDED') take({ type: state.flow === 'PENDING' ? 'run' : 'adopt' });
      return;
    }
    journal.push(...facts);
    for (const command of commands) {
      const isSame = (other: Command) => 'id' in other && 'id' in command && other.id === command.id;
      if (command.type === 'cancelTimer') open = open.filter((other) => !isSame(other));
      else if (command.type === 'execute' || command.type === 'revert' || command.type === 'startTimer')
        open.push(command);
      if (command.type === 'finish') ended = true;
    }
  };
  take({ type: 'run' });
  let repairs = 0;
  for (;;) {
    if (ended) {
      const repair = repairs++ < 3 ? repairOf(state, pick) : undefined;
      if (!repair) break;
      ended = false;
      take(repair);
      // only a join that nothing leads to any more was cancelled: there is nothing to run again
      ended ||= state.flow === 'CANCELLED';
      continue;
    }
    if (state.flow === 'SUSPENDED') {
      take({ type: 'run' });
      continue;
    }
    const [command] = open.splice(pick(open.length), 1);
    if (command?.type === 'execute' || command?.type === 'revert')
      take({ type: 'completed', requestId: command.requestId });
    else if (command?.type === 'startTimer') take({ type: 'timerFired', id: command.id });
    else throw new Error(`${state.flow}: nothing is outstanding`);
  }
  return { state, turns };
}

function plain(state: RoutedState): unknown {
  return JSON.parse(
    JSON.stringify(
      { ...state, graph: 0, latest: state.latest.map((activation) => activation?.id) },
      (key, value: unknown) => {
        if (key === 'parent') return undefined;
        return value instanceof Map || value instanceof Set ? [...value] : value;
      },
    ),
  );
}

/** Undone, as far as reverts did not fail: and nothing of what stays was led to by what is undone. */
function expectEnd({ flow, graph, rollback, activations }: RoutedState): void {
  const isUndone = graph.definition.rollback === 'completed';
  const ends = isUndone ? ['SUCCESS', 'REVERTED', 'FAILURE'] : ['SUCCESS', 'FAILURE', 'CANCELLED'];
  expect(ends).toContain(flow);
  if (flow === 'CANCELLED') expect([...activations.values()].map(({ state }) => state)).toContain(flow);
  expect(flow === 'REVERTED').toBe(rollback !== undefined && rollback.failed.size === 0);
  for (const { state, hasRun, atom, triggeredBy, fanOut } of rollback ? activations.values() : []) {
    const ran = fanOut ? fanOut.items.some((item) => item.hasRun) : hasRun;
    const stays = ran && atom.definition.task === 't' && state !== 'REVERTED';
    if (flow === 'REVERTED') expect([atom.name, stays]).toEqual([atom.name, false]);
    for (const { activation } of stays ? triggeredBy : [])
      expect(activations.get(activation)?.state).not.toMatch(/^REVERT/);
  }
}

/** One whose revert failed is there for whoever repairs it. */
function unfinishedOf({ items }: RoutedState): string[] {
  return [...items.values()].flatMap(({ id, state }) =>
    state === 'REVERT_FAILURE' ? [] : [`${id} ${state}`],
  );
}

describe('a random routed flow', () => {
  it('ends, with nothing unfinished, and its journal folds to the same state after every turn', () => {
    fc.assert(
      fc.property(flows, fc.infiniteStream(fc.nat(997)), (definition, picks) => {
        const { state } = drive(definition, (among) => Number(picks.next().value) % Math.max(1, among));
        expectEnd(state);
        expect(state.unfinished).toBe(0);
        expect([...state.joins.keys(), ...unfinishedOf(state), ...state.timers.keys()]).toEqual([]);
      }),
      { numRuns: Number(process.env['RUNS'] ?? 300) },
    );
  });

  it('ends too when owners die with half a turn stored', () => {
    fc.assert(
      fc.property(flows, fc.infiniteStream(fc.nat(997)), (definition, picks) => {
        const { state } = driveWithDeaths(
          definition,
          (among) => Number(picks.next().value) % Math.max(1, among),
        );
        expectEnd(state);
        expect(state.outstanding.size).toBe(0);
        expect([...state.joins.keys(), ...unfinishedOf(state), ...state.timers.keys()]).toEqual([]);
      }),
      { numRuns: Number(process.env['RUNS'] ?? 300) },
    );
  });
});
