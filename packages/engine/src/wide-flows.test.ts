/** Flows of which more is ready than may be outstanding (E-1401). */
import { failureOf } from '@baton/core';
import { expr, graph, task, unordered } from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import { compile } from './compile.js';
import type { Turn } from './protocol.js';
import { runFlow } from './run-flow.js';
import { newRun, type RunState } from './run-state.js';
import { step } from './step.js';

const tasks = Array.from({ length: 6 }, (_, index) => task(`t${index}`, { execute: () => index }));
const asked = ({ commands }: Turn): string[] =>
  commands.flatMap((command) => (command.type === 'execute' ? [command.atom] : []));
const idOf = (atom: string): string => `f/${atom}/execute/0.1`;
const done = (state: RunState, atom: string): string[] =>
  asked(step(state, { type: 'completed', requestId: idOf(atom) }));

describe('a flow of which more is ready than may be outstanding', () => {
  const begun = (flow: { toJSON(): Parameters<typeof compile>[0] }, outstandingMax = 2) => {
    const state = newRun(compile(flow.toJSON()), { flowId: 'f', store: {}, outstandingMax });
    return { state, first: asked(step(state, { type: 'run' })) };
  };

  it('starts another with each answer, in the order of a round', () => {
    const { state, first } = begun(unordered('w').add(...tasks));
    expect(first).toEqual(['t0', 't1']);
    expect(done(state, 't1')).toEqual(['t2']);
    expect(done(state, 't0')).toEqual(['t3']);
    expect(done(state, 't3')).toEqual(['t4']);
    expect(done(state, 't4')).toEqual(['t5']);
    expect(done(state, 't2')).toEqual([]);
    expect(state.flow).toBe('RUNNING');
    done(state, 't5');
    expect(state.flow).toBe('SUCCESS');
  });

  it('what has a higher priority goes first, wherever it stands', () => {
    const urgent = task('urgent', { execute: () => 1, priority: 3 });
    expect(begun(unordered('w').add(...tasks, urgent)).first).toEqual(['urgent', 't0']);
  });

  it('an answer that fails the flow starts nothing more', () => {
    const { state } = begun(unordered('w').add(...tasks));
    const failed = step(state, {
      type: 'failed',
      requestId: idOf('t0'),
      failure: failureOf('BROKEN', 'no'),
    });
    expect(asked(failed)).toEqual([]);
    done(state, 't1');
    expect(state.runs.flatMap((run) => (run?.state === 'PENDING' ? [1] : []))).toHaveLength(4);
  });

  it('who waits for the next attempt keeps nobody from starting', () => {
    const slow = tasks.map(({ name }) => task(name, { execute: () => 1, attempts: { max: 2, delay: '1s' } }));
    const { state } = begun(unordered('w').add(...slow), 1);
    const failure = failureOf('BROKEN', 'no');
    const told = slow.map(({ name }) =>
      asked(step(state, { type: 'failed', requestId: idOf(name), failure })),
    );
    expect(told).toEqual([['t1'], ['t2'], ['t3'], ['t4'], ['t5'], []]);
  });

  it('only those that there is room for are asked about, and those that are refused take none', () => {
    const source = task('source', { execute: () => 1 });
    const flow = tasks.reduce(
      (all, target, index) =>
        all.link(source, target, { decider: expr(index < 2 ? 'false' : 'true'), depth: 'atom' }),
      graph('w').addAll([source, ...tasks]),
    );
    const { state } = begun(flow);
    expect(done(state, 'source')).toEqual(['t2', 't3']);
    expect(state.compiled.nodes.map(({ id, name }) => [name, state.runs[id]?.state])).toEqual(
      expect.arrayContaining([
        ['t0', 'IGNORE'],
        ['t1', 'IGNORE'],
        ['t4', 'PENDING'],
      ]),
    );
  });

  it('whoever takes it up goes on where it stood', () => {
    const { state } = begun(unordered('w').add(...tasks));
    expect(asked(step(state, { type: 'adopt' }))).toEqual(['t0', 't1']);
    expect(done(state, 't0')).toEqual(['t2']);
  });

  it('runs to its end, 250 at a time', async () => {
    const wide = unordered('w').add(
      ...Array.from({ length: 2_500 }, (_, index) => task(`t${index}`, { execute: () => index })),
    );
    for (const engine of ['serial', 'parallel'] as const) {
      const { outcome, transitions } = await runFlow(wide, { store: {}, engine });
      expect(outcome).toBe('SUCCESS');
      expect(transitions.slice(251, 254).map((transition) => transition.to)).toEqual([
        'SUCCESS',
        'RUNNING',
        'SUCCESS',
      ]);
    }
  });
});
