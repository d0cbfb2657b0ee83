/** Tasks that the engine evaluates itself (control-flow.md C-1512). */
import { expect } from '@jest/globals';
import { type Answers, next, routed, type RoutedCase } from './routed.js';

export const builtInCases: RoutedCase[] = [];
const each = (name: string, body: RoutedCase['body']): void => void builtInCases.push({ name, body });

each('std.echo and std.noop need no worker', async (run) => {
  const definition = routed(
    {
      a: {
        task: 'std.echo',
        input: { value: { x: '${1 + 1}' } },
        publish: { branch: { a: '${self.result}' } },
        onSuccess: next('b'),
      },
      b: { task: 'std.noop', publish: { branch: { b: '${self.result}' } } },
    },
    { output: { a: '${a}', b: '${b}' } },
  );
  const { outcome, output, states } = await run(definition);
  expect([outcome, output, states]).toEqual([
    'SUCCESS',
    { a: { x: 2 }, b: null },
    { a: 'SUCCESS', b: 'SUCCESS' },
  ]);
});

each('std.fail fails as it is told, as often as it is repeated', async (run) => {
  const definition = routed({
    a: {
      ...{ task: 'std.fail', input: { message: 'no', code: 'X', data: { n: 1 } }, attempts: { max: 3 } },
      onError: next({ b: "self.failure.code == 'X' && self.failure.data.n == 1" }),
    },
    b: {},
  });
  const { outcome, repeats, states } = await run(definition);
  expect([outcome, repeats, states]).toEqual(['SUCCESS', 2, { a: 'FAILURE', b: 'SUCCESS' }]);
});

each('std.assert', async (run) => {
  const definition = routed({
    a: { task: 'std.assert', input: { condition: '${1 < 2}' }, onSuccess: next('b') },
    b: { task: 'std.assert', input: { condition: false, message: 'too small' } },
  });
  const { outcome, states, failures } = await run(definition);
  expect([outcome, states, failures]).toEqual(['FAILURE', { a: 'SUCCESS', b: 'FAILURE' }, ['ASSERTION']]);
});

each('std.sleep is a wait, of each item by itself', async (run) => {
  const beganMs = Date.now();
  const definition = routed(
    {
      a: { task: 'std.sleep', input: { duration: '60ms' }, waitAfterMs: 20, onSuccess: next('b') },
      b: {
        ...{ forEach: { item: [30, 1] }, parallel: 1, task: 'std.sleep', input: { duration: '${item}' } },
        publish: { branch: { all: '${self.result}' } },
      },
    },
    { output: { all: '${all}' } },
  );
  const { outcome, output, repeats } = await run(definition);
  expect([outcome, output, repeats]).toEqual(['SUCCESS', { all: [null, null] }, 3]);
  expect(Date.now() - beganMs).toBeGreaterThanOrEqual(110);
});

each('what the engine does itself has arguments too, and nothing to undo', async (run) => {
  const definition = routed(
    {
      a: { task: 'std.echo', input: { value: 1 }, onSuccess: next('b') },
      b: { task: 'std.sleep', input: { duration: 'soon' } },
    },
    { rollback: 'completed' },
  );
  const { outcome, states, failures } = await run(definition);
  expect([outcome, failures]).toEqual(['REVERTED', ['ARGUMENTS_INVALID']]);
  expect(states).toEqual({ a: 'SUCCESS', b: 'FAILURE' });
});

each('C-1504 an output is made of a result before anything else is', async (run) => {
  const definition = routed(
    {
      a: {
        ...{ task: 'std.echo', input: { value: { rows: [1, 2] } }, output: '${self.result.rows}' },
        ...{ failOn: 'len(self.result) != 2', publish: { branch: { n: '${sum(self.result)}' } } },
        onSuccess: next('b'),
      },
      b: {
        ...{ forEach: { item: [5, 6] }, task: 'std.echo', input: { value: '${item}' } },
        ...{ output: { of: '${item}', twice: '${self.result * 2.0}' } },
        publish: { branch: { all: '${self.result}' } },
        onSuccess: next('c'),
      },
      c: { task: 'std.echo', output: '${self.result.none}', onError: next('d') },
      d: {},
    },
    { output: { n: '${n}', all: '${all}' }, onExpressionError: 'fail-atom' },
  );
  const { outcome, output, states } = await run(definition);
  expect([outcome, output, states]).toMatchObject([
    'SUCCESS',
    {
      n: 3,
      all: [
        { of: 5, twice: 10 },
        { of: 6, twice: 12 },
      ],
    },
    { c: 'FAILURE', d: 'SUCCESS' },
  ]);
});

each('std.wait-event has the data of an event as its result', async (run) => {
  const definition = routed(
    {
      a: {
        ...{ task: 'std.wait-event', input: { name: 'order.paid', key: '${order}' } },
        ...{ publish: { branch: { cents: '${self.result.cents}' } }, onSuccess: next('b') },
      },
      b: { forEach: { item: ['x', 'y'] }, task: 'std.wait-event', input: { name: '${item}' } },
    },
    { requires: ['order'], output: { cents: '${cents}' } },
  );
  const answers: Answers = {
    'std.wait-event': ({ name, key }) => ({ value: { cents: `${String(name)}/${String(key)}` } }),
  };
  const { outcome, output, states } = await run(definition, { store: { order: 42 }, answers });
  expect([outcome, output]).toEqual(['SUCCESS', { cents: 'order.paid/42' }]);
  expect(states).toMatchObject({ a: 'SUCCESS', 'b[1]': 'SUCCESS', b: 'SUCCESS' });
});

each('std.wait-event for which nothing comes in time', async (run) => {
  const definition = routed({
    a: { task: 'std.wait-event', input: { name: 'x' }, timeout: { waitMs: 150 }, onError: next('b') },
    b: {},
  });
  const { outcome, states } = await run(definition, { answers: { 'std.wait-event': () => undefined } });
  expect([outcome, states]).toEqual(['SUCCESS', { a: 'FAILURE', b: 'SUCCESS' }]);
});
