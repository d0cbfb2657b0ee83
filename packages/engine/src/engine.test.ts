import { codeOf, failureOf } from '@baton/core';
import type { Fact } from '@baton/core';
import type { NodeDefinition, RetryDefinition } from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fold } from './apply-fact.js';
import { compile } from './compile.js';
import type { Compiled } from './compiled.js';
import type { Command, Event } from './protocol.js';
import { newRun } from './run-state.js';
import type { RunState } from './run-state.js';
import { restoreRun, snapshotRun } from './snapshot.js';
import { step } from './step.js';
import { missingDependencies, validate } from './validate.js';

const options = { flowId: 'f', store: {} };

const retries = fc.constantFrom<RetryDefinition | undefined>(
  undefined,
  { kind: 'times', attempts: 2 },
  { kind: 'times', attempts: 3, backoff: { kind: 'constant', initialMs: 5 } },
  { kind: 'forEach', values: [1, 2], revertAll: true },
  { kind: 'forEach', values: [] },
  { kind: 'alwaysRevert' },
  { kind: 'alwaysRevertAll' },
);

interface Shape {
  readonly kind: 'linear' | 'unordered' | 'graph';
  readonly retry: RetryDefinition | undefined;
  readonly children: readonly (Shape | null)[];
}

const shapes: fc.Arbitrary<Shape> = fc.letrec<{ flow: Shape }>((tie) => ({
  flow: fc.record({
    kind: fc.constantFrom('linear', 'unordered', 'graph'),
    retry: retries,
    children: fc.array(fc.oneof({ maxDepth: 3 }, fc.constant(null), tie('flow')), { maxLength: 4 }),
  }),
})).flow;

/** Atoms are numbered in document order; a graph links each child to the next but one. */
function flowOf(shape: Shape): NodeDefinition {
  let count = 0;
  const node = (part: Shape | null): NodeDefinition => {
    if (part === null) {
      const policy = [{}, { attempts: { max: 2 } }, { attempts: { max: 3, delayMs: 5 } }][count % 3];
      return { kind: 'task', name: `t${count++}`, ...policy };
    }
    const name = `f${count++}`;
    const children = part.children.map(node);
    const links = children.slice(2).map((_, index) => ({ from: index, to: index + 2 }));
    return {
      kind: part.kind,
      name,
      children,
      ...(part.retry && { retry: part.retry }),
      ...(part.kind === 'graph' && { links }),
    };
  };
  return node(shape);
}

/** What a random driver does next: which of the open commands it answers, and how. */
const scripts = fc.array(
  fc.record({
    pick: fc.nat(20),
    fails: fc.integer({ min: 0, max: 9 }),
    control: fc.integer({ min: 0, max: 60 }),
  }),
  { maxLength: 120 },
);

/** Drives a run by a script to its end, or 2,000 turns; gives each turn's facts to `seen`. */
function drive(
  state: RunState,
  script: readonly { readonly pick: number; readonly fails: number; readonly control: number }[],
  seen: (facts: readonly Fact[]) => void,
): Command | undefined {
  const open: Command[] = [];
  let last: Command | undefined;
  const take = (event: Event): void => {
    const turn = step(state, event);
    seen(turn.facts);
    for (const command of turn.commands) {
      last = command;
      if (command.type === 'execute' || command.type === 'revert' || command.type === 'startTimer')
        open.push(command);
    }
  };
  take({ type: 'run' });
  for (let turn = 0; turn < 2_000 && last?.type !== 'finish'; turn++) {
    const { pick, fails, control } = script[turn] ?? { pick: 0, fails: 9, control: 60 };
    if (control === 0) take({ type: 'suspend' });
    else if (control === 1) take({ type: 'cancel', revert: true });
    else if (control === 2) take({ type: 'adopt' });
    if (last?.type === 'suspended') take({ type: 'resume' });
    const [command] = open.splice(pick % Math.max(open.length, 1), 1);
    if (!command) continue;
    if (command.type === 'startTimer') take({ type: 'timerFired', id: command.id });
    else if (command.type === 'execute' || command.type === 'revert') {
      const { requestId } = command;
      const failing = command.type === 'execute' ? fails < 3 : fails === 0 && control > 40;
      take(
        failing
          ? { type: 'failed', requestId, failure: failureOf('X', 'x') }
          : { type: 'completed', requestId, value: { data: turn } },
      );
    }
  }
  return last;
}

