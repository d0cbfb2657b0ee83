import { failureOf, type FailurePhase } from '@baton/core';
import { linear, task } from '@baton/flow';
import { expect, it } from '@jest/globals';
import { compile } from './compile.js';
import { newRun, type RunState } from './run-state.js';
import { restoreRun, snapshotRun } from './snapshot.js';
import { step } from './step.js';

const phases = (...each: FailurePhase[]) => each;

it.each([
  ['is undone when only the last attempt was never begun', phases('execute', 'queue'), 1],
  ['is undone when only the first attempt was begun', phases('execute', 'queue', 'queue'), 1],
  ['is not undone when no attempt was begun', phases('queue', 'queue'), 0],
])('a task %s (E-861)', (_, failures, reverts) => {
  const attempts = { max: failures.length };
  const compiled = compile(
    linear('f')
      .add(task('t', { attempts, execute: () => undefined }))
      .toJSON(),
  );
  for (const isRestored of [false, true]) {
    let state: RunState = newRun(compiled, { flowId: 'f', store: {} });
    let [command] = step(state, { type: 'run' }).commands;
    for (const phase of failures) {
      if (command?.type !== 'execute') throw new Error('another attempt follows');
      if (isRestored) state = restoreRun(compiled, snapshotRun(state)) as RunState;
      const failure = failureOf('BOOM', 'boom', { phase });
      [command] = step(state, { type: 'failed', requestId: command.requestId, failure }).commands;
    }
    expect(command?.type).toBe(reverts === 0 ? 'finish' : 'revert');
  }
});
