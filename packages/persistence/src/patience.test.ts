import { expect, it } from '@jest/globals';
import { backOffMs } from './patience.js';

it('pauses are spread over all of their length, so that after an outage not everybody comes at once (H61)', () => {
  const pausesOf = (attempt: number) =>
    [0, 0.25, 0.5, 0.999].map((fraction) => backOffMs({ fraction: () => fraction }, attempt));
  expect(pausesOf(0)).toEqual([1, 6, 11, 21]);
  expect(pausesOf(3)).toEqual([1, 41, 81, 161]);
  expect(pausesOf(100)).toEqual([1, 251, 501, 1_000]);
});
