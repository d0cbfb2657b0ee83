import { describe, expect, it } from '@jest/globals';
import { storeValues } from './store-values.js';

describe('--set', () => {
  it('takes JSON where it parses, else text; a quoted value is a text that looks like JSON', () => {
    expect(
      storeValues(undefined, ['a=5', 'b=five', 'c="5"', 'd=[1,"x"]', 'e=', 'f=x=y', 'g=true', 'h="true"']),
    ).toEqual({ a: 5, b: 'five', c: '5', d: [1, 'x'], e: '', f: 'x=y', g: true, h: 'true' });
  });

  it('overrides --store', () => {
    expect(storeValues('{"a":1,"b":2}', ['b=3'])).toEqual({ a: 1, b: 3 });
  });

  it.each(['a', '=5', ''])('refuses %j', (set) => {
    expect(() => storeValues(undefined, [set])).toThrow(/--set must look like name=value/);
  });
});

it.each(['values.json', '{"a":'])('--store says how a file is given when it gets %j', (store) => {
  expect(() => storeValues(store)).toThrow(
    expect.objectContaining({
      code: 'BATON_INPUT_INVALID',
      message: '--store is not JSON: give a JSON object, @FILE, or - for standard input',
    }),
  );
});
