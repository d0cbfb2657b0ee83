/** What a hostile or careless routed flow may cost whoever runs it. */
import { failureOf } from '@baton/core';
import { expect, it } from '@jest/globals';
import { next, routed, run } from '../../../testkit/src/routed-flows/routed.js';
import type { Turn } from '../protocol.js';
import { routedGraph } from './routed-graph.js';
import { newRoutedRun, type RoutedState } from './routed-state.js';
import { routedStep } from './routed-step.js';

const begun = (definition: Parameters<typeof routedGraph>[0]): [RoutedState, Turn] => {
  const state = newRoutedRun(routedGraph(definition), { flowId: 'f', store: {} });
  return [state, routedStep(state, { type: 'run' })];
};

it('a cycle that waits for nobody takes many turns, each of them small, and ends at the limit', () => {
  const [state, first] = begun(routed({ a: { onSuccess: next('a') } }, { start: ['a'] }));
  let turn = first;
  let turns = 1;
  while (state.flow === 'RUNNING') {
    expect(turn.facts.length).toBeLessThan(2_000);
    const [timer] = turn.commands.flatMap((command) => (command.type === 'startTimer' ? [command.id] : []));
    turn = routedStep(state, { type: 'timerFired', id: timer ?? '' });
    turns++;
  }
  expect(turns).toBeGreaterThan(20);
  expect([state.flow, state.message]).toEqual(['FAILURE', 'LIMIT: a turned more than 10000 times']);
});

it('dear expressions are shared out over turns', async () => {
  const dear = '${size(range(2000).filter(i, i > n))}';
  const atoms = {
    a: { publish: { branch: { n: '${n + 1}', dear } }, onSuccess: next({ a: 'n < 50' }) },
  };
  const [, turn] = begun(routed({ i: { publish: { branch: { n: 0 } }, onSuccess: next('a') }, ...atoms }));
  expect(turn.facts.filter((fact) => fact.fact === 'arrival').length).toBeLessThan(60);
  expect(turn.isDear).toBe(true);
  const whole = routed({ i: { publish: { branch: { n: 0 } }, onSuccess: next('a') }, ...atoms });
  expect((await run(whole)).outcome).toBe('SUCCESS');
});

it('joins that fail one after the other need no stack', () => {
  const count = 20_000;
  const names = Array.from({ length: count }, (_, index) => `j${index}`);
  const [state, { commands }] = begun(
    routed({
      s: { onSuccess: next(...names) },
      x: { task: 't', onSuccess: next('j0') },
      ...Object.fromEntries(names.map((name, n) => [name, { join: 'all', onSuccess: next(`j${n + 1}`) }])),
      [`j${count}`]: {},
    }),
  );
  let [command] = commands.filter(({ type }) => type === 'execute');
  for (let turn; state.flow === 'RUNNING';) {
    turn =
      command?.type === 'execute'
        ? routedStep(state, { type: 'failed', requestId: command.requestId, failure: failureOf('NO', 'no') })
        : routedStep(state, { type: 'timerFired', id: [...state.timers.keys()][0] ?? '' });
    command = turn.commands.find(({ type }) => type === 'execute');
  }
  expect([state.flow, state.unhandled.size]).toEqual(['FAILURE', count + 1]);
});

it('a fan-out over nothing succeeds at once, however often it would be repeated (C-903)', async () => {
  const attempts = { max: 1_000_000, continueOn: 'true' };
  const nothing = { forEach: { item: [] }, task: 'echo', attempts, failOn: 'true' };
  const { outcome, states } = await run(routed({ a: nothing }));
  expect([outcome, states]).toEqual(['SUCCESS', { a: 'SUCCESS' }]);
});

it('data that are nested without end are a failure, not the end of the process', async () => {
  const deep = `\${json.parse(join(range(5000).map(i, "["), "") + join(range(5000).map(i, "]"), ""))}`;
  const { outcome, failures } = await run(routed({ a: { publish: { branch: { deep } } } }));
  expect([outcome, failures]).toEqual(['FAILURE', ['EXPRESSION']]);
});

it('no more is published than the journal takes', async () => {
  const published = (times: number) =>
    routed({
      a: {
        publish: {
          branch: { t: '${join(range(2500).map(i, "0123456789012345678901234567890123456789"), "")}' },
        },
        onSuccess: next('b'),
      },
      b: { publish: { branch: { all: `\${[${Array(times).fill('t').join(', ')}]}` } } },
    });
  const { outcome, failures } = await run(published(6));
  expect([outcome, failures]).toEqual(['FAILURE', ['TOO_LARGE']]);
  expect((await run(published(4))).outcome).toBe('SUCCESS');
});

it('a run has at most 100,000 activations, wherever they come from', () => {
  const wide = Object.fromEntries(
    Array.from({ length: 400 }, (_, index) => [`w${index}`, { onSuccess: next('x') }]),
  );
  const names = Object.keys(wide);
  const [state, first] = begun(
    routed({
      s: { onSuccess: next(...names) },
      ...wide,
      x: { onSuccess: next(...names.map((n) => `y${n}`)) },
      ...Object.fromEntries(names.map((n) => [`y${n}`, {}])),
    }),
  );
  for (let turn = first; state.flow === 'RUNNING';) {
    const [timer] = turn.commands.flatMap((command) => (command.type === 'startTimer' ? [command.id] : []));
    turn = routedStep(state, { type: 'timerFired', id: timer ?? '' });
  }
  expect([state.flow, state.message]).toEqual(['FAILURE', 'LIMIT: more than 100000 activations']);
});
