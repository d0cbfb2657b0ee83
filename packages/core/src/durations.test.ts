import { describe, expect, it } from '@jest/globals';
import { durationMs, durationText } from './durations.js';
import { codeOf } from './errors.js';

it.each([
  [0, '0ms'],
  [300, '300ms'],
  [20_000, '20s'],
  [5_400_000, '1.5h'],
  [2_592_000_000, '30d'],
] as const)('%s ms is %s for people', (ms, text) => {
  expect([durationText(ms), durationMs(text)]).toEqual([text, ms]);
});

describe('durationMs', () => {
  it.each([
    [250, 250],
    [0, 0],
    ['250ms', 250],
    ['10s', 10_000],
    ['1.5s', 1_500],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['3d', 259_200_000],
    [' 7 '.trim(), 7],
  ] as const)('%s is %s ms', (duration, ms) => {
    expect(durationMs(duration)).toBe(ms);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY, '', 'soon', '2 minutes', '-5s', '1e3s', '5S', '1_000'])(
    'refuses %s',
    (duration) => {
      let error: unknown;
      try {
        durationMs(duration as number, 'timeout.attempt');
      } catch (thrown) {
        error = thrown;
      }
      expect(codeOf(error)).toBe('BATON_INPUT_INVALID');
      expect((error as Error).message).toContain('timeout.attempt');
    },
  );
});
