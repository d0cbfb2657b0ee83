import { describe, expect, it } from '@jest/globals';
import { BSON, MongoNetworkError, MongoServerError, MongoServerSelectionError } from 'mongodb';
import { isUnanswered, mapError } from './map-error.js';
import { firstWriteFailure, insertVerdicts } from './write-answers.js';

const serverError = (code: number) => new MongoServerError({ errmsg: 'said no', code });

describe('mapError', () => {
  it.each([
    [new MongoServerSelectionError('nobody there', {} as never), 'BATON_UNAVAILABLE_DISCONNECTED'],
    [new MongoNetworkError('cut'), 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN'],
    [serverError(10107), 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN'],
    [serverError(1), 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN'],
    [serverError(14031), 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN'],
    [serverError(371), 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN'],
    [serverError(13), 'BATON_UNAVAILABLE_REFUSED'],
    [new BSON.BSONError('no such key'), 'BATON_INPUT_MALFORMED'],
    ['thrown text', 'BATON_UNAVAILABLE_REFUSED'],
  ])('%p → %s', (error, code) => {
    const mapped = mapError(error);
    expect(mapped).toMatchObject({ code, cause: error });
    expect(mapError(mapped)).toBe(mapped);
    expect(isUnanswered(mapped)).toBe(/DISCONNECTED|OUTCOME/.test(code));
  });
});

describe('answers to writes', () => {
  it('give each document its verdict', () => {
    const writeErrors = [
      { index: 1, code: 11000, errmsg: 'dup' },
      { index: 2, code: 2, errmsg: 'nested arrays are not supported' },
      { index: 3, code: 91, errmsg: 'shutting down' },
      { index: 5, code: 14031, errmsg: 'out of disk space' },
    ];
    expect(insertVerdicts({ ok: 1, n: 2, writeErrors }, 6).map(({ verdict }) => verdict)).toEqual([
      'stored',
      'duplicate',
      'refused',
      'unknown',
      'stored',
      'unknown',
    ]);
    expect(firstWriteFailure({ ok: 1, writeErrors: [writeErrors[1]] })).toMatchObject({
      code: 'BATON_UNAVAILABLE_REFUSED',
    });
    expect(firstWriteFailure({ ok: 1 })).toBeUndefined();
  });

  it('count nothing as stored that a majority has not confirmed', () => {
    const answer = { ok: 1, n: 1, writeConcernError: { code: 64, errmsg: 'waiting timed out' } };
    expect(insertVerdicts({ ...answer, writeErrors: [{ index: 0, code: 11000 }] }, 2)).toMatchObject([
      { verdict: 'duplicate' },
      { verdict: 'unknown', cause: { code: 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN' } },
    ]);
    expect(firstWriteFailure(answer)).toMatchObject({ code: 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN' });
  });
});
