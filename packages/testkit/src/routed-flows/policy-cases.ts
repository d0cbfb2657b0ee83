/** Acceptance cases of control-flow.md section 19: fan-outs, attempts, waits, time-outs. */
import { expect } from '@jest/globals';
import { next, routed, type Outcome, type RoutedCase } from './routed.js';

export const policyCases: RoutedCase[] = [];
const each = (name: string, body: RoutedCase['body']): void => void policyCases.push({ name, body });

const itemsOf = ({ began }: Outcome, atom: string): readonly string[] =>
  began.filter((id) => id.startsWith(`${atom}[`));

each('M21 order of results', async (run) => {
  const definition = routed(
    {
      a: {
        forEach: { item: '${given}' },
        task: 'sleep',
        input: { ms: '${item * 20}', value: '${index}' },
        publish: { branch: { all: '${self.result}' } },
      },
    },
    { requires: ['given'], output: { all: '${all}' } },
  );
  const { outcome, output } = await run(definition, { store: { given: [5, 0, 2] } });
  expect([outcome, output]).toEqual(['SUCCESS', { all: [0, 1, 2] }]);
});

for (const [what, forEach, all] of [
  ['no items', { item: [] }, []],
  ['one item', { item: ['x'] }, ['x:x']],
  ['two lists in step', { x: [1, 2, 3], y: '${["a", "b", "c"]}' }, ['1:a', '2:b', '3:c']],
] as const)
  each(`M22 sizes and zip: ${what}`, async (run) => {
    const value = 'item' in forEach ? '${item}:${item}' : '${x}:${y}';
    const definition = routed(
      {
        a: {
          ...{ forEach, task: 'echo', input: { value } },
          publish: { branch: { all: '${self.result}' } },
          onSuccess: next('b'),
        },
        b: { task: 'echo' },
      },
      { output: { all: '${all}' } },
    );
    const { outcome, output, states } = await run(definition);
    expect([outcome, output, states['a'], states['b']]).toEqual(['SUCCESS', { all }, 'SUCCESS', 'SUCCESS']);
  });

for (const [what, forEach] of [
  ['lists of different lengths', { x: [1], y: [1, 2] }],
  ['what is no list', { x: '${5}' }],
] as const)
  each(`M22 sizes and zip: ${what} fail the flow`, async (run) => {
    const definition = routed({ a: { forEach, task: 'echo', onError: next('b') }, b: {} });
    const { outcome, states, failures } = await run(definition);
    expect([outcome, states, failures]).toEqual(['FAILURE', { a: 'FAILURE' }, ['EXPRESSION']]);
  });

for (const parallel of [1, 2, 3, 9])
  each(`M23 parallel limit: ${parallel} of 5`, async (run) => {
    const definition = routed({
      a: {
        ...{ forEach: { item: [1, 2, 3, 4, 5] }, parallel: { expr: `${parallel}` } },
        ...{ task: 'sleep', input: { ms: 10, value: '${item}' } },
      },
    });
    const ended = await run(definition);
    expect(ended.outcome).toBe('SUCCESS');
    expect(itemsOf(ended, 'a')).toHaveLength(5);
    expect(ended.peak).toBeLessThanOrEqual(parallel + 1); // the atom itself runs beside its items
  });

for (const [max, parallel, calls] of [
  [2, undefined, 4],
  [3, 2, 6],
] as const)
  each(`M24 attempts of a fan-out: at most ${max}`, async (run) => {
    const definition = routed({
      a: {
        ...{ forEach: { item: [1, 2] }, ...(parallel !== undefined && { parallel }) },
        ...{ task: 'fail', attempts: { max }, onError: next('b') },
      },
      b: { task: 'echo' },
    });
    const ended = await run(definition);
    expect([ended.outcome, ended.states['a'], ended.states['b']]).toEqual(['SUCCESS', 'FAILURE', 'SUCCESS']);
    expect(itemsOf(ended, 'a')).toHaveLength(calls);
  });

each('M24 attempts of a fan-out: an item by itself', async (run) => {
  const definition = routed(
    {
      a: {
        ...{ forEach: { times: [0, 1, 0] }, task: 'flaky', input: { times: '${times}' } },
        attempts: { max: 2, scope: 'item' },
        publish: { branch: { all: '${self.result}' } },
      },
    },
    { output: { all: '${all}' } },
  );
  const ended = await run(definition);
  expect([ended.outcome, ended.output]).toEqual(['SUCCESS', { all: [1, 2, 1] }]);
  expect(itemsOf(ended, 'a').toSorted()).toEqual(['a[0]', 'a[1]', 'a[1]', 'a[2]']);
});

each('an item whose input is missing fails by itself', async (run) => {
  const definition = routed({
    a: { forEach: { item: [1, 2] }, parallel: 1, task: 'echo', requires: ['nowhere'], onError: next('noop') },
  });
  const ended = await run(definition);
  expect([ended.outcome, ended.states['a'], ended.began]).toEqual(['SUCCESS', 'FAILURE', ['a']]);
});

each('an item that fails stops the others from beginning, when wanted', async (run) => {
  const definition = routed({
    a: {
      ...{ forEach: { item: [1, 2, 3] }, parallel: 1, onItemError: 'stop' },
      ...{ task: 'fail', onError: next('noop') },
    },
  });
  const ended = await run(definition);
  expect([ended.outcome, itemsOf(ended, 'a')]).toEqual(['SUCCESS', ['a[0]']]);
});

