import type { Operation, ReplyOf, RequestOf, SessionEvent } from './protocol.js';

/** The client at the other end of a connection, as the services see it. */
export interface Peer {
  tell(event: SessionEvent): void;
  /** Sends what is due, then closes. */
  end(): void;
}

/**
 * What a service answers to its group of operations (`session`, `node`, `log`, `documents`). The server answers after the
 * commit of the turn; a promise is an answer that waits for an event.
 * A Baton error thrown is answered; anything else thrown is a malformed request and closes the connection.
 */
export type Handlers<G extends string> = {
  readonly [O in Extract<Operation, `${G}.${string}`>]: (
    request: RequestOf<O>,
    peer: Peer,
  ) => ReplyOf<O> | Promise<ReplyOf<O>>;
};
