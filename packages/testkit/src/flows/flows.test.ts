import { codeOf } from '@baton/core';
import { linear, retry, task, unordered } from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../runtime/fake-clock.js';
import './jest.js';
import { resumeFromEverySavePoint } from './resume-from-every-save-point.js';
import { runFlow } from './run-flow.js';
import { traceMatchers } from './trace-matchers.js';
import { traceText } from './trace.js';

const store = {};
const works = (name: string) => task(name, { provides: name, execute: () => name, revert: () => undefined });
const breaks = (name: string) =>
  task(name, {
    execute: () => {
      throw new Error('broken');
    },
  });

describe('runFlow of the test kit', () => {
  it('writes down what happened', async () => {
    const run = await runFlow(linear('f').add(works('a'), works('b'), breaks('c')), { store });
    expect(run).toHaveRun(['a', 'b', 'c']);
    expect(run.trace).toHaveReverted(['c', 'b', 'a']);
    expect(run).toHaveReexecuted([]);
    expect(run).toHaveEnded('REVERTED');
    expect([run.entries, run.atoms]).toEqual([7, { a: 'REVERTED', b: 'REVERTED', c: 'REVERTED' }]);
  });

  it('goes on after a crash: what was stored is not done again, what was not is', async () => {
    const flow = linear('f').add(works('a'), works('b'));
    const stored = await runFlow(flow, { store, crashAfter: 2 });
    expect(stored).toHaveRun(['a', 'b']);
    expect(stored).toHaveReexecuted([]);
    expect(traceText(stored)).toBe(
      [
        'flow PENDING → RUNNING',
        'a PENDING → RUNNING',
        '    a.execute()',
        'a RUNNING → SUCCESS',
        'b PENDING → RUNNING',
        '--- crash, 2 entries stored ---',
        'flow RUNNING → RESUMING',
        'flow RESUMING → SUSPENDED',
        'flow SUSPENDED → RUNNING',
        '    b.execute()',
        'b RUNNING → SUCCESS',
        'flow RUNNING → SUCCESS',
      ].join('\n'),
    );
    const lost = await runFlow(flow, { store, crashBefore: 3 });
    expect(lost).toHaveRun(['a', 'b', 'b']);
    expect(lost).toHaveReexecuted(['b']);
    expect(lost).not.toHaveReexecuted(['a']);
    expect([lost.outcome, lost.results]).toEqual(['SUCCESS', { a: 'a', b: 'b' }]);
  });

  it('takes delays as over', async () => {
    let left = 2;
    const flaky = task('flaky', {
      attempts: { max: 3, delay: '1h' },
      execute: () => {
        if (left-- > 0) throw new Error('not yet');
      },
    });
    const run = await runFlow(linear('f').add(flaky), { store, clock: 'virtual' });
    expect(run).toHaveRun(['flaky', 'flaky', 'flaky']);
    // another attempt is not the same execution again
    expect(run).toHaveReexecuted([]);
  });
});

describe('runFlow of the test kit, asked for the impossible', () => {
  const flow = linear('f').add(works('a'));

  it.each([{ crashAfter: 4 }, { crashBefore: 4 }, { crashAfter: 0 }])('refuses %j', async (point) => {
    const refused = await runFlow(flow, { store, ...point }).catch((error: unknown) => error);
    expect(codeOf(refused)).toBe('BATON_INPUT_INVALID');
    expect(String(refused)).toContain('entries 1 to 2');
  });

  it('ends a task that never returns by its timeout, in virtual time', async () => {
    const stuck = task('stuck', {
      timeout: { attempt: '2h' },
      execute: () => new Promise<never>(() => undefined),
    });
    const clock = new FakeClock();
    const run = await clock.drive(runFlow(linear('f').add(works('a'), stuck), { store, clock }), {
      withinMs: 3 * 3_600_000,
    });
    expect(run).toHaveReverted(['stuck', 'a']);
    expect(run.failures).toMatchObject([
      { atom: 'stuck', code: 'TIMEOUT', message: 'stuck ran longer than its 7200000 ms' },
    ]);
    expect([clock.monotonicMs(), clock.pendingTimers]).toEqual([7_200_000, 0]);
  });
});

describe('resumeFromEverySavePoint', () => {
  it('finds nothing in a flow that keeps its promises, however nested', async () => {
    const flow = linear('f', { retry: retry.times(2) }).add(
      works('a'),
      unordered('u').add(works('b'), linear('inner', { retry: retry.times(2) }).add(works('c'), breaks('d'))),
      works('e'),
    );
    const { savePoints, differences } = await resumeFromEverySavePoint(flow, { store });
    expect(savePoints).toBeGreaterThan(40);
    expect(differences).toEqual([]);
  });

  it('finds a task that cannot be executed twice', async () => {
    const { differences } = await resumeFromEverySavePoint(
      () => {
        let calls = 0;
        const counts = task('counts', { provides: 'n', execute: () => ++calls });
        return linear('f').add(works('a'), counts);
      },
      { store },
    );
    expect(differences.map(({ point, what, actual }) => ({ point, what, actual }))).toEqual([
      { point: { crashBefore: 3 }, what: 'results', actual: { a: 'a', n: 2 } },
    ]);
    expect(differences[0]?.trace).toContain('--- crash, 2 entries stored ---\n');
  });
});

describe('trace matchers', () => {
  it('say what was expected, what was, and all that happened', async () => {
    const run = await runFlow(linear('f').add(works('a')), { store });
    const { pass, message } = traceMatchers.toHaveRun(run, ['a', 'b']);
    expect([pass, message()]).toEqual([
      false,
      'expected run: a, b\nbut it was: a\n\nflow PENDING → RUNNING\na PENDING → RUNNING\n    a.execute()\na RUNNING → SUCCESS\nflow RUNNING → SUCCESS',
    ]);
    expect(() => expect(run).not.toHaveReverted([])).toThrow('did not expect reverted: (nothing)');
    expect(() => expect(run).toHaveEnded('REVERTED')).toThrow('but it was: SUCCESS');
  });
});
