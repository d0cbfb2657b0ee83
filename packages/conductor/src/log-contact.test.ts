import { expect, it } from '@jest/globals';
import { fakeRuntime } from '@baton/testkit';
import { LogContact } from './log-contact.js';
import { limits } from './options.js';

function contact() {
  const { clock } = fakeRuntime();
  const told: string[] = [];
  const state: { problem: string | undefined } = { problem: undefined };
  const log = new LogContact({
    clock,
    problem: () => state.problem,
    onBack: () => told.push('back'),
    onCutOff: (problem) => told.push(`cut off: ${problem}`),
  });
  return { clock, told, state, log };
}

it('tells that the log is back also when it was away between two looks only, for who asked then', () => {
  const { told, state, log } = contact();
  log.look();
  state.problem = 'cut';
  expect(log.problem).toBe('cut');
  state.problem = undefined;
  log.look();
  log.look();
  expect(told).toEqual(['back']);
});

it('tells of a cut that lasts, counted from its beginning', async () => {
  const { clock, told, state, log } = contact();
  for (const problem of ['first', 'second']) {
    state.problem = problem;
    log.look();
    await clock.advance(limits.cutOffMs - 1);
    log.look();
    expect(told).toEqual(problem === 'first' ? [] : ['back']);
    if (problem === 'first') state.problem = undefined;
    log.look();
  }
  await clock.advance(1);
  log.look();
  expect(told).toEqual(['back', 'cut off: second']);
});
