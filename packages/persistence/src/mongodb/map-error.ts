import { InputError, UnavailableError, codeOf } from '@baton/core';
import { BSON, MongoServerError, MongoWriteConcernError } from 'mongodb';

/** The operation never left this process: it got no server, or no connection to one. */
const NOTHING_SENT = new Set([
  'MongoServerSelectionError',
  'MongoNotConnectedError',
  'MongoTopologyClosedError',
  'MongoServerClosedError',
  'MongoPoolClosedError',
  'MongoPoolClearedError',
  'MongoWaitQueueTimeoutError',
]);

/** No connection can be made from this url to this server, however often one tries. */
const NEVER_CONNECTS = new Set([
  'MongoParseError',
  'MongoCompatibilityError',
  'MongoMissingCredentialsError',
  'MongoMissingDependencyError',
  'MongoAWSError',
  'MongoAzureError',
  'MongoGCPError',
  'MongoKerberosError',
  'MongoOIDCError',
]);

/**
 * Codes of the server's answer that speak of its moment, not of the request: internal error (FerretDB's word for a busy SQLite), host trouble, time
 * limits, write conflicts, primaries that step down or shut down, write concerns that were not reached.
 */
const PASSING = new Set([
  1, 6, 7, 24, 46, 50, 64, 89, 91, 100, 107, 112, 189, 202, 246, 262, 317, 358, 384, 9001, 10058, 10107,
  11600, 11602, 13388, 13435, 13436, 91331,
  // too many open files, temporarily unavailable, writes blocked (also for a disk that is nearly full), resources exhausted, disk full
  264,
  365, 371, 402, 14031,
  // overloaded: connections, admission queue, rate limits
  407, 433, 449, 450, 462,
]);

/** Whether a server's error may go away when the same is asked again. */
export function isPassing(code: number | string | undefined): boolean {
  return typeof code === 'number' && PASSING.has(code);
}

/**
 * The driver's exceptions stop here: everything becomes a Baton error with the driver's as its cause. Refused is only what the server, or the
 * driver in its place, said no to; whatever else happens to an operation, known or not, leaves open whether it was carried out.
 */
export function mapError(error: unknown): Error {
  if (error instanceof Error && codeOf(error) !== undefined) return error;
  const message = error instanceof Error ? error.message : String(error);
  const options = { cause: error };
  const name = error instanceof Error ? error.name : '';
  if (NOTHING_SENT.has(name))
    return new UnavailableError(
      'BATON_UNAVAILABLE_DISCONNECTED',
      `the store cannot be reached: ${message}`,
      options,
    );
  if (error instanceof BSON.BSONError || name === 'MongoInvalidArgumentError')
    return new InputError(
      'BATON_INPUT_MALFORMED',
      `a document cannot be encoded for the store: ${message}`,
      options,
    );
  if (NEVER_CONNECTS.has(name) || isRefusal(error))
    return new UnavailableError('BATON_UNAVAILABLE_REFUSED', `the store refused: ${message}`, options);
  return new UnavailableError(
    'BATON_UNAVAILABLE_OUTCOME_UNKNOWN',
    `the store did not answer: ${message}`,
    options,
  );
}

/** Whether it makes sense to ask the same again. */
export function isUnanswered(error: Error): boolean {
  const code = codeOf(error);
  return code === 'BATON_UNAVAILABLE_DISCONNECTED' || code === 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN';
}

/** An answer of the server that will be the same tomorrow. One about a majority that was not reached says nothing of the write. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof MongoServerError) || error instanceof MongoWriteConcernError) return false;
  return !(
    isPassing(error.code) ||
    error.hasErrorLabel('RetryableWriteError') ||
    'writeConcernError' in error
  );
}
