import { describe, expect, it } from '@jest/globals';
import { answerFault, answerSchema, type Expects } from './expects.js';

const expects: Expects = { by: 'string', ok: 'boolean', on: 'list(integer)', more: 'map(number)', x: 'any' };
const answer = { by: 'ann', ok: true, on: [1], more: { a: 0.5 }, x: null };

describe('what an answer must be (C-1106)', () => {
  it('is a JSON Schema too', () => {
    expect(answerSchema({ by: 'string', on: 'list(integer)', more: 'map', x: 'any' })).toEqual({
      type: 'object',
      required: ['by', 'on', 'more', 'x'],
      properties: {
        ...{ by: { type: 'string' }, on: { type: 'array', items: { type: 'integer' } } },
        ...{ more: { type: 'object' }, x: {} },
      },
    });
  });

  it('lets through what is as expected', () => {
    expect(answerFault(expects, answer)).toBeUndefined();
  });

  it.each<[string, unknown, string]>([
    ['no object', 'yes', 'it must be an object of by, ok, on, more, x'],
    ['a list', [answer], 'it must be an object of by, ok, on, more, x'],
    ['a field too few', { ...answer, by: undefined }, 'by is missing'],
    ['a field too many', { ...answer, oks: true }, 'oks is not known here, did you mean ok?'],
    ['another type', { ...answer, ok: 'true' }, 'ok must be true or false'],
    ['an element of another type', { ...answer, on: [1, 1.5] }, 'on[1] must be a whole number'],
    ['a value of another type', { ...answer, more: { a: '1' } }, 'more.a must be a number'],
    ['another prototype', JSON.parse('{"__proto__":{"by":"x"}}'), 'by is missing'],
  ])('says what is wrong with %s', (_, value, fault) => {
    expect(answerFault(expects, value)).toBe(fault);
  });
});