describe('step', () => {
  it('states facts whose fold is the state it is in, after every turn, whatever happens; and always comes to an end', () => {
    fc.assert(
      fc.property(shapes, scripts, (shape, script) => {
        const compiled = compile({ schemaVersion: 1, root: flowOf(shape) });
        const live = newRun(compiled, options);
        const folded = newRun(compiled, options);
        const last = drive(live, script, (facts) => {
          fold(folded, JSON.parse(JSON.stringify(facts)) as Fact[]);
          expect(folded).toEqual(live);
          expect(restoreRun(compiled, snapshotRun(live))).toEqual(live);
          expectReadinessIsRight(live, compiled);
        });
        expect(last?.type).toBe('finish');
        expectWellEnded(live, compiled);
      }),
      { numRuns: 120 },
    );
  });

  it('carries a chain of 100,000 atoms there and back without a deep stack, at an even cost', () => {
    const perAtom = [1_000, 100_000].map((length) => {
      const started = performance.now();
      const children = Array.from({ length }, (_, index): NodeDefinition => ({
        kind: 'task',
        name: `t${index}`,
      }));
      const state = newRun(
        compile({ schemaVersion: 1, root: { kind: 'linear', name: 'f', children } }),
        options,
      );
      let facts = 0;
      let turn = step(state, { type: 'run' });
      for (let index = 0; turn.commands[0]?.type !== 'finish'; index++) {
        const [command] = turn.commands;
        if (command?.type !== 'execute' && command?.type !== 'revert') throw new Error('stuck');
        const { requestId } = command;
        const fails = index === length - 1;
        turn = step(
          state,
          fails
            ? { type: 'failed', requestId, failure: failureOf('X', 'x') }
            : { type: 'completed', requestId },
        );
        facts = Math.max(facts, turn.facts.length);
      }
      expect(state.flow).toBe('REVERTED');
      expect(facts).toBe(3);
      return (performance.now() - started) / length;
    });
    // a quadratic cost would be a hundred times as much
    expect(perAtom[1]).toBeLessThan((perAtom[0] ?? 0) * 8);
  });

  it('begins, forgets and takes up 200,000 atoms at a time', () => {
    const children = Array.from({ length: 200_000 }, (_, index): NodeDefinition => ({
      kind: 'task',
      name: `t${index}`,
    }));
    const compiled = compile({ schemaVersion: 1, root: { kind: 'unordered', name: 'f', children } });
    const wide = { ...options, outstandingMax: 200_000 };
    const begun = step(newRun(compiled, wide), { type: 'run' });
    const taken = newRun(compiled, wide);
    fold(taken, begun.facts);
    expect(step(taken, { type: 'run' }).commands).toHaveLength(200_000);
  });

  it('is not slowed down by very many that wait for another attempt', () => {
    const perAtom = [1_000, 20_000].map((length) => {
      const children = Array.from({ length }, (_, index): NodeDefinition => ({
        kind: 'task',
        name: `t${index}`,
        attempts: { max: 2, delayMs: 5 },
      }));
      const compiled = compile({ schemaVersion: 1, root: { kind: 'unordered', name: 'f', children } });
      const state = newRun(compiled, { ...options, outstandingMax: length });
      const { commands } = step(state, { type: 'run' });
      const started = performance.now();
      for (const command of commands)
        if (command.type === 'execute')
          step(state, { type: 'failed', requestId: command.requestId, failure: failureOf('X', 'x') });
      expect(state.timers.size).toBe(length);
      return (performance.now() - started) / length;
    });
    // looking through all of them at every event would be twenty times as much
    expect(perAtom[1]).toBeLessThan((perAtom[0] ?? 0) * 8);
  });

  it('is not slowed down by a wide flow in which everything fails', () => {
    const children = Array.from({ length: 2_000 }, (_, index): NodeDefinition => ({
      kind: 'task',
      name: `t${index}`,
    }));
    const root: NodeDefinition = {
      kind: 'unordered',
      name: 'f',
      children,
      retry: { kind: 'times', attempts: 1 },
    };
    const state = newRun(compile({ schemaVersion: 1, root }), options);
    const { commands } = step(state, { type: 'run' });
    const sizes = commands.flatMap((command) =>
      command.type === 'execute'
        ? [
            step(state, { type: 'failed', requestId: command.requestId, failure: failureOf('X', 'x') }).facts
              .length,
          ]
        : [],
    );
    expect(sizes).toHaveLength(2_000);
    // failure, history, one fact for the whole scope, and its own revert
    expect(Math.max(...sizes)).toBeLessThanOrEqual(5);
  });
});

