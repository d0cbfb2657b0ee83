/** Tasks of the engine's own in ordered flows (C-1512); those in routed flows are acceptance cases of them. */
import { type FlowDefinition, task, type TaskDefinition } from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import { compileAny, newAnyRun, stepAny, validateAny } from './any-run.js';
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
  ['std.sleep', 'waits'],
  ['std.wait-event', 'waits'],
  ['std.nothing', 'which there is not'],
])('%s is refused', (name, why) => {
  const compiled = compileAny(flowOf({ name: 'a', task: name }));
  expect(() => validateAny(compiled, [])).toThrow(why);
});

it('those that workers offer are not', () => {
  expect(() => validateAny(compileAny(flowOf({ name: 'a', task: 'std.http' })), [])).not.toThrow();
});
