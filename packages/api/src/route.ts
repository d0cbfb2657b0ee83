/** What a route is: one description, from which requests are validated, access is decided and the OpenAPI document is written. */
import type { Client } from '@baton/client';
import type { Runtime } from '@baton/core';
import type { BoardFeed } from './board-feed.js';
import type { Principal, Role } from './tokens.js';

/** JSON Schema, of the words that draft 7 (which validates) and OpenAPI 3.1 both know. */
export type Schema = Readonly<Record<string, unknown>>;

export interface Answer {
  readonly about: string;
  /** Absent: without a body. */
  readonly schema?: Schema;
  /** Default `application/json`. */
  readonly type?: string;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `:name` for what varies. */
  readonly path: string;
  /** Who may. */
  readonly role: Role;
  /** Its parameter `delegate` may be the token of one, which takes no other credential. */
  readonly takesDelegateToken?: true;
  readonly summary: string;
  readonly params?: ObjectSchema;
  readonly query?: ObjectSchema;
  readonly headers?: ObjectSchema;
  readonly body?: ObjectSchema;
  /** Who follows a link with a browser (`Accept: text/html`) has the answer as this page, and may send the body as a form. */
  readonly page?: (answer: object, delegate: string) => string;
  /** By status; what is refused is in `problems`. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** Statuses of problem documents, beside those that every route has. */
  readonly problems: readonly number[];
  readonly handle: (asked: Asked) => Promise<Reply>;
}

export type ObjectSchema = Schema & {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
};

/** A request that has passed the schemas of its route. */
export interface Asked {
  readonly client: Client;
  /** All jobs on the board: the whole board is read, so those who ask at the same time share one reading. */
  readonly openJobs: Client['jobs'];
  readonly feed: BoardFeed;
  readonly runtime: Runtime;
  readonly principal: Principal;
  /** How long from now the answer of a delegate may be waited for at most. */
  readonly delegateWaitMaxMs: number;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | number | undefined>>;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Readonly<Record<string, unknown>>;
  /** Aborted when whoever asked has gone, or the server stops. */
  readonly signal: AbortSignal;
}

export type Reply =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: object }
  | { readonly stream: AsyncIterable<StreamEvent> };

/** One of a server-sent stream. */
export interface StreamEvent {
  /** What `Last-Event-ID` names. */
  readonly id: string;
  readonly event: string;
  readonly data: object;
}

/** Statuses that any route may answer with. */
export const commonProblems = [400, 401, 403, 404, 429, 500, 503] as const;
export const bodyProblems = [413, 415] as const;
