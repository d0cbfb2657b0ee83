import { describe, expect, it } from '@jest/globals';
import { checkEffects } from './effects.js';
import type { LedgerLine } from './ledger.js';

const line = (more: Partial<LedgerLine> = {}): LedgerLine => ({
  event: 'end',
  action: 'execute',
  flowId: 'f',
  atom: 'a',
  requestId: 'f/a/execute/0.1',
  delivery: 1,
  idempotencyKey: 'f/a/execute/0',
  worker: 'w1',
  pid: 1,
  ...more,
});
const expected = [{ flowId: 'f', executed: ['a'], reverted: [] }];

describe('the check of effects', () => {
  it('finds nothing when everything was done once', () => {
    const report = checkEffects([line({ event: 'start' }), line()], expected, new Set());
    expect(report).toEqual({ lost: [], doubled: [], interrupted: 0, done: 1 });
  });

  it('finds what was begun and never ended, and what was never begun', () => {
    const wanted = [{ flowId: 'f', executed: ['a', 'b'], reverted: ['a'] }];
    const report = checkEffects([line({ event: 'start' })], wanted, new Set());
    expect(report.lost).toEqual(['f/a/execute', 'f/b/execute', 'f/a/revert']);
  });

  it('does not take one flow for another', () => {
    expect(checkEffects([line({ flowId: 'g' })], expected, new Set()).lost).toEqual(['f/a/execute']);
  });

  it('lists what was done twice, and says whether a kill explains it', () => {
    const twice = [line(), line({ delivery: 2, worker: 'w2', pid: 2 })];
    expect(checkEffects(twice, expected, new Set([1])).doubled).toEqual([
      { requestId: 'f/a/execute/0.1', times: 2, workers: ['w1', 'w2'], byKill: true },
    ]);
    expect(checkEffects(twice, expected, new Set([2])).doubled[0]?.byKill).toBe(false);
  });

  it('counts what a killed worker had begun, and calls its second delivery no repetition', () => {
    const lines = [
      line({ event: 'start' }),
      line({ event: 'start', delivery: 2, pid: 2 }),
      line({ delivery: 2, pid: 2 }),
    ];
    expect(checkEffects(lines, expected, new Set([1]))).toEqual({
      lost: [],
      doubled: [],
      interrupted: 1,
      done: 1,
    });
  });
});
