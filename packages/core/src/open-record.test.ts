import { setFlagsFromString } from 'node:v8';
import { describe, expect, it } from '@jest/globals';
import { openRecord } from './open-record.js';

describe('an open record', () => {
  it('is a plain object', () => {
    const record = openRecord<number>();
    expect(record).toStrictEqual({});
    record['one'] = 1;
    expect(record).toStrictEqual({ one: 1 });
    expect(Object.getPrototypeOf(record)).toBe(Object.prototype);
  });

  it('has the hidden class of its like, though no more may follow from `{}`', () => {
    const documents = Array.from({ length: 3_000 }, (_, index) => put({}, `symbol${index}`));
    expect(haveSameHiddenClass(put({}, 'late'), put({}, 'late'))).toBe(false);
    expect(haveSameHiddenClass(put(openRecord(), 'late'), put(openRecord(), 'late'))).toBe(true);
    expect(documents).toHaveLength(3_000);
  });
});

function put(record: Record<string, unknown>, key: string): object {
  record[key] = null;
  return record;
}

setFlagsFromString('--allow-natives-syntax');
const haveSameHiddenClass = new Function('one', 'other', 'return %HaveSameMap(one, other)') as (
  one: object,
  other: object,
) => boolean;
