import { describe, expect, it } from '@jest/globals';
import { headHintWords } from './head-hints.js';

const textOf = (words: ReturnType<typeof headHintWords>): string => Buffer.from(words?.data ?? []).toString();

describe('the last words of a conductor', () => {
  it('are its heads as JSON, at their place on the board', () => {
    const words = headHintWords('default', [
      ['job-1', 4],
      ['job-2', 0],
    ]);
    expect(words?.path).toBe('/boards/default/heads');
    expect(JSON.parse(textOf(words))).toEqual({ 'job-1': 4, 'job-2': 0 });
  });

  it('are none without any head: those of others stay', () => {
    expect(headHintWords('default', [])).toBeUndefined();
  });

  it('have a bound: the first ones are said', () => {
    const heads = Array.from({ length: 2_000 }, (_, n) => [`${n}-${'j'.repeat(40)}`, 1_000 + n] as const);
    const words = headHintWords('default', heads);
    expect(words?.data.length).toBeLessThanOrEqual(64 * 1024);
    expect(words?.data.length).toBeGreaterThan(64 * 1024 - 100);
    const said = Object.entries(JSON.parse(textOf(words)) as object);
    expect(said).toEqual(heads.slice(0, said.length));
  });
});
