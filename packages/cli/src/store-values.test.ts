import { describe, expect, it } from '@jest/globals';
import { jsonMap, storeValues } from './store-values.js';

describe('--set', () => {
  it('takes JSON where it parses, else text; a quoted value is a text that looks like JSON', () => {
    expect(
      storeValues(undefined, [
        'a=5',
        'b=five',
        'c="5"',
        'd=[1,"x"]',
        'e=',
        'f=x=y',
        'g=true',
        'h="true"',
        'i=-0.5',
        'j= 7',
      ]),
    ).toEqual({ a: 5, b: 'five', c: '5', d: [1, 'x'], e: '', f: 'x=y', g: true, h: 'true', i: -0.5, j: 7 });
  });

  it.each([
    ['id=12345678901234567890', '12345678901234567000', `--set 'id="12345678901234567890"'`],
    ['version=1.10', '1.1', `--set 'version="1.10"'`],
    ['n=1e3', '1000', `--set 'n="1e3"'`],
    ['n=1e999', 'Infinity', `--set 'n="1e999"'`],
  ])('refuses %s: the number would not be what was typed', (set, number, remedy) => {
    expect(() => storeValues(undefined, [set])).toThrow(
      expect.objectContaining({
        code: 'BATON_INPUT_INVALID',
        message: `--set ${set} would store the number ${number}: write that, or ${remedy} for the text`,
      }),
    );
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
      message: '--store is not JSON: give JSON, @FILE, or - for standard input',
    }),
  );
});

it.each([
  ['--env', '[1]', '--env must be a JSON object: name → value'],
  ['--env', '@/no/such/file', '--env: the file /no/such/file cannot be read'],
])('%s %s is refused by its name', (option, given, message) => {
  expect(() => jsonMap(option, given)).toThrow(
    expect.objectContaining({ code: 'BATON_INPUT_INVALID', message }),
  );
});
