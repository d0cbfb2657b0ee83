/** Acceptance cases of control-flow.md section 19: flows that run flows. */
import { graph, task, type } from '@baton/flow';
import { expect } from '@jest/globals';
import { named, next, routed, type RoutedCase } from './routed.js';

export const subFlowCases: RoutedCase[] = [];
const each = (name: string, body: RoutedCase['body']): void => void subFlowCases.push({ name, body });

/** Says its input, and who it is. */
const greet = named(
  'greet',
  {
    say: { task: 'echo', input: { value: 'hello ${who}' }, publish: { branch: { text: '${self.result}' } } },
  },
  { requires: ['who'], output: { text: '${text}', id: '${run.id}', root: '${run.rootId}' } },
);

each('M36 sub-flows: the text of the parent is made of the output of its child', async (run) => {
  const definition = routed(
    {
      a: {
        ...{
          flow: 'greet',
          input: { who: '${name}' },
          publish: { branch: { said: '${self.result.text}!' } },
        },
        onSuccess: next('b'),
      },
      b: { task: 'echo', input: { value: "${said + ' ' + task('a').result.text}" } },
    },
    { requires: ['name'], output: { said: '${said}', b: "${task('b').result}" } },
  );
  const { outcome, output } = await run(definition, { store: { name: 'ann' }, flows: [greet] });
  expect([outcome, output]).toEqual(['SUCCESS', { said: 'hello ann!', b: 'hello ann! hello ann' }]);
});

each('M36 sub-flows: an ordered child with a target; its inputs are bound by name', async (run) => {
  const echo = task('echo', {
    ...{ requires: { value: type<unknown>() }, provides: 'said' },
    execute: ({ value }) => value,
  });
  const fail = task('fail', { requires: { said: type<unknown>() }, execute: () => undefined });
  const ordered = graph('chain').add(echo, fail).target(echo).toJSON();
  const definition = routed(
    { a: { flow: 'chain' } },
    { requires: ['value'], output: { all: "${task('a').result}" } },
  );
  const { outcome, output } = await run(definition, { store: { value: 'x' }, flows: [ordered] });
  expect([outcome, output]).toEqual(['SUCCESS', { all: { said: 'x' } }]);
});

for (const [which, outcome, failures] of [
  ['greet', 'SUCCESS', []],
  ['gone', 'FAILURE', ['NO_SUCH_FLOW']],
] as const)
  each(`M36 sub-flows: the name of the child by an expression, ${which}`, async (run) => {
    const definition = routed(
      { a: { flow: { expr: 'which' }, input: { who: 'bob' }, onSuccess: next('b') }, b: {} },
      { requires: ['which'], output: { text: "${task('a').result.text}" } },
    );
    const ended = await run(definition, { store: { which }, flows: [greet] });
    expect([ended.outcome, ended.failures]).toEqual([outcome, failures]);
    if (outcome === 'SUCCESS') expect(ended.output).toEqual({ text: 'hello bob' });
  });

each('M36 sub-flows: what is wrong in a child is told by its parent, with its cause', async (run) => {
  const child = named('child', { c: {} }, { output: { x: '${1 / 0}' } });
  const parent = named('parent', { p: { flow: 'child' } });
  const definition = routed({
    a: { flow: 'parent', onError: next('b'), publishOnError: { branch: { why: '${self.failure.message}' } } },
    b: { task: 'echo', input: { value: '${why}' }, publish: { branch: { why: '${self.result}' } } },
  });
  const { outcome, output, states } = await run(definition, { flows: [parent, child] });
  expect([outcome, states]).toEqual(['SUCCESS', { a: 'FAILURE', b: 'SUCCESS' }]);
  expect(output['why']).toBe('flow parent: flow child: output: int divide by zero');
});

each('M36 sub-flows: three levels have one root', async (run) => {
  const inner = named(
    'inner',
    { g: { flow: 'greet' } },
    {
      requires: ['who'],
      output: { ids: "${[run.id, run.rootId, task('g').result.id, task('g').result.root]}" },
    },
  );
  const definition = routed(
    { a: { flow: 'inner', input: { who: 'x' } } },
    { output: { ids: "${[run.id, run.rootId] + task('a').result.ids}" } },
  );
  const { outcome, output } = await run(definition, { flows: [inner, greet] });
  expect(outcome).toBe('SUCCESS');
  const [root, rootsRoot, child, childsRoot, grandchild, grandchildsRoot] = output['ids'] as string[];
  expect([rootsRoot, childsRoot, grandchildsRoot]).toEqual([root, root, root]);
  expect(new Set([root, child, grandchild]).size).toBe(3);
});

