/** The one place where the client's and the server's error codes become ours. */
import { ConflictError, InputError, NotFoundError, UnavailableError, type BatonError } from '@baton/core';
import zookeeper, { type ClientError } from 'node-zookeeper-client';

/** Codes of the server (zookeeper KeeperException.Code). */
const noNode = -101;
const badVersion = -103;
const noChildrenForEphemerals = -108;
const nodeExists = -110;
const notEmpty = -111;
export const sessionExpired = -112;
const sessionMoved = -118;
/** Of the client: the connection went away with the request on its way. */
export const connectionLoss = -4;
/** Ours: the connection went away before the request was written. */
export const notSent = Object.assign(new Error('not sent'), { code: -1000 }) satisfies ClientError;

/** A server that answers an unknown code (-118, -125, -127, …) would make the client throw inside its socket handler (P-1208). */
const create = zookeeper.Exception.create;
zookeeper.Exception.create = (code, path) => {
  try {
    return create(code, path);
  } catch {
    return Object.assign(new Error(`ZooKeeper error ${code}`), { code });
  }
};

export interface FailedOperation {
  readonly operation: string;
  readonly path: string;
  /** Which operation of a transaction failed. */
  readonly index?: number;
}

export function mapError(cause: ClientError, { operation, path, index }: FailedOperation): BatonError {
  const options = { cause, details: { path, ...(index !== undefined && { index }) } };
  switch (cause.code) {
    case noNode:
      return new NotFoundError('BATON_NOT_FOUND_NODE', `${operation}: no node ${path}`, options);
    case nodeExists:
      return new ConflictError('BATON_CONFLICT_NODE_EXISTS', `${operation}: ${path} exists`, options);
    case badVersion:
      return new ConflictError('BATON_CONFLICT_BAD_VERSION', `${operation}: ${path} has changed`, options);
    case notEmpty:
      return new ConflictError('BATON_CONFLICT_NOT_EMPTY', `${operation}: ${path} has children`, options);
    case noChildrenForEphemerals:
      return new InputError(
        'BATON_INPUT_INVALID',
        `${operation} ${path}: an ephemeral has no children`,
        options,
      );
    case connectionLoss:
      return outcomeUnknown(operation, path, 'the connection was lost before the answer', cause);
    case sessionExpired:
      return sessionLost(operation, path, cause);
    case notSent.code:
    case sessionMoved: // another server holds the session now; this one did nothing
      return disconnected(operation, path, cause);
    default:
      return new UnavailableError(
        'BATON_UNAVAILABLE_REFUSED',
        `${operation} ${path}: ZooKeeper answered ${cause.message}`,
        options,
      );
  }
}

export function outcomeUnknown(
  operation: string,
  path: string,
  why: string,
  cause?: unknown,
): UnavailableError {
  return new UnavailableError('BATON_UNAVAILABLE_OUTCOME_UNKNOWN', `${operation} ${path}: ${why}`, {
    cause,
    details: { path },
  });
}

export function disconnected(operation: string, path: string, cause?: unknown): UnavailableError {
  return new UnavailableError(
    'BATON_UNAVAILABLE_DISCONNECTED',
    `${operation} ${path}: no connection to ZooKeeper, nothing was sent`,
    { cause, details: { path } },
  );
}

export function sessionLost(operation: string, path: string, cause?: unknown): UnavailableError {
  return new UnavailableError('BATON_UNAVAILABLE_SESSION_LOST', `${operation} ${path}: the session is over`, {
    cause,
    details: { path },
  });
}
