import { linear, task, type TaskHooks } from '@baton/flow';
import { runFlow } from '@baton/engine';
import { expect, it } from '@jest/globals';

/** Runs `t`, and after it a task that fails so that it is reverted; `broken` throw. */
async function done(...broken: readonly string[]) {
  const calls: string[] = [];
  const call = (name: string) => (): string => {
    calls.push(name);
    if (broken.includes(name)) throw new RangeError(`${name} broke`);
    return name;
  };
  const hooks: TaskHooks = {
    preExecute: call('preExecute'),
    postExecute: call('postExecute'),
    preRevert: call('preRevert'),
    postRevert: call('postRevert'),
  };
  const t = task('t', { ...hooks, execute: call('execute'), revert: call('revert') });
  const warned: string[] = [];
  const quiet = () => undefined;
  const log = { debug: quiet, info: quiet, error: quiet, warn: (text: string) => void warned.push(text) };
  const end = task('end', { execute: call('end') });
  const { outcome, failures } = await runFlow(linear('f').add(t, end), { store: {}, log });
  return { calls, outcome, failures, warned };
}

const executed = ['preExecute', 'execute', 'postExecute'];
const reverted = ['preRevert', 'revert', 'postRevert'];

it('what comes before and after is called around the methods (E-129)', async () => {
  expect(await done('end')).toMatchObject({ calls: [...executed, 'end', ...reverted], outcome: 'REVERTED' });
  expect((await done()).calls).toEqual([...executed, 'end']);
});

it('what comes after is called after a failure too, and the first failure counts (E-129)', async () => {
  const { calls, failures, warned } = await done('execute', 'postExecute');
  expect(calls).toEqual([...executed, ...reverted]);
  expect(failures).toMatchObject([{ atom: 't', message: 'execute broke' }]);
  expect(warned).toHaveLength(1);
});

it('one that throws makes the attempt fail as the method would; the result is in the details (E-129)', async () => {
  const before = await done('preExecute');
  expect(before.calls).toEqual(['preExecute', 'postExecute', ...reverted]);
  expect(before.failures).toMatchObject([{ message: 'preExecute broke', phase: 'execute' }]);
  const after = await done('postExecute');
  expect(after.failures).toMatchObject([
    { message: 'postExecute broke', types: ['RangeError', 'Error'], details: { result: 'execute' } },
  ]);
  const undone = await done('end', 'postRevert');
  expect(undone).toMatchObject({ outcome: 'FAILURE', failures: [{ atom: 'end' }, { phase: 'revert' }] });
});

it('a task with nothing but something around its revert is reverted (E-125, E-129)', async () => {
  const calls: string[] = [];
  const t = task('t', {
    execute: () => {
      throw new Error('broke');
    },
    preRevert: () => calls.push('preRevert'),
  });
  await runFlow(t, { store: {} });
  expect(calls).toEqual(['preRevert']);
});
