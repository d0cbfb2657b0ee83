import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { BSON, MongoServerError, MongoWriteConcernError } from 'mongodb';
import { isUnanswered, mapError } from './map-error.js';
import { firstWriteFailure, insertVerdicts } from './write-answers.js';

type ErrorClass = new (...args: never[]) => Error;

const requireInternal = createRequire(import.meta.url);
const serverError = (code: number) => new MongoServerError({ errmsg: 'said no', code });

/** Every class of error the driver can throw, by the name its errors bear. */
const driverClasses = new Map(
  [
    'mongodb/lib/error',
    'mongodb/lib/cmap/errors',
    'mongodb/lib/timeout',
    'mongodb/lib/bulk/common',
    'mongodb/lib/client-side-encryption/errors',
  ]
    .flatMap((file) => Object.values(requireInternal(file) as Record<string, unknown>))
    .filter((found): found is ErrorClass => typeof found === 'function' && found.prototype instanceof Error)
    .map((found) => [(found.prototype as Error).name, found]),
);

/** As the driver would throw it, without what its constructor wants to know. */
function thrown(name: string): Error {
  const found = driverClasses.get(name);
  if (found === undefined) throw new Error(`the driver has no ${name}`);
  return Object.assign(Object.create(found.prototype as Error) as Error, {
    message: 'as the driver says it',
    errorLabelSet: new Set(),
  });
}

/** What each means for us; one that a new driver brings along has to be decided here. */
const meanings = {
  // the operation never left: it did not get a server, or a connection
  BATON_UNAVAILABLE_DISCONNECTED: [
    'MongoServerSelectionError',
    'MongoNotConnectedError',
    'MongoTopologyClosedError',
    'MongoServerClosedError',
    'MongoPoolClosedError',
    'MongoPoolClearedError',
    'MongoWaitQueueTimeoutError',
  ],
  // no connection can be made with this url, or this server: nothing is ever sent
  BATON_UNAVAILABLE_REFUSED: [
    'MongoParseError',
    'MongoCompatibilityError',
    'MongoMissingCredentialsError',
    'MongoMissingDependencyError',
    'MongoAWSError',
    'MongoAzureError',
    'MongoGCPError',
    'MongoKerberosError',
    'MongoOIDCError',
    // the server's own answers, with a code that is not passing
    'MongoServerError',
    'MongoBulkWriteError',
    'MongoClientBulkWriteError',
  ],
  BATON_INPUT_MALFORMED: ['MongoInvalidArgumentError'],
  BATON_UNAVAILABLE_OUTCOME_UNKNOWN: [
    // may hit what is in flight
    'MongoNetworkError',
    'MongoNetworkTimeoutError',
    'PoolClearedOnNetworkError',
    'MongoClientClosedError',
    'MongoOperationTimeoutError',
    'MongoStalePrimaryError',
    'TimeoutError',
    // the answer came and is of no use
    'MongoUnexpectedServerResponseError',
    'MongoDecompressionError',
    'MongoWriteConcernError',
    // says too little
    'MongoError',
    'MongoDriverError',
    'MongoAPIError',
    'MongoRuntimeError',
    'MongoSystemError',
    // of parts of the driver that are not used
    'MongoBatchReExecutionError',
    'MongoTransactionError',
    'MongoExpiredSessionError',
    'MongoClientBulkWriteCursorError',
    'MongoClientBulkWriteExecutionError',
    'MongoChangeStreamError',
    'MongoTailableCursorError',
    'MongoGridFSStreamError',
    'MongoGridFSChunkError',
    'MongoCursorInUseError',
    'MongoCursorExhaustedError',
    'MongoCryptError',
    'MongoCryptInvalidArgumentError',
    'MongoCryptCreateDataKeyError',
    'MongoCryptCreateEncryptedCollectionError',
    'MongoCryptAzureKMSRequestError',
    'MongoCryptKMSRequestNetworkTimeoutError',
  ],
};

describe('mapError', () => {
  it.each([
    [serverError(10107), 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN'],
    [serverError(1), 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN'],
    [serverError(14031), 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN'],
    [serverError(371), 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN'],
    [serverError(13), 'BATON_UNAVAILABLE_REFUSED'],
    [
      new MongoWriteConcernError({ writeConcernError: { code: 79, errmsg: 'unknown mode' } } as never),
      'BATON_UNAVAILABLE_OUTCOME_UNKNOWN',
    ],
    [new BSON.BSONError('no such key'), 'BATON_INPUT_MALFORMED'],
    [new TypeError('a defect, after who knows what'), 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN'],
    ['thrown text', 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN'],
  ])('%p → %s', (error, code) => {
    const mapped = mapError(error);
    expect(mapped).toMatchObject({ code, cause: error });
    expect(mapError(mapped)).toBe(mapped);
    expect(isUnanswered(mapped)).toBe(/DISCONNECTED|OUTCOME/.test(code));
  });

  it('knows every error of the driver', () => {
    expect(Object.values(meanings).flat().toSorted()).toEqual([...driverClasses.keys()].toSorted());
  });

  it.each(Object.entries(meanings).flatMap(([code, names]) => names.map((name) => [name, code] as const)))(
    'takes the %s of the driver for %s',
    (name, code) => {
      expect(mapError(thrown(name))).toMatchObject({ code });
    },
  );
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
