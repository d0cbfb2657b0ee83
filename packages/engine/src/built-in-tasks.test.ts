/** Tasks of the engine's own in ordered flows (C-1512); those in routed flows are acceptance cases of them. */
import { type FlowDefinition, task, type TaskDefinition } from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import { compileAny, newAnyRun, stepAny, validateAny } from './any-run.js';
import { MemoryLogBook } from './drivers/log-book.js';
import type { EngineKind } from './run-flow.js';
import { runDefinition } from './run-flow.js';

const flowOf = (...children: readonly Omit<TaskDefinition, 'kind'>[]): FlowDefinition => ({
  schemaVersion: 1,
  root: { kind: 'linear', name: 'f', children: children.map((child) => ({ kind: 'task', ...child })) },
});

const echo = {
  ...{ name: 'a', task: 'std.echo', requires: ['value'], inject: { value: { x: 1 } } },
  provides: { got: null },
};

describe.each(['serial', 'parallel', 'lazy'] as const)('in the %s engine', (engine: EngineKind) => {
  const run = (definition: FlowDefinition) =>
    runDefinition({ definition, tasks: [undoable], store: {} }, { engine });
  const undone: string[] = [];
  const undoable = task('undoable', { execute: () => 1, revert: () => void undone.push('undoable') });

  it('they need no worker, and give what they give', async () => {
    const noop = { name: 'b', task: 'std.noop' };
    const check = { name: 'c', task: 'std.assert', requires: ['condition'], inject: { condition: true } };
    const { outcome, results } = await run(flowOf(echo, noop, check));
    expect([outcome, results]).toEqual(['SUCCESS', { got: { x: 1 } }]);
  });

  it('one that fails is tried again as its policy says, and what ran before is undone', async () => {
    const fails = {
      ...{ name: 'b', task: 'std.fail', requires: ['message', 'code'], attempts: { max: 3 } },
      inject: { message: 'no', code: 'X' },
    };
    const report = await run(flowOf(echo, { name: 'u', task: 'undoable' }, fails));
    expect(report.outcome).toBe('REVERTED');
    expect(report.failures).toMatchObject([{ atom: 'b', code: 'X', message: 'no', attempt: 3 }]);
    expect(undone.splice(0)).toEqual(['undoable']);
  });

  it('one sleeps, and one is answered: a task of its name stands for who does that', async () => {
    const sleep = { name: 'a', task: 'std.sleep', requires: ['duration'], inject: { duration: '3d' } };
    const ask = { name: 'b', delegate: 'approve', open: 'mail', attempts: { max: 2 }, provides: { x: null } };
    const approve = task('approve', {
      execute: (_, { attempt }) => {
        if (attempt === 1) throw new Error('no');
        return 'yes';
      },
    });
    const definition = flowOf(sleep, ask, { name: 'u', task: 'undoable' });
    const report = await runDefinition({ definition, tasks: [undoable, approve], store: {} }, { engine });
    expect([report.outcome, report.results]).toEqual(['SUCCESS', { x: 'yes' }]);
    const alone = await runDefinition({ definition, tasks: [undoable], store: {} }, { engine });
    expect([alone.outcome, alone.failures]).toMatchObject(['REVERTED', [{ atom: 'b' }]]);
  });

  it('goes on with who waits after it was suspended', async () => {
    const logBook = new MemoryLogBook();
    const definition = flowOf({ name: 'b', delegate: 'approve', provides: { x: null } });
    const suspend = new AbortController();
    const never = task('approve', {
      execute: (_, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('nobody waits')));
          suspend.abort();
        }),
    });
    const options = { engine, logBook };
    const first = { definition, tasks: [never], store: {} };
    const { outcome } = await runDefinition(first, { ...options, suspendSignal: suspend.signal });
    const approve = task('approve', { execute: () => 'yes' });
    const report = await runDefinition({ definition, tasks: [approve], store: {} }, options);
    expect([outcome, report.outcome, report.results]).toEqual(['SUSPENDED', 'SUCCESS', { x: 'yes' }]);
  });

  it('arguments that do not fit are a failure', async () => {
    const { failures } = await run(
      flowOf({ ...echo, requires: ['value', 'more'], inject: { value: 1, more: 2 } }),
    );
    expect(failures).toMatchObject([{ code: 'ARGUMENTS_INVALID', retryable: false }]);
  });
});

it('whoever takes a run over evaluates them again', () => {
  const run = newAnyRun(compileAny(flowOf(echo)), { flowId: 'f', store: {} });
  const evaluated = { type: 'evaluated', atom: 'a', outcome: { value: { data: { x: 1 } } } };
  expect(stepAny(run, { type: 'run' }).commands).toMatchObject([evaluated]);
  expect(stepAny(run, { type: 'adopt' }).commands).toMatchObject([evaluated]);
});

it.each([
  [{ task: 'std.nothing' }, 'which there is not'],
  [{ task: 't', delegate: 'd' }, 'has task and delegate'],
  [{ task: 't', open: 'o' }, 'has open, which means nothing'],
  [{ task: 't', timeout: { waitMs: 1 } }, 'has timeout.wait, which means nothing'],
])('%j is refused', (atom, why) => {
  const compiled = compileAny(flowOf({ name: 'a', ...atom }));
  expect(() => validateAny(compiled, [])).toThrow(why);
});

it('those that workers offer are not', () => {
  expect(() => validateAny(compileAny(flowOf({ name: 'a', task: 'std.http' })), [])).not.toThrow();
});
