/** Routed flows that are undone (control-flow.md C-1321, C-1322). */
import type { RoutedAtomDefinition, RoutedDefinition } from '@baton/flow';
import { expect } from '@jest/globals';
import { named, next, routed, type RoutedCase } from './routed.js';

export const rollbackCases: RoutedCase[] = [];
const each = (name: string, body: RoutedCase['body']): void => void rollbackCases.push({ name, body });

const undoing = (atoms: Parameters<typeof routed>[0], more: Partial<RoutedDefinition> = {}) =>
  routed(atoms, { rollback: 'completed', ...more });

each('rollback: what ran is undone the last first, decision points are passed by', async (run) => {
  const definition = undoing(
    {
      a: { task: 'echo', input: { value: 1 }, onSuccess: next('p') },
      ...{ p: { onSuccess: next('b') }, b: { task: 'fail' } },
    },
    { outputOnError: { note: 'seen' } },
  );
  const { outcome, states, undone, output, failures } = await run(definition);
  expect([outcome, undone]).toEqual(['REVERTED', ['b', 'a']]);
  expect(states).toEqual({ a: 'REVERTED', p: 'SUCCESS', b: 'REVERTED' });
  expect([output, failures]).toEqual([{ result: null, note: 'seen' }, ['no']]);
});

each('rollback: nothing of a run that fails is undone without it', async (run) => {
  const { outcome, undone } = await run(
    routed({ a: { task: 'echo', onSuccess: next('b') }, b: { task: 'fail' } }),
  );
  expect([outcome, undone]).toEqual(['FAILURE', []]);
});

each('rollback: nor of one whose failures are handled', async (run) => {
  const { outcome, undone } = await run(undoing({ a: { task: 'fail', onError: next('noop') } }));
  expect([outcome, undone]).toEqual(['SUCCESS', []]);
});

each('rollback: a cycle unwinds turn by turn', async (run) => {
  const definition = undoing({
    init: { publish: { branch: { n: 0 } }, onSuccess: next('turn') },
    turn: {
      ...{ task: 'echo', publish: { branch: { n: '${n + 1}' } } },
      onSuccess: next({ turn: 'n < 3' }, { to: 'fail', when: 'n == 3', message: 'enough' }),
    },
  });
  const { outcome, undone, failures, output } = await run(definition);
  expect([outcome, undone]).toEqual(['REVERTED', ['turn#3', 'turn#2', 'turn']]);
  expect([failures, output]).toEqual([['FAILED'], { result: 'enough' }]);
});

each('rollback: branches are undone beside each other, what is before them when both are', async (run) => {
  const definition = undoing({
    s: { task: 'echo', onSuccess: next('l', 'r') },
    ...{ l: { task: 'echo', onSuccess: next('j') }, r: { task: 'echo', onSuccess: next('j') } },
    j: { join: 'all', task: 'echo', onSuccess: next('fail') },
  });
  const { outcome, undone } = await run(definition);
  expect([outcome, undone[0], undone[3], undone.length]).toEqual(['REVERTED', 'j', 's', 4]);
});

each('rollback: of a fan-out the newest item first, as many at a time as ran', async (run) => {
  const definition = undoing({
    a: { forEach: { item: [1, 2, 3] }, parallel: 1, task: 'echo', onSuccess: next('fail') },
  });
  const { outcome, undone } = await run(definition);
  expect([outcome, undone]).toEqual(['REVERTED', ['a[2]', 'a[1]', 'a[0]', 'a']]);
});

each('rollback: what never ran is not undone', async (run) => {
  const definition = undoing({
    a: { task: 'echo', onSuccess: next('b') },
    b: { task: 'echo', requires: ['nowhere'] },
  });
  const failing = await run(definition);
  expect([failing.outcome, failing.undone, failing.states['b']]).toEqual(['REVERTED', ['a'], 'FAILURE']);
  const { outcome, states, undone } = await run(
    undoing({ a: { task: 'echo', onSuccess: next('c', 'fail') }, c: { task: 'echo', waitBeforeMs: 60_000 } }),
  );
  expect([outcome, states, undone]).toEqual(['REVERTED', { a: 'REVERTED', c: 'CANCELLED' }, ['a']]);
});

each('rollback: a revert that fails ends it, and the run with FAILURE', async (run) => {
  const definition = undoing({
    a: { task: 'echo', onSuccess: next('b') },
    b: { task: 'sticky', input: { value: 'stay' }, onSuccess: next('c') },
    c: { task: 'sticky', onSuccess: next('fail') },
  });
  const { outcome, states, undone, failures } = await run(definition);
  expect([outcome, undone]).toEqual(['FAILURE', ['c']]);
  expect([states, failures]).toEqual([{ a: 'SUCCESS', b: 'REVERT_FAILURE', c: 'REVERTED' }, ['it sticks']]);
});

each('rollback: an item that cannot be undone ends it too', async (run) => {
  const definition = undoing({
    a: {
      ...{ forEach: { item: ['go', 'stay', 'go'] }, parallel: 1 },
      ...{ task: 'sticky', input: { value: '${item}' }, onSuccess: next('fail') },
    },
  });
  const { outcome, states, undone } = await run(definition);
  expect([outcome, undone]).toEqual(['FAILURE', ['a[2]']]);
  expect([states['a'], states['a[0]'], states['a[1]']]).toEqual([
    'REVERT_FAILURE',
    'SUCCESS',
    'REVERT_FAILURE',
  ]);
});