for (const [breakOn, repeats] of [
  ['true', 0],
  ['self.failure.data == 7', 0],
  ['false', 3],
] as const)
  each(`M26 break and continue: break-on ${breakOn}`, async (run) => {
    const definition = routed({
      a: { task: 'fail', input: { data: 7 }, attempts: { max: 4, breakOn } },
    });
    const ended = await run(definition);
    expect([ended.outcome, ended.repeats]).toEqual(['FAILURE', repeats]);
  });

each('M26 break and continue: continue-on', async (run) => {
  const definition = routed(
    {
      a: {
        ...{ task: 'flaky', input: { times: 0 } },
        attempts: { max: 5, continueOn: 'self.result < 3' },
        publish: { branch: { x: '${self.result}' } },
      },
    },
    { output: { x: '${x}' } },
  );
  const { outcome, output, repeats } = await run(definition);
  expect([outcome, output, repeats]).toEqual(['SUCCESS', { x: 3 }, 2]);
});

for (const [what, more, outcome, repeats] of [
  ['at once', { failOn: 'self.result <= limit' }, 'FAILURE', 0],
  ['not', { failOn: 'self.result > limit' }, 'SUCCESS', 0],
  ['until it is enough', { failOn: 'self.result <= limit', attempts: { max: 9 } }, 'SUCCESS', 2],
] as const)
  each(`M27 fail-on: ${what}`, async (run) => {
    const definition = routed({ a: { task: 'flaky', input: { times: 0 }, ...more } }, { vars: { limit: 2 } });
    const ended = await run(definition);
    expect([ended.outcome, ended.repeats]).toEqual([outcome, repeats]);
  });

each('M27 fail-on: with for-each and attempts', async (run) => {
  const definition = routed({
    a: {
      ...{ forEach: { item: [1, 2] }, task: 'flaky', input: { times: 0 } },
      ...{ failOn: 'sum(self.result) < 4', attempts: { max: 3 } },
    },
  });
  const ended = await run(definition);
  expect([ended.outcome, ended.repeats, itemsOf(ended, 'a').length]).toEqual(['SUCCESS', 1, 4]);
});

for (const [what, more, outcome, states] of [
  ['with a handler', { onError: next('b') }, 'SUCCESS', { a: 'FAILURE', b: 'SUCCESS' }],
  ['without one', {}, 'FAILURE', { a: 'FAILURE' }],
] as const)
  each(`M28 timeout: ${what}`, async (run) => {
    const definition = routed(
      {
        a: {
          ...{ task: 'sleep', input: { ms: 20_000 }, timeout: { totalMs: { expr: 'ms * 2' } } },
          ...{ attempts: { max: 5 }, ...more },
        },
        b: {},
      },
      { vars: { ms: 100 }, start: ['a'] },
    );
    const ended = await run(definition);
    expect([ended.outcome, ended.states]).toEqual([outcome, states]);
    if (outcome === 'FAILURE') expect(ended.failures).toEqual(['TIMEOUT_TOTAL']);
  });

each('M28 timeout: spans the attempts and what lies between them', async (run) => {
  const attempts = { max: 100, delayMs: 100 };
  const definition = routed({ a: { task: 'fail', timeout: { totalMs: 250 }, attempts } });
  const { outcome, failures, repeats } = await run(definition);
  expect([outcome, failures]).toEqual(['FAILURE', ['TIMEOUT_TOTAL']]);
  expect(repeats).toBeLessThan(4);
});

each('M28 timeout: answered in time', async (run) => {
  const definition = routed({
    a: { task: 'sleep', input: { ms: 1 }, timeout: { totalMs: 60_000 }, onSuccess: next('b') },
    b: {},
  });
  const { outcome, states } = await run(definition);
  expect([outcome, states]).toEqual(['SUCCESS', { a: 'SUCCESS', b: 'SUCCESS' }]);
});

for (const [what, waits, delays] of [
  ['before', { waitBeforeMs: 60 }, 1],
  ['after', { waitAfterMs: { expr: '30 + 30' } }, 1],
  ['both', { waitBeforeMs: 30, waitAfterMs: 30 }, 2],
] as const)
  each(`M29 waits: ${what}`, async (run) => {
    const definition = routed({ a: { task: 'echo', ...waits, onSuccess: next('b') }, b: {}, c: {} });
    const beganMs = Date.now();
    const ended = await run(definition);
    expect(Date.now() - beganMs).toBeGreaterThanOrEqual(59);
    expect([ended.outcome, ended.repeats, ended.states]).toEqual([
      'SUCCESS',
      delays,
      { a: 'SUCCESS', b: 'SUCCESS', c: 'SUCCESS' },
    ]);
  });

each('M29 waits: of a decision point and of a join', async (run) => {
  const definition = routed({
    ...{ a: { waitBeforeMs: 20, onSuccess: next('j') }, b: { onSuccess: next('j') } },
    j: { join: 'all', waitBeforeMs: 20 },
  });
  const { outcome, repeats, states } = await run(definition);
  expect([outcome, repeats, states['j']]).toEqual(['SUCCESS', 2, 'SUCCESS']);
});

for (const waits of [{}, { waitBeforeMs: 60_000 }])
  each(`M30 pause-before: ${JSON.stringify(waits)}`, async (run) => {
    const definition = routed({
      a: { task: 'echo', pauseBefore: { expr: 'true' }, ...waits, onSuccess: next('b') },
      b: { task: 'echo' },
    });
    const held = await run(definition);
    expect([held.outcome, held.began]).toEqual(['SUSPENDED', []]);
    const ended = await held.resume?.();
    if (ended) expect([ended.outcome, ended.states]).toEqual(['SUCCESS', { a: 'SUCCESS', b: 'SUCCESS' }]);
  });
