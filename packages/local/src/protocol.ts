/**
 * What clients and the embedded server say to each other. A client sends requests; the server answers them in the order they
 * came (an answer may wait, then those behind it wait too) and in between tells coordination sessions of events.
 */
import {
  type CollectionSpec,
  ConflictError,
  type ErrorCode,
  familyOf,
  type FindQuery,
  InputError,
  InvariantError,
  type LastWords,
  type LogRecord,
  type NodeData,
  type NodeOperation,
  type NodeStat,
  NotFoundError,
  type ReadResult,
  type SessionToken,
  type TopicSpec,
  UnavailableError,
} from '@baton/core';

/** Raised whenever a message changes: clients and server of different builds refuse each other at the hello. */
export const PROTOCOL_VERSION = 2;

/** Bytes of records or documents that one request or answer carries at most (one item may always go). */
export const BATCH_BYTES_MAX = 8 * 1024 * 1024;

/** Longest wait of a `log.read`; a longer one is answered empty before its time. */
export const READ_WAIT_MS_MAX = 10_000;

/** A document as it travels and is stored: its fields serialised by the client. */
export interface EncodedDocument {
  readonly id: string;
  readonly body: Uint8Array;
}

interface CollectionRef {
  readonly namespace: string;
  readonly collection: string;
}

export interface Operations {
  hello: { request: { readonly protocol: number }; reply: null };

  /** Makes the nodes down to `root` where missing. The session is bound to this connection. */
  'session.open': {
    request: { readonly timeoutMs: number; readonly root: string };
    reply: { readonly id: bigint; readonly secret: string };
  };
  /** Proof of life and read barrier in one. */
  'session.ping': { request: object; reply: null };
  'session.close': { request: object; reply: null };
  /** Ends any session, after setting a node if told to and if there is one; an unknown session, or a wrong secret, changes nothing. */
  'session.end': {
    request: { readonly token: SessionToken; readonly lastWords?: LastWords };
    reply: null;
  };
  'node.get': { request: { readonly path: string; readonly watch: boolean }; reply: NodeData };
  'node.exists': {
    request: { readonly path: string; readonly watch: boolean };
    reply: NodeStat | undefined;
  };
  'node.children': { request: { readonly path: string; readonly watch: boolean }; reply: readonly string[] };
  /** All or nothing; one stat per operation (undefined for delete and check). */
  'node.transact': {
    request: { readonly operations: readonly NodeOperation[] };
    reply: { readonly zxid: bigint; readonly stats: readonly (NodeStat | undefined)[] };
  };

  'log.ensure': { request: { readonly topics: readonly TopicSpec[] }; reply: null };
  'log.partitions': { request: { readonly topic: string }; reply: number };
  'log.append': { request: { readonly records: readonly LogRecord[] }; reply: null };
  'log.read': {
    request: {
      readonly topic: string;
      readonly partition: number;
      readonly from: number;
      readonly waitMs: number;
      readonly maxBytes: number;
    };
    reply: ReadResult;
  };
  'log.bounds': {
    request: { readonly topic: string; readonly partition: number };
    reply: { readonly start: number; readonly end: number };
  };

  'documents.ensure': {
    request: { readonly namespace: string; readonly collections: readonly CollectionSpec[] };
    reply: null;
  };
  /** Per document whether it was stored (false: there is one with this id). */
  'documents.insert': {
    request: CollectionRef & { readonly documents: readonly EncodedDocument[] };
    reply: readonly boolean[];
  };
  /** Bodies of the first ids, at least one, as many as fit an answer. */
  'documents.get': {
    request: CollectionRef & { readonly ids: readonly string[] };
    reply: readonly (Uint8Array | undefined)[];
  };
  /** As many as fit an answer; `more`: ask again after the last one. */
  'documents.find': {
    request: CollectionRef & { readonly query: FindQuery };
    reply: { readonly documents: readonly EncodedDocument[]; readonly more: boolean };
  };
  'documents.replace': {
    request: CollectionRef & { readonly documents: readonly EncodedDocument[] };
    reply: null;
  };
  'documents.delete': { request: CollectionRef & { readonly ids: readonly string[] }; reply: null };
}

export type Operation = keyof Operations;
export type RequestOf<O extends Operation> = Operations[O]['request'];
export type ReplyOf<O extends Operation> = Operations[O]['reply'];

export type RequestMessage = { [O in Operation]: { readonly op: O } & RequestOf<O> }[Operation];

/** `changed`: data or existence of the node; `children`: its set of children; `expired`: the session is over. */
export type SessionEvent =
  | { readonly event: 'changed' | 'children'; readonly path: string }
  | { readonly event: 'expired'; readonly reason: string };

export type ServerMessage = { readonly ok: unknown } | { readonly error: WireError } | SessionEvent;

export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** The error a server answered, as the class its family prescribes. */
export function reviveError({ code, message, details }: WireError): Error {
  switch (familyOf({ code })) {
    case 'not-found':
      return new NotFoundError(code as 'BATON_NOT_FOUND_NODE', message, { details });
    case 'conflict':
      return new ConflictError(code as 'BATON_CONFLICT_BAD_VERSION', message, { details });
    case 'input':
      return new InputError(code as 'BATON_INPUT_INVALID', message, { details });
    case 'unavailable':
      return new UnavailableError(code as 'BATON_UNAVAILABLE_REFUSED', message, { details });
    default:
      return new InvariantError('BATON_INVARIANT_UNREACHABLE', `the embedded server answered: ${message}`, {
        details,
      });
  }
}
