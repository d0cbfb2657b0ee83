/** Acceptance cases of control-flow.md section 19: joins, cycles, where branches meet. */
import { expect } from '@jest/globals';
import { next, routed, type RoutedCase } from './routed.js';

const count = (states: object): number => Object.keys(states).length;

export const joinCases: RoutedCase[] = [];
const each = (name: string, body: RoutedCase['body']): void => void joinCases.push({ name, body });

each('M10 full join', async (run) => {
  const definition = routed(
    {
      a: {
        task: 'echo',
        input: { value: 1 },
        publish: { branch: { x: '${self.result}' } },
        onComplete: next('j'),
      },
      b: {
        task: 'echo',
        input: { value: 2 },
        publish: { branch: { y: '${self.result}' } },
        onComplete: next('j'),
      },
      j: {
        join: 'all',
        task: 'echo',
        input: { value: '${x},${y}' },
        publish: { branch: { both: '${self.result}' } },
      },
    },
    { output: { both: '${both}' } },
  );
  const { output, states } = await run(definition);
  expect([output, states]).toEqual([{ both: '1,2' }, { a: 'SUCCESS', b: 'SUCCESS', j: 'SUCCESS' }]);
});

for (const [what, work] of [
  ['nothing to run', {}],
  ['tasks of the engine', { task: 'std.noop' }],
] as const)
  each(`M10 full join: of atoms with ${what}, which all end in one turn`, async (run) => {
    const definition = routed({
      a: { ...work, onComplete: next('j') },
      b: { ...work, onComplete: next('j', { c: 'false' }) },
      c: { ...work, onComplete: next('j') },
      j: { join: 2 },
    });
    const { states } = await run(definition);
    expect(states).toEqual({ a: 'SUCCESS', b: 'SUCCESS', j: 'SUCCESS' });
  });

each('M11 full join over a handled failure', async (run) => {
  const definition = routed({
    a: { task: 'echo', onComplete: next('j') },
    b: { task: 'fail', onError: next('j') },
    j: { join: 'all', task: 'echo' },
  });
  const { outcome, states } = await run(definition);
  expect([outcome, states]).toEqual(['SUCCESS', { a: 'SUCCESS', b: 'FAILURE', j: 'SUCCESS' }]);
});

for (const [join, outcome, joined] of [
  ['all', 'FAILURE', 'FAILURE'],
  ['reached', 'SUCCESS', 'SUCCESS'],
] as const)
  each(`M12 join and false guard: ${join}`, async (run) => {
    const definition = routed({
      a: { task: 'echo', onComplete: next('j') },
      b: { task: 'echo', onComplete: next({ j: 'false' }, { d: 'true' }) },
      ...{ d: { task: 'echo' }, j: { join, task: 'echo' } },
    });
    const found = await run(definition);
    expect([found.outcome, found.states]).toEqual([
      outcome,
      { a: 'SUCCESS', b: 'SUCCESS', d: 'SUCCESS', j: joined },
    ]);
  });

each('M13 partial join', async (run) => {
  const definition = routed(
    {
      a: { task: 'echo', publish: { branch: { x: 1 } }, onComplete: next('j') },
      b: { task: 'echo', publish: { branch: { y: 2 } }, onComplete: next('j') },
      c: { task: 'fail', onSuccess: next('j'), onError: next('noop') },
      j: {
        join: 2,
        task: 'echo',
        input: { value: '${x}${y}' },
        publish: { branch: { both: '${self.result}' } },
      },
    },
    { output: { both: '${both}' } },
  );
  const { outcome, output } = await run(definition);
  expect([outcome, output]).toEqual(['SUCCESS', { both: '12' }]);
});

for (const [branches, join] of [
  [4, 2],
  [3, 1],
] as const)
  each(`M14 partial join fires once: ${branches} to a join of ${join}`, async (run) => {
    const names = Array.from({ length: branches }, (_, index) => `b${index}`);
    const definition = routed(
      {
        ...Object.fromEntries(
          names.map((name) => [
            name,
            { task: 'echo', publish: { branch: { [name]: 1 } }, onComplete: next('j') },
          ]),
        ),
        j: {
          join,
          task: 'echo',
          input: { value: '${keys(ctx)}' },
          publish: { branch: { seen: '${self.result}' } },
        },
      },
      { output: { seen: '${seen}' } },
    );
    const { outcome, output, states } = await run(definition);
    expect(outcome).toBe('SUCCESS');
    expect((output['seen'] as string[]).length).toBeGreaterThanOrEqual(join);
    expect(Object.keys(states).filter((id) => id.startsWith('j'))).toEqual(['j']);
  });

