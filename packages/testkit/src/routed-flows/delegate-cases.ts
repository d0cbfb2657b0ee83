/** Acceptance cases of control-flow.md section 19: answers from outside. */
import { expect } from '@jest/globals';
import { next, routed, type Answers, type RoutedCase } from './routed.js';

export const delegateCases: RoutedCase[] = [];
const each = (name: string, body: RoutedCase['body']): void => void delegateCases.push({ name, body });

const never: Answers = { approve: () => undefined };

each('M23 parallel limit: of a delegate', async (run) => {
  const definition = routed(
    {
      a: {
        ...{ forEach: { item: [1, 2, 3] }, parallel: 2, delegate: 'approve', input: { value: '${item}' } },
        publish: { branch: { all: '${self.result}' } },
      },
    },
    { output: { all: '${all}' } },
  );
  const answers: Answers = { approve: ({ value }) => ({ value: [Number(value)] }) };
  const { outcome, output, peak } = await run(definition, { answers });
  expect([outcome, output]).toEqual(['SUCCESS', { all: [[1], [2], [3]] }]);
  expect(peak).toBeLessThanOrEqual(3);
});

for (const [what, more, outcome, states] of [
  ['with a handler', { onError: next('b') }, 'SUCCESS', { a: 'FAILURE', b: 'SUCCESS' }],
  ['without one', {}, 'FAILURE', { a: 'FAILURE' }],
] as const)
  for (const limit of ['waitMs', 'totalMs'])
    each(`M28 timeout: a delegate that nobody answers, ${limit}, ${what}`, async (run) => {
      const timeout = { [limit]: { expr: 'ms' } };
      const definition = routed(
        { a: { delegate: 'approve', timeout, ...more }, b: {} },
        { vars: { ms: 150 }, start: ['a'] },
      );
      const ended = await run(definition, { answers: never });
      expect([ended.outcome, ended.states]).toEqual([outcome, states]);
    });

each('M34 delegate completion: its answer is its result', async (run) => {
  const definition = routed(
    {
      a: {
        ...{ delegate: 'approve', input: { question: 'deploy ${x}?' } },
        ...{ publish: { branch: { by: '${self.result.by}' } }, onSuccess: next('b') },
      },
      b: { task: 'echo', input: { value: '${by}' }, publish: { branch: { said: '${self.result}' } } },
    },
    { requires: ['x'], output: { said: '${said}' } },
  );
  const answers: Answers = {
    approve: ({ question }) => ({ value: { by: question === 'deploy 7?' ? 'ann' : 'nobody' } }),
  };
  const { outcome, output } = await run(definition, { store: { x: 7 }, answers });
  expect([outcome, output]).toEqual(['SUCCESS', { said: 'ann' }]);
});

each('M34 delegate completion: a repeat opens a second attempt', async (run) => {
  const definition = routed({ a: { delegate: 'approve', attempts: { max: 2 } } });
  const answers: Answers = {
    approve: (_, attempt) => (attempt === 1 ? { failure: 'not yet' } : { value: null }),
  };
  const { outcome, repeats } = await run(definition, { answers });
  expect([outcome, repeats]).toEqual(['SUCCESS', 1]);
});

each('M35 failure data: of a delegate', async (run) => {
  const definition = routed({
    a: { delegate: 'approve', onError: next({ b: 'self.failure.message == "no"' }, { c: 'true' }) },
    ...{ b: {}, c: {} },
  });
  const { outcome, states } = await run(definition, { answers: { approve: () => ({ failure: 'no' }) } });
  expect([outcome, states]).toEqual(['SUCCESS', { a: 'FAILURE', b: 'SUCCESS', c: 'SUCCESS' }]);
});

each('a delegate with a time of 0 has the usual one, also when its run was suspended', async (run) => {
  const definition = routed({
    a: { delegate: 'approve', timeout: { waitMs: 0 }, onSuccess: next('c') },
    ...{ b: { onSuccess: next('suspend') }, c: {} },
  });
  const held = await run(definition, { answers: never });
  expect([held.outcome, held.states]).toEqual(['SUSPENDED', { a: 'RUNNING', b: 'SUCCESS' }]);
  const going = await held.resume?.({ approve: () => ({ value: 1 }) });
  if (going) expect([going.outcome, going.failures]).toEqual(['SUCCESS', []]);
});

each('a delegate that is waited for holds up nothing else', async (run) => {
  const definition = routed({
    a: { delegate: 'approve', onSuccess: next('j') },
    b: { task: 'echo', onSuccess: next('c') },
    c: { task: 'echo', onSuccess: next('succeed') },
    j: { join: 'all' },
  });
  const { outcome, states } = await run(definition, { answers: never });
  expect([outcome, states]).toEqual(['SUCCESS', { a: 'CANCELLED', b: 'SUCCESS', c: 'SUCCESS' }]);
});