each('M37 child with missing input: only that activation fails, before anything is begun', async (run) => {
  const definition = routed({
    left: { task: 'echo', onSuccess: next('j') },
    middle: { flow: 'greet' },
    right: { task: 'echo', onSuccess: next('j') },
    j: { join: 'all' },
  });
  const { outcome, states, failures } = await run(definition, { flows: [greet] });
  expect([outcome, failures]).toEqual(['FAILURE', ['INVALID_INPUT']]);
  expect(states).toEqual({ left: 'SUCCESS', middle: 'FAILURE', right: 'SUCCESS', j: 'SUCCESS' });
});

each('M37 child with missing input: of a fan-out', async (run) => {
  const definition = routed({
    left: { task: 'echo' },
    middle: { flow: 'greet', forEach: { item: [1, 2, 3] }, input: { whom: '${item}' } },
  });
  const { outcome, states } = await run(definition, { flows: [greet] });
  expect(outcome).toBe('FAILURE');
  expect(states).toMatchObject({ left: 'SUCCESS', middle: 'FAILURE' });
});

/** Suspended before it says its input. */
const paused = named(
  'paused',
  {
    say: {
      task: 'echo',
      pauseBefore: { expr: 'n != 2' },
      input: { value: '${n}' },
      provides: { said: null },
    },
  },
  { requires: ['n'], output: { said: '${said}' } },
);

each('M38 suspend and sub-flows: pause-before in a child, and a delegate that goes on', async (run) => {
  const definition = routed(
    {
      a: { flow: 'paused', input: { n: 7 }, onSuccess: next('c') },
      b: { delegate: 'approve' },
      c: { task: 'echo', input: { value: "${task('a').result.said}" }, provides: { c: null } },
    },
    { output: { c: '${c}' } },
  );
  const given = { flows: [paused], answers: { approve: () => undefined } };
  const held = await run(definition, given);
  expect([held.outcome, held.states]).toEqual(['SUSPENDED', { a: 'SUSPENDED', b: 'RUNNING' }]);
  const going = await held.resume?.({ approve: () => ({ value: 1 }) });
  if (going) expect([going.outcome, going.output]).toEqual(['SUCCESS', { c: 7 }]);
});

each('M38 suspend and sub-flows: a fan-out of children, at two levels', async (run) => {
  const middle = named(
    'middle',
    { m: { flow: 'paused', publish: { branch: { said: '${self.result.said}' } } } },
    { requires: ['n'], output: { said: '${said}' } },
  );
  const definition = routed(
    {
      a: {
        ...{ flow: 'middle', forEach: { n: [1, 2, 3] } },
        publish: { branch: { all: '${self.result.map(one, one.said)}' } },
      },
    },
    { output: { all: '${all}' } },
  );
  const held = await run(definition, { flows: [middle, paused] });
  expect([held.outcome, held.states['a'], held.states['a[0]']]).toEqual([
    'SUSPENDED',
    'RUNNING',
    'SUSPENDED',
  ]);
  const going = await held.resume?.();
  if (going) expect([going.outcome, going.output]).toEqual(['SUCCESS', { all: [1, 2, 3] }]);
});

each('a child for each item: the result is the list of their outputs', async (run) => {
  const definition = routed(
    {
      a: {
        ...{ flow: 'greet', forEach: { item: ['x', 'y', 'z'] }, parallel: 2, input: { who: '${item}' } },
        publish: { branch: { all: '${self.result.map(one, one.text)}' } },
      },
    },
    { output: { all: '${all}' } },
  );
  const { outcome, output, peak } = await run(definition, { flows: [greet] });
  expect([outcome, output]).toEqual(['SUCCESS', { all: ['hello x', 'hello y', 'hello z'] }]);
  expect(peak).toBeLessThanOrEqual(3);
});