each('M15 indirect dead route', async (run) => {
  const definition = routed({
    a: { task: 'echo', onSuccess: next('j') },
    b: { task: 'fail', onSuccess: next('c') },
    c: { task: 'echo', onSuccess: next('j') },
    j: { join: 'all', task: 'echo' },
  });
  const { outcome, states, failures } = await run(definition);
  expect([outcome, states]).toEqual(['FAILURE', { a: 'SUCCESS', b: 'FAILURE', j: 'FAILURE' }]);
  expect(failures).toContain('JOIN_IMPOSSIBLE');
});

for (const [shape, activations, links] of [
  ['diamond', 5, { s: ['a', 'b'], a: ['c'], b: ['j'], c: ['j'], j: [] }],
  ['several routes with one source', 3, { s: ['j', 'a'], a: ['j'], j: [] }],
  ['join after join', 6, { s: ['a', 'b'], a: ['j'], b: ['j', 'k'], j: ['k'], k: ['z'], z: [] }],
] as const)
  each(`M16 join shapes: ${shape}`, async (run) => {
    const definition = routed(
      Object.fromEntries(
        Object.entries<readonly string[]>(links).map(([name, targets]) => [
          name,
          { task: 'echo', onSuccess: next(...targets), ...(/[jk]/.test(name) && { join: 'all' as const }) },
        ]),
      ),
    );
    const { outcome, states } = await run(definition);
    expect([outcome, count(states)]).toEqual(['SUCCESS', activations]);
  });

each('M17 versioned contexts', async (run) => {
  const definition = routed(
    {
      s: { publish: { branch: { a: 0, b: 0 } }, onSuccess: next('left', 'right') },
      left: { task: 'echo', publish: { branch: { a: 1 } }, onSuccess: next('left2') },
      right: { task: 'echo', publish: { branch: { b: 1 } }, onSuccess: next('right2') },
      left2: { task: 'echo', onSuccess: next('j') },
      right2: { task: 'echo', onSuccess: next('j') },
      j: { join: 'all' },
    },
    { output: { a: '${a}', b: '${b}' } },
  );
  expect((await run(definition)).output).toEqual({ a: 1, b: 1 });
});

each('M18 provenance', async (run) => {
  const definition = routed(
    {
      a: { task: 'echo', onSuccess: next('j') },
      b: { task: 'fail', onError: next('j') },
      j: {
        join: 'all',
        task: 'echo',
        input: { value: '${self.triggeredBy.map(t, t.activation + ":" + t.event)}' },
        publish: { branch: { by: '${self.result}' } },
      },
    },
    { output: { by: '${by}' } },
  );
  const { output } = await run(definition);
  expect((output['by'] as string[]).toSorted()).toEqual(['a:success', 'b:error']);
});

each('M19 cycles', async (run) => {
  const counter = routed(
    {
      init: { publish: { branch: { n: 0 } }, onSuccess: next('turn') },
      turn: {
        task: 'echo',
        input: { value: '${n + 1}' },
        publish: { branch: { n: '${self.result}' } },
        onSuccess: next({ turn: 'n < 21' }),
      },
    },
    { output: { n: '${n}' } },
  );
  const turned = await run(counter);
  expect([count(turned.states), turned.output]).toEqual([22, { n: 21 }]);
  const three = routed(
    {
      i: { publish: { branch: { n: 0 } }, onSuccess: next('a') },
      a: { task: 'echo', onSuccess: next('b') },
      b: { task: 'echo', onSuccess: next('c') },
      c: { publish: { branch: { n: '${n + 1}' } }, onSuccess: next({ a: 'n < 2' }, { end: 'n >= 2' }) },
      end: {},
    },
    { output: { n: '${n}' } },
  );
  const looped = await run(three);
  expect([count(looped.states), looped.output]).toEqual([8, { n: 2 }]);
});

each('M20 repeated arrival, parallel cycles', async (run) => {
  const thrice = routed({
    ...Object.fromEntries(
      ['a', 'b', 'c'].map((name) => [name, { publish: { branch: { me: name } }, onSuccess: next('x') }]),
    ),
    x: { task: 'echo', input: { value: '${me}' }, publish: { global: { last: '${self.result}' } } },
  });
  const { states } = await run(thrice);
  expect(Object.keys(states).filter((id) => id.startsWith('x'))).toEqual(['x', 'x#2', 'x#3']);
  const loop = (name: string, turns: number) => ({
    [name]: {
      task: 'echo',
      publish: { branch: { n: "${get(ctx, 'n', 0) + 1}" } },
      onSuccess: next({ [name]: `n < ${turns}` }),
    },
  });
  const loops = await run(routed({ ...loop('p', 5), ...loop('q', 6) }, { start: ['p', 'q'] }));
  expect([loops.outcome, count(loops.states)]).toEqual(['SUCCESS', 11]);
});