each('rollback: a failed expression of the flow is undone as well, what runs meanwhile too', async (run) => {
  const definition = undoing({
    a: { task: 'echo', onSuccess: next('b', 'c') },
    b: { task: 'echo', publish: { branch: { x: '${1 / 0}' } } },
    c: { task: 'sleep', input: { ms: 50 }, onSuccess: next('d') },
    d: { task: 'echo' },
  });
  const { outcome, states, undone } = await run(definition);
  expect([outcome, undone.at(-1)]).toEqual(['REVERTED', 'a']);
  expect(states).toEqual({ a: 'REVERTED', b: 'REVERTED', c: 'REVERTED' });
});

const child = named(
  'child',
  {
    x: { task: 'echo', onSuccess: next('y') },
    y: { task: 'sticky', input: { value: '${how}' }, publish: { branch: { z: 1 } } },
  },
  { requires: ['how'] },
);

each('rollback: what a sub-flow did is undone with it, whatever its own definition says', async (run) => {
  const definition = undoing({
    a: { task: 'echo', onSuccess: next('b') },
    b: { flow: 'child', input: { how: 'go' }, onSuccess: next('c') },
    c: { task: 'fail' },
  });
  const { outcome, states, undone } = await run(definition, { flows: [child] });
  expect([outcome, undone]).toEqual(['REVERTED', ['c', 'b', 'a']]);
  expect(states).toEqual({ a: 'REVERTED', b: 'REVERTED', c: 'REVERTED' });
});

each('rollback: a sub-flow that cannot be undone ends it, and the run with FAILURE', async (run) => {
  const definition = undoing({
    a: { task: 'echo', onSuccess: next('b') },
    b: { flow: 'child', input: { how: 'stay' }, onSuccess: next('fail') },
  });
  const { outcome, states, failures } = await run(definition, { flows: [child] });
  expect([outcome, states]).toEqual(['FAILURE', { a: 'SUCCESS', b: 'REVERT_FAILURE' }]);
  expect(failures).toEqual(['CHILD_FAILED']);
});

each('rollback: of a sub-flow that was repeated, what each attempt did', async (run) => {
  const half = named('half', { x: { task: 'echo', onSuccess: next('y') }, y: { task: 'fail' } });
  const definition = undoing({
    b: { flow: 'half', attempts: { max: 3 } },
  });
  const { outcome, states, events } = await run(definition, { flows: [half] });
  expect([outcome, states]).toEqual(['REVERTED', { b: 'REVERTED' }]);
  expect(events.filter((event) => event === 'b REVERTING').length).toBe(3);
});

each(
  'rollback: a run that has ended is undone with its sub-flows, at two levels, the last first',
  async (run) => {
    const middle = named('middle', { m: { flow: 'child', input: { how: 'go' } }, n: { task: 'echo' } });
    const definition = routed({
      a: { forEach: { item: [1, 2] }, parallel: 1, flow: 'middle', onSuccess: next('b') },
      b: { task: 'echo' },
    });
    const first = await run(definition, { flows: [middle, child] });
    expect(first.outcome).toBe('SUCCESS');
    const { outcome, undone, states } = await first.repair({ type: 'revert' });
    expect([outcome, undone.slice(-4)]).toEqual(['REVERTED', ['b', 'a[1]', 'a[0]', 'a']]);
    expect(states).toEqual({ a: 'REVERTED', 'a[0]': 'REVERTED', 'a[1]': 'REVERTED', b: 'REVERTED' });
  },
);

const stuck = (b: Omit<RoutedAtomDefinition, 'name'>) =>
  undoing({ a: { task: 'echo', onSuccess: next('b') }, b: { ...b, onSuccess: next('fail') } });
const accepted: readonly [string, RoutedDefinition, string, readonly string[]][] = [
  ['a task', stuck({ task: 'sticky', input: { value: 'stay' } }), 'b', ['b', 'a']],
  ['a sub-flow', stuck({ flow: 'child', input: { how: 'stay' } }), 'b', ['b', 'a']],
  [
    'an item',
    stuck({
      ...{ forEach: { item: ['go', 'stay', 'go'] }, parallel: 1 },
      ...{ task: 'sticky', input: { value: '${item}' } },
    }),
    'b[1]',
    ['b[1]', 'b[0]', 'b', 'a'],
  ],
];
for (const [what, definition, atom, undone] of accepted)
  each(
    `rollback: ${what} that could not be undone is tried again, and taken as undone (E-1321, E-1322)`,
    async (run) => {
      const first = await run(definition, { flows: [child] });
      const note = { by: 'mo', reason: 'it is in the way' };
      const again = await first.repair({ type: 'retryRevert', atom, ...note });
      expect([again.outcome, again.states['a'], again.states[atom]]).toEqual([
        'FAILURE',
        'SUCCESS',
        'REVERT_FAILURE',
      ]);
      expect(again.events.filter((event) => event === `${atom} REVERTING`).length).toBeGreaterThan(0);
      const done = await again.repair({ type: 'acceptRevert', atom, ...note });
      expect([done.outcome, done.undone.slice(-undone.length)]).toEqual(['REVERTED', undone]);
    },
  );
