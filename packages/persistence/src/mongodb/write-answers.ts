import { UnavailableError, type InsertVerdict } from '@baton/core';
import type { Document } from 'mongodb';
import { isPassing } from './map-error.js';

const DUPLICATE_KEY = 11000;

interface WriteError {
  readonly index: number;
  readonly code: number;
  readonly errmsg?: string;
}

/** What the answer to an unordered insert of `count` documents says of each. */
export function insertVerdicts(answer: Document, count: number): readonly InsertVerdict[] {
  // not journalled by a majority in time: what is there may still be rolled back, so nothing counts as stored yet
  const unreached = writeConcernFailure(answer);
  const verdicts = new Array<InsertVerdict>(count).fill(
    unreached === undefined ? { verdict: 'stored' } : { verdict: 'unknown', cause: unreached },
  );
  for (const error of writeErrorsOf(answer)) verdicts[error.index] = verdictOf(error);
  return verdicts;
}

/** The first thing that went wrong in an update or delete. */
export function firstWriteFailure(answer: Document): Error | undefined {
  const [error] = writeErrorsOf(answer);
  return error === undefined ? writeConcernFailure(answer) : failureOf(error);
}

function verdictOf(error: WriteError): InsertVerdict {
  if (error.code === DUPLICATE_KEY) return { verdict: 'duplicate' };
  return { verdict: isPassing(error.code) ? 'unknown' : 'refused', cause: failureOf(error) };
}

function failureOf({ code, errmsg = 'no reason given' }: WriteError): UnavailableError {
  // two first writes of one id at once: the second finds the first when it is tried again
  const isRepeatable = isPassing(code) || code === DUPLICATE_KEY;
  return new UnavailableError(
    isRepeatable ? 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN' : 'BATON_UNAVAILABLE_REFUSED',
    `the store refused a document: ${errmsg}`,
    { details: { serverCode: code } },
  );
}

function writeConcernFailure(answer: Document): UnavailableError | undefined {
  const error = answer['writeConcernError'] as { readonly errmsg?: string } | undefined;
  if (error === undefined) return undefined;
  return new UnavailableError(
    'BATON_UNAVAILABLE_OUTCOME_UNKNOWN',
    `the store did not confirm the write by a majority: ${error.errmsg ?? 'no reason given'}`,
  );
}

function writeErrorsOf(answer: Document): readonly WriteError[] {
  return (answer['writeErrors'] as readonly WriteError[] | undefined) ?? [];
}
