/**
 * Purpose: a channel that is opened again by the next call after it ended, for clients without a session.
 * States: idle → connecting → open → idle …; closed (final).
 * On failure: a call waits up to a second for a server that is away (a restart goes unnoticed), then rejects with
 * `BATON_UNAVAILABLE_DISCONNECTED`; a call whose connection ended under way is never repeated here.
 */
import { UnavailableError } from '@baton/core';
import { type Channel, openChannelWithin } from './channel.js';
import type { Operation, ReplyOf, RequestOf } from './protocol.js';

const CONNECT_PATIENCE_MS = 1_000;
/** Above the longest wait of a read. */
const ANSWER_MS = 20_000;

export class Link {
  readonly #address: string;
  #channel: Channel | undefined;
  #connecting: Promise<Channel> | undefined;
  #closed = false;

  constructor(address: string) {
    this.#address = address;
  }

  /** Connects now instead of at the first call. */
  async open(): Promise<void> {
    await this.#connect();
  }

  async call<O extends Operation>(op: O, request: RequestOf<O>): Promise<ReplyOf<O>> {
    const channel = this.#channel ?? (await this.#connect());
    return channel.call(op, request);
  }

  /** Calls under way reject. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#channel?.destroy();
    await this.#connecting?.catch(() => undefined);
  }

  #connect(): Promise<Channel> {
    if (this.#closed)
      return Promise.reject(
        new UnavailableError(
          'BATON_UNAVAILABLE_DISCONNECTED',
          'this client of the embedded server is closed',
        ),
      );
    this.#connecting ??= this.#openChannel().finally(() => (this.#connecting = undefined));
    return this.#connecting;
  }

  async #openChannel(): Promise<Channel> {
    const channel = await openChannelWithin(this.#address, {
      withinMs: CONNECT_PATIENCE_MS,
      answerMs: ANSWER_MS,
      onEnd: () => (this.#channel = undefined),
    });
    if (this.#closed) channel.destroy();
    else this.#channel = channel;
    return channel;
  }
}
