/** Acceptance cases of control-flow.md section 19: what a person does about a run that has ended. */
import { expect } from '@jest/globals';
import { next, routed, type RoutedCase } from './routed.js';

export const repairCases: RoutedCase[] = [];
const each = (name: string, body: RoutedCase['body']): void => void repairCases.push({ name, body });

const flaky = (times: number | string = 1) => ({ task: 'flaky', input: { times } });
const published = { branch: { n: '${self.result}' } };

each('M40 repair: rerun of a failed atom, in a new attempt', async (run) => {
  const definition = routed(
    { a: { ...flaky(), publish: published, onSuccess: next('b') }, b: { task: 'echo' } },
    { output: { n: '${n}' } },
  );
  const failed = await run(definition);
  expect([failed.outcome, failed.states]).toEqual(['FAILURE', { a: 'FAILURE' }]);
  const { outcome, states, output, events } = await failed.repair({ type: 'rerun', from: 'a' });
  expect([outcome, states, output]).toEqual(['SUCCESS', { a: 'SUCCESS', b: 'SUCCESS' }, { n: 2 }]);
  expect(events.filter((event) => event.startsWith('flow')).slice(-2)).toEqual([
    'flow RUNNING',
    'flow SUCCESS',
  ]);
});

each('M40 repair: rerun of all that failed; its policy counts anew', async (run) => {
  const definition = routed(
    {
      a: { ...flaky(3), attempts: { max: 2 }, publish: published },
      b: { ...flaky(1), publish: { branch: { m: '${self.result}' } } },
      c: { ...flaky(1), onError: next('noop') },
    },
    { output: { n: '${n}', m: '${m}' } },
  );
  const failed = await run(definition);
  expect(failed.outcome).toBe('FAILURE');
  const { outcome, states, output } = await failed.repair({ type: 'rerun' });
  expect([outcome, output]).toEqual(['SUCCESS', { n: 4, m: 2 }]);
  expect(states).toEqual({ a: 'SUCCESS', b: 'SUCCESS', c: 'FAILURE' });
});

for (const [what, reset, results] of [
  ['partial', false, [2, 1, 2]],
  ['whole', true, [2, 2, 2]],
] as const)
  each(`M40 repair: ${what} rerun of a fan-out`, async (run) => {
    const definition = routed(
      {
        a: {
          ...flaky('${item == 2 ? 0 : 1}'),
          ...{ forEach: { item: [1, 2, 3] }, parallel: 1, publish: published },
        },
      },
      { output: { n: '${n}' } },
    );
    const failed = await run(definition);
    expect(failed.outcome).toBe('FAILURE');
    const { outcome, output } = await failed.repair({ type: 'rerun', from: 'a', reset });
    expect([outcome, output]).toEqual(['SUCCESS', { n: results }]);
  });

each('M40 repair: rerun before a join, which comes about by itself', async (run) => {
  const definition = routed(
    {
      a: { task: 'echo', onSuccess: next('j') },
      b: { ...flaky(), publish: published, onSuccess: next('c') },
      c: { onSuccess: next('j') },
      j: { join: 'all', onError: next('noop'), onSuccess: next('k') },
      d: { onSuccess: next('k') },
      k: { join: 'all', publish: { branch: { k: '${n}' } } },
    },
    { output: { k: '${k}' } },
  );
  const failed = await run(definition);
  expect(failed.states).toMatchObject({ b: 'FAILURE', j: 'FAILURE', k: 'FAILURE' });
  const { outcome, states, output } = await failed.repair({ type: 'rerun', from: 'b' });
  expect([outcome, output]).toEqual(['SUCCESS', { k: 2 }]);
  expect(states).toMatchObject({ a: 'SUCCESS', b: 'SUCCESS', c: 'SUCCESS', j: 'SUCCESS', k: 'SUCCESS' });
});

each('M40 repair: of two branches before a join one at a time', async (run) => {
  const definition = routed({
    a: { ...flaky(), onSuccess: next('j') },
    b: { ...flaky(2), onSuccess: next('j') },
    j: { join: 'all' },
  });
  const failed = await run(definition);
  const half = await failed.repair({ type: 'rerun', from: 'a' });
  expect([half.outcome, half.states]).toEqual(['FAILURE', { a: 'SUCCESS', b: 'FAILURE', j: 'FAILURE' }]);
  const again = await half.repair({ type: 'rerun', from: 'b' });
  expect([again.outcome, again.states['b']]).toEqual(['FAILURE', 'FAILURE']);
  const { outcome, states } = await again.repair({ type: 'rerun', from: 'b' });
  expect([outcome, states]).toEqual(['SUCCESS', { a: 'SUCCESS', b: 'SUCCESS', j: 'SUCCESS' }]);
});

