import { expect, it } from '@jest/globals';
import { routed } from '../../../testkit/src/routed-flows/routed.js';
import { applyRoutedFact } from '../routed/apply-routed-fact.js';
import { routedGraph } from '../routed/routed-graph.js';
import { newRoutedRun } from '../routed/routed-state.js';
import { routedStep } from '../routed/routed-step.js';
import { storableEnvironment } from './environment.js';

it('is kept as it was given, and an absent one is none', () => {
  const env = { a: [1, { b: '${1 + 1}' }], c: '$${x}' };
  expect(storableEnvironment({ env })).toEqual(env);
  expect(storableEnvironment({})).toBeUndefined();
});

it.each([
  ['a list', [], 'env must be an object'],
  ['null', null, 'env must be an object'],
  ['bytes in it', { key: new Uint8Array(3) }, 'env takes JSON data: env.key'],
  ['a function in it', { f: () => 1 }, 'env takes JSON data: env.f'],
  ['an expression that is none', { x: { y: 'a ${1 +}' } }, 'env.x: '],
  ['an insertion without its end', { x: '${1' }, 'or write $${'],
  ['too much', { x: 'y'.repeat(17_000) }, 'env has more than 16384 bytes'],
])('refuses %s', (_, env, message) => {
  const refused = (): unknown => storableEnvironment({ env: env as object });
  expect(refused).toThrow(
    expect.objectContaining({
      code: expect.stringMatching(/^BATON_INPUT_(INVALID|TOO_LARGE)$/),
      message: expect.stringContaining(message),
    }),
  );
});

it('what is no expression may stand in one that is not evaluated', () => {
  expect(storableEnvironment({ env: { x: '${1 +}' }, evaluateEnv: false })).toEqual({ x: '$${1 +}' });
});

it('is evaluated once, also when its owner dies before the rest of the turn is stored', () => {
  const graph = routedGraph(routed({ a: {} }, { vars: { x: '${env.y}' } }));
  const options = { flowId: 'f', store: {}, env: { y: '$${1}' } };
  const [first] = routedStep(newRoutedRun(graph, options), { type: 'run' }).facts;
  const next = newRoutedRun(graph, options);
  if (first) applyRoutedFact(next, first);
  routedStep(next, { type: 'run' });
  expect([next.env, next.vars, next.flow]).toEqual([
    { y: '${1}' },
    { x: { value: { data: '${1}' } } },
    'SUCCESS',
  ]);
});
