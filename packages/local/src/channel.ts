/**
 * Purpose: a client's connection to the embedded server: requests out, answers and events in.
 * States: connecting (inside `open`) → open → ended (final): a new connection is a new channel.
 * Order: requests are carried out, and answers come, in the order of the calls. The calls of one tick leave in one write.
 * On failure: calls under way reject with `BATON_UNAVAILABLE_OUTCOME_UNKNOWN`, later ones with `..._DISCONNECTED`. A server
 * that answers nothing for `answerMs` although something is asked counts as gone.
 */
import { connect, type Socket } from 'node:net';
import { familyOf, UnavailableError } from '@baton/core';
import { parseAddress } from './address.js';
import { encodeFrame, FrameDecoder } from './frames.js';
import {
  type Operation,
  PROTOCOL_VERSION,
  type ReplyOf,
  type RequestOf,
  reviveError,
  type ServerMessage,
  type SessionEvent,
} from './protocol.js';
import { SilenceTimer } from './silence-timer.js';

const RETRY_PAUSE_MS = { first: 10, most: 200 };

export interface ChannelOptions {
  /** Longest silence while an answer is due. */
  readonly answerMs: number;
  readonly onEvent?: (event: SessionEvent) => void;
  /** Bytes came. */
  readonly onHeard?: () => void;
  /** Once, when an open channel ends for whatever reason, after its calls were rejected. */
  readonly onEnd?: () => void;
}

interface Call {
  readonly op: Operation;
  readonly onAnswer: (() => void) | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export class Channel {
  readonly #socket: Socket;
  readonly #options: ChannelOptions;
  readonly #decoder = new FrameDecoder();
  readonly #silence: SilenceTimer;
  readonly #underWay: Call[] = [];
  #outgoing: Buffer[] = [];
  #ended = false;

  /**
   * One attempt.
   * @throws UnavailableError `BATON_UNAVAILABLE_DISCONNECTED` when there is no server, `BATON_UNAVAILABLE_REFUSED` when it is of
   *   another build; InputError `BATON_INPUT_INVALID` for a bad address.
   */
  static async open(address: string, options: ChannelOptions): Promise<Channel> {
    const channel = new Channel(connect(parseAddress(address)), options);
    try {
      await channel.call('hello', { protocol: PROTOCOL_VERSION });
      return channel;
    } catch (error) {
      channel.destroy();
      if (error instanceof UnavailableError && error.code === 'BATON_UNAVAILABLE_REFUSED') throw error;
      throw new UnavailableError(
        'BATON_UNAVAILABLE_DISCONNECTED',
        `no embedded server answers at ${address}`,
        { cause: error },
      );
    }
  }

  private constructor(socket: Socket, options: ChannelOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#silence = new SilenceTimer({
      limitMs: options.answerMs,
      onSilence: () => {
        if (this.#underWay.length > 0) this.destroy();
      },
    });
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#end(error));
    socket.on('end', () => this.#end(undefined));
    socket.on('close', () => this.#end(undefined));
  }

  /**
   * `onAnswer` runs when the answer is read, before anything behind it is.
   * @throws what the server answered; UnavailableError (see the head of this file); InputError when it is too large
   */
  call<O extends Operation>(op: O, request: RequestOf<O>, onAnswer?: () => void): Promise<ReplyOf<O>> {
    return new Promise((resolve, reject) => {
      if (this.#ended)
        return reject(new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'the connection is closed'));
      const frame = encodeFrame({ ...request, op }); // what it throws rejects the call
      if (this.#underWay.length === 0) this.#silence.heard(); // silence counts from the first question
      this.#underWay.push({ op, onAnswer, resolve: resolve as (value: unknown) => void, reject });
      if (this.#outgoing.push(frame) === 1) process.nextTick(() => this.#flush());
    });
  }

  /** Ends it at once. Idempotent. */
  destroy(): void {
    this.#socket.destroy();
    this.#end(undefined);
  }

  #flush(): void {
    const frames = this.#outgoing;
    this.#outgoing = [];
    if (this.#ended) return;
    this.#socket.write(frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames));
  }

  #receive(chunk: Buffer): void {
    this.#silence.heard();
    this.#options.onHeard?.();
    try {
      for (const message of this.#decoder.push(chunk)) this.#take(message as ServerMessage);
    } catch (error) {
      this.#socket.destroy();
      this.#end(error);
    }
  }

  #take(message: ServerMessage): void {
    if ('event' in message) return this.#options.onEvent?.(message);
    const call = this.#underWay.shift();
    if ('error' in message) return call?.reject(reviveError(message.error));
    call?.onAnswer?.();
    call?.resolve(message.ok);
  }

  #end(cause: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#silence.stop();
    for (const { op, reject } of this.#underWay.splice(0))
      reject(
        new UnavailableError(
          'BATON_UNAVAILABLE_OUTCOME_UNKNOWN',
          `the connection to the embedded server ended before it answered ${op}`,
          { cause, details: { operation: op } },
        ),
      );
    this.#options.onEnd?.();
  }
}

/** Tries to open a channel until `withinMs` have passed: a server that is being restarted is waited for. @throws as `open` */
export async function openChannelWithin(
  address: string,
  { withinMs, ...options }: ChannelOptions & { readonly withinMs: number },
): Promise<Channel> {
  const untilMs = performance.now() + withinMs;
  for (let pauseMs = RETRY_PAUSE_MS.first; ; pauseMs = Math.min(pauseMs * 2, RETRY_PAUSE_MS.most)) {
    try {
      return await openBefore(untilMs, address, options);
    } catch (error) {
      const again = familyOf(error) === 'unavailable' && !isRefusal(error);
      if (!again || performance.now() + pauseMs >= untilMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** A server that accepts and never greets must not hold the caller past its deadline. */
async function openBefore(untilMs: number, address: string, options: ChannelOptions): Promise<Channel> {
  const restMs = Math.max(1, untilMs - performance.now());
  let timer: NodeJS.Timeout | undefined;
  const opening = Channel.open(address, options);
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', `no embedded server answers at ${address}`),
        ),
      restMs,
    );
  });
  try {
    return await Promise.race([opening, late]);
  } catch (error) {
    opening.then(
      (channel) => channel.destroy(),
      () => undefined,
    );
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof UnavailableError && error.code === 'BATON_UNAVAILABLE_REFUSED';
}