each('M40 repair: rerun with a patched environment', async (run) => {
  const definition = routed({
    a: { ...flaky('${env.times}'), onSuccess: next('b') },
    b: { task: 'echo', input: { value: "${env.who + ' ' + string(env.times)}" } },
  });
  const failed = await run(
    { ...definition, output: { b: "${task('b').result}" } },
    { env: { times: 9, who: 'ann' } },
  );
  expect(failed.outcome).toBe('FAILURE');
  const { outcome, output } = await failed.repair({ type: 'rerun', from: 'a', env: { times: 0 } });
  expect([outcome, output]).toEqual(['SUCCESS', { b: 'ann 0' }]);
});

each('M40 repair: rerun with other input', async (run) => {
  const failed = await run(routed({ a: flaky(9) }, { output: { n: "${task('a').result}" } }));
  const { outcome, output } = await failed.repair({ type: 'rerun', from: 'a', input: { times: 1 } });
  expect([outcome, output]).toEqual(['SUCCESS', { n: 2 }]);
});

const b = { task: 'echo', input: { value: 'b' } };
const c = { task: 'echo', input: { value: 'c' } };

each('M40 repair: skip takes on-skip', async (run) => {
  const definition = routed({
    a: { task: 'fail', onSuccess: next('b'), onSkip: next('c'), onComplete: next('d') },
    ...{ b, c, d: {} },
  });
  const failed = await run(definition);
  expect([failed.outcome, failed.states]).toEqual(['FAILURE', { a: 'FAILURE', d: 'SUCCESS' }]);
  const { outcome, states } = await failed.repair({ type: 'skip', atom: 'a' });
  expect([outcome, states]).toEqual(['SUCCESS', { a: 'SKIPPED', c: 'SUCCESS', d: 'SUCCESS' }]);
});

for (const [when, onSkip] of [
  ['without on-skip', undefined],
  ['when every guard of on-skip is false', next({ c: 'false' })],
] as const)
  each(`M40 repair: skip takes on-success ${when}`, async (run) => {
    const definition = routed({
      a: { task: 'fail', onSuccess: next('b'), ...(onSkip && { onSkip }) },
      ...(onSkip ? { b, c } : { b }),
    });
    const failed = await run(definition);
    const { outcome, states } = await failed.repair({ type: 'skip', atom: 'a' });
    expect(outcome).toBe('SUCCESS');
    expect(states).toMatchObject({ a: 'SKIPPED', b: 'SUCCESS' });
  });

each('M40 repair: skip publishes its values, those of the clause above those of the atom', async (run) => {
  const definition = routed(
    {
      a: {
        ...{ task: 'fail', publish: { branch: { x: 'success' } } },
        ...{ publishOnError: { branch: { x: 'error' } } },
        publishOnSkip: { branch: { x: 'skip', y: '${self.state}' } },
        onSkip: { ...next('b'), publish: { branch: { x: 'on-skip' } } },
      },
      b: { task: 'echo', input: { value: "${x + ' ' + y}" } },
    },
    { output: { b: "${task('b').result}" } },
  );
  const failed = await run(definition);
  const { outcome, output } = await failed.repair({ type: 'skip', atom: 'a' });
  expect([outcome, output]).toEqual(['SUCCESS', { b: 'on-skip SKIPPED' }]);
});

each('M40 repair: what was skipped takes part in a join', async (run) => {
  const definition = routed(
    {
      a: { task: 'fail', publishOnSkip: { branch: { x: 1 } }, onSuccess: next('j') },
      b: { ...b, publish: { branch: { y: 2 } }, onSuccess: next('j') },
      j: { join: 'all', publish: { branch: { sum: '${x + y}' } } },
    },
    { output: { sum: '${sum}' } },
  );
  const failed = await run(definition);
  expect(failed.states).toMatchObject({ a: 'FAILURE', j: 'FAILURE' });
  const { outcome, output, states } = await failed.repair({ type: 'skip', atom: 'a' });
  expect([outcome, output, states]).toEqual([
    'SUCCESS',
    { sum: 3 },
    { a: 'SKIPPED', b: 'SUCCESS', j: 'SUCCESS' },
  ]);
});

each('M40 repair: a finished run is undone', async (run) => {
  const definition = routed({
    a: { task: 'sticky', input: { value: 'a' }, onSuccess: next('b') },
    b: { task: 'sticky', input: { value: 'b' } },
  });
  const done = await run(definition);
  expect(done.outcome).toBe('SUCCESS');
  const { outcome, undone } = await done.repair({ type: 'revert' });
  expect([outcome, undone]).toEqual(['REVERTED', ['b', 'a']]);
});
