/**
 * Purpose: one client's connection at the server: frames in, answers and events out.
 * States: open → ending (told to, sends what is due) → closed.
 * Order: answers leave in the order of their requests; an answer that waits holds back those behind it, and what was told in
 * between keeps its place. Everything of one turn leaves in one write, by `flush()`.
 * On failure: bytes that are no messages close this connection and no other.
 */
import type { Socket } from 'node:net';
import { BatonError, type Logger } from '@baton/core';
import { encodeFrame, FrameDecoder } from './frames.js';
import type { Peer } from './handlers.js';
import type { RequestMessage, ServerMessage, SessionEvent } from './protocol.js';

/** Above it nothing more is read from a client that does not fetch its answers; at the second it is cut off. */
const UNSENT_BYTES_PAUSE = 16 * 1024 * 1024;
const UNSENT_BYTES_MAX = 64 * 1024 * 1024;

/** One place in the order of what is sent; empty while an answer waits. */
interface Slot {
  message: ServerMessage | undefined;
}

export interface ConnectionEvents {
  /** Bytes came: the client lives. */
  onHeard(connection: ServerConnection): void;
  /** Gives the answer, or a promise of one that waits. */
  onRequest(connection: ServerConnection, request: RequestMessage): unknown;
  /** Something is to be flushed at the end of the turn. */
  onDue(connection: ServerConnection): void;
  /** The client ended or the connection broke. Once. */
  onGone(connection: ServerConnection): void;
}

export class ServerConnection implements Peer {
  readonly #socket: Socket;
  readonly #events: ConnectionEvents;
  readonly #logger: Logger;
  readonly #decoder = new FrameDecoder();
  #slots: Slot[] = [];
  #ending = false;
  #gone = false;

  constructor(socket: Socket, options: { readonly events: ConnectionEvents; readonly logger: Logger }) {
    this.#socket = socket;
    this.#events = options.events;
    this.#logger = options.logger;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => socket.resume());
    socket.on('error', () => undefined); // 'close' follows and says all there is to do
    // the end of a killed process's stream comes before 'close': not waiting for the rest frees its locks sooner
    socket.on('end', () => this.#leave());
    socket.on('close', () => this.#leave());
  }

  tell(event: SessionEvent): void {
    this.#push(event);
  }

  end(): void {
    this.#ending = true;
    this.#events.onDue(this);
  }

  /** Writes everything that is due, up to the first answer that still waits. */
  flush(): void {
    const waiting = this.#slots.findIndex(({ message }) => message === undefined);
    const due = this.#slots.splice(0, waiting === -1 ? this.#slots.length : waiting);
    if (due.length > 0 && !this.#gone) this.#write(due.map(({ message }) => encodeFrame(message)));
    if (this.#ending) this.#socket.end();
  }

  /** Without a word: whatever the client waits for has an unknown outcome. */
  destroy(): void {
    this.#socket.destroy();
  }

  #write(frames: readonly Buffer[]): void {
    this.#socket.write(frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames));
    if (this.#socket.writableLength > UNSENT_BYTES_MAX) {
      this.#logger.warn('client cut off: it does not read', { unsentBytes: this.#socket.writableLength });
      this.#socket.destroy();
    } else if (this.#socket.writableLength > UNSENT_BYTES_PAUSE) this.#socket.pause();
  }

  #receive(chunk: Buffer): void {
    this.#events.onHeard(this);
    try {
      for (const message of this.#decoder.push(chunk)) {
        if (this.#ending || this.#gone) return;
        this.#answer(message as RequestMessage);
      }
    } catch (error) {
      this.#cut(error);
    }
  }

  #answer(request: RequestMessage): void {
    try {
      const answer = this.#events.onRequest(this, request);
      if (answer instanceof Promise) this.#answerLater(answer);
      else this.#push({ ok: answer });
    } catch (error) {
      this.#push(errorMessage(error));
    }
  }

  #answerLater(answer: Promise<unknown>): void {
    const slot: Slot = { message: undefined };
    this.#slots.push(slot);
    const fill = (message: ServerMessage) => {
      slot.message = message;
      this.#events.onDue(this);
    };
    answer
      .then(
        (ok) => fill({ ok }),
        (error: unknown) => fill(errorMessage(error)),
      )
      .catch((error: unknown) => this.#cut(error));
  }

  #push(message: ServerMessage): void {
    if (this.#gone) return;
    this.#slots.push({ message });
    this.#events.onDue(this);
  }

  #cut(error: unknown): void {
    this.#logger.warn('connection closed: malformed message', { error: String(error) });
    this.#socket.destroy();
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#slots = [];
    this.#events.onGone(this);
  }
}

/** @throws what is no Baton error: the request was malformed */
function errorMessage(error: unknown): ServerMessage {
  if (!(error instanceof BatonError)) throw error;
  const { code, message, details } = error;
  return { error: { code, message, details } };
}