each('a child is repeated as another run', async (run) => {
  const child = named(
    'child',
    { c: { task: 'flaky', input: { times: '${times}' } } },
    { requires: ['times'], output: { id: '${run.id}' } },
  );
  const definition = routed(
    {
      a: {
        ...{ flow: 'child', input: { times: 1 }, attempts: { max: 2 } },
        ...{ onError: next('b'), publishOnError: { branch: { attempt: '${self.attempt}' } } },
      },
      b: {},
    },
    { output: { attempt: '${attempt}' } },
  );
  const { outcome, output, repeats } = await run(definition, { flows: [child] });
  expect([outcome, output, repeats]).toEqual(['SUCCESS', { attempt: 2 }, 1]);
});

each('a child that takes too long is cancelled, and its parent goes on', async (run) => {
  const child = named('child', { c: { task: 'sleep', input: { ms: 60_000 } } });
  const definition = routed({
    a: { flow: 'child', timeout: { totalMs: 150 }, onError: next('b') },
    b: { publish: { branch: { x: 1 } } },
  });
  const { outcome, output, states } = await run(definition, { flows: [child] });
  expect([outcome, output, states]).toEqual(['SUCCESS', { x: 1 }, { a: 'FAILURE', b: 'SUCCESS' }]);
});

each('a parent that ends by a command cancels its child', async (run) => {
  const child = named('child', { c: { task: 'sleep', input: { ms: 60_000 } } });
  const definition = routed({
    a: { flow: 'child', onSuccess: next('c') },
    b: { task: 'echo', onSuccess: next('succeed') },
    c: {},
  });
  const { outcome, states } = await run(definition, { flows: [child] });
  expect([outcome, states]).toEqual(['SUCCESS', { a: 'CANCELLED', b: 'SUCCESS' }]);
});

each('a flow that runs itself ends at 32 levels', async (run) => {
  const self = named(
    'self',
    {
      a: { flow: 'self', onError: next('b'), publish: { branch: { n: '${self.result.n + 1}' } } },
      b: { publish: { branch: { n: 0 } } },
    },
    { start: ['a'], output: { n: '${n}' } },
  );
  const definition = routed({ a: { flow: 'self' } }, { output: { n: "${task('a').result.n}" } });
  const { outcome, output } = await run(definition, { flows: [self] });
  expect([outcome, output]).toEqual(['SUCCESS', { n: 31 }]);
});

each('R08 environment: a child reads that of its parent, evaluated once', async (run) => {
  const child = named('child', { c: {} }, { output: { env: '${env}', bucket: '${env.bucket}' } });
  const parent = named('parent', { p: { flow: 'child' } }, { output: { below: "${task('p').result}" } });
  const definition = routed(
    { a: { flow: 'parent' } },
    { requires: ['place'], output: { below: "${task('a').result.below}" } },
  );
  const env = { region: 'eu', bucket: '${env.region}-${place}', text: '$${region}' };
  const { outcome, output } = await run(definition, {
    ...{ store: { place: 'x' }, flows: [parent, child], env },
  });
  const made = { region: 'eu', bucket: 'eu-x', text: '${region}' };
  expect([outcome, output]).toEqual(['SUCCESS', { below: { env: made, bucket: 'eu-x' } }]);
});

each(
  'rollback: a child that has ended is undone, and one that runs, whatever their definitions say',
  async (run) => {
    const over = named('over', { c: { task: 'echo' } });
    const slow = named('slow', { c: { task: 'sleep', input: { ms: 60_000 } } });
    const definition = routed(
      {
        a: { task: 'echo', onSuccess: next('b') },
        b: { flow: 'over', onSuccess: next('c', 'd') },
        ...{ c: { flow: 'slow' }, d: { task: 'fail', onError: next('fail') } },
      },
      { rollback: 'completed' },
    );
    const { outcome, states, undone } = await run(definition, { flows: [over, slow] });
    expect([outcome, undone.length, undone.slice(2)]).toEqual(['REVERTED', 4, ['b', 'a']]);
    expect(states).toEqual({ a: 'REVERTED', b: 'REVERTED', c: 'REVERTED', d: 'REVERTED' });
  },
);