describe('compile', () => {
  const codeFrom = (root: NodeDefinition): string | undefined => {
    try {
      compile({ schemaVersion: 1, root });
      return undefined;
    } catch (error) {
      return codeOf(error);
    }
  };
  const a: NodeDefinition = { kind: 'task', name: 'a' };

  it('refuses what cannot be', () => {
    const graph = { kind: 'graph', name: 'g' } as const;
    const links = [
      { from: 0, to: 1 },
      { from: 1, to: 0 },
    ];
    expect(codeFrom({ kind: 'linear', name: 'f', children: [a, a] })).toBe('BATON_DEFINITION_DUPLICATE_ATOM');
    expect(codeFrom({ ...graph, children: [a, { ...a, name: 'b' }], links })).toBe('BATON_DEFINITION_CYCLE');
    expect(codeFrom({ ...graph, children: [a], links: [{ from: 0, to: 7 }] })).toBe(
      'BATON_DEFINITION_UNKNOWN_NODE',
    );
    expect(codeFrom({ ...a, rebind: { x: 'y' } })).toBe('BATON_DEFINITION_BINDING');
    expect(
      codeFrom({
        kind: 'linear',
        name: 'f',
        children: [{ ...a, name: 'f_retry' }],
        retry: { kind: 'alwaysRevert' },
      }),
    ).toBe('BATON_DEFINITION_DUPLICATE_ATOM');
  });

  it('tells everything that is missing at once, and who has it where it cannot be seen (E-310)', () => {
    const needs: NodeDefinition = {
      kind: 'task',
      name: 'needs',
      requires: ['x', 'y', 'z', 'given'],
      optional: ['o'],
      inject: { z: 1 },
    };
    const gives: NodeDefinition = { kind: 'task', name: 'gives', provides: { x: null } };
    const compiled = compile({
      schemaVersion: 1,
      root: { kind: 'unordered', name: 'f', children: [gives, needs] },
    });
    const missing = (['execute', 'revert'] as const).flatMap((method) => [
      { atom: 'needs', method, parameter: 'x', symbol: 'x', providedBy: ['gives'] },
      { atom: 'needs', method, parameter: 'y', symbol: 'y', providedBy: [] },
    ]);
    expect(missingDependencies(compiled, ['given'])).toEqual(missing);
    expect(() => validate(compiled, ['given'])).toThrow(
      /^needs needs x \(provided, out of its sight, by gives\); needs needs y$/,
    );
  });
});

/** The counters against their definition, walked the slow way. */
function expectReadinessIsRight({ readiness, runs }: RunState, { nodes }: Compiled): void {
  const done = nodes.map(({ id }) => {
    const run = runs[id];
    return (
      !run || (['SUCCESS', 'IGNORE'].includes(run.state) && ['EXECUTE', 'IGNORE'].includes(run.intention))
    );
  });
  const untouched = nodes.map(({ id }) =>
    ['PENDING', 'REVERTED', 'IGNORE', undefined].includes(runs[id]?.state),
  );
  const all = (start: number, way: 'before' | 'after', what: readonly boolean[]): boolean => {
    const seen = new Set(nodes[start]?.[way]);
    for (const id of seen) for (const next of nodes[id]?.[way] ?? []) seen.add(next);
    return [...seen].every((id) => what[id]);
  };
  const ready = nodes.flatMap(({ id }) => {
    const run = runs[id];
    if (!run) return [];
    const starts =
      (run.state === 'PENDING' || run.state === 'RETRYING') &&
      run.intention === 'EXECUTE' &&
      all(id, 'before', done);
    const ran = run.state === 'SUCCESS' || run.state === 'FAILURE';
    const undo = run.intention === 'REVERT' || (run.intention === 'RETRY' && run.timer === undefined);
    return starts || (ran && undo && all(id, 'after', untouched)) ? [id] : [];
  });
  expect(readiness.ready.members().toSorted((a, b) => a - b)).toEqual(ready);
}

/** E-1933: with deferred reverts a flow is done or undone; E-904: or a revert failed and it says so. */
function expectWellEnded({ flow, runs, outstanding, timers }: RunState, { atoms }: Compiled): void {
  const states = Array.from(atoms.values(), ({ id }) => runs[id]?.state);
  expect([outstanding.size, timers.size]).toEqual([0, 0]);
  if (flow === 'SUCCESS') expect(states.every((state) => state === 'SUCCESS')).toBe(true);
  else if (flow === 'REVERTED')
    expect(states.every((state) => state === 'REVERTED' || state === 'PENDING')).toBe(true);
  else expect([flow, states.includes('REVERT_FAILURE')]).toEqual(['FAILURE', true]);
}
