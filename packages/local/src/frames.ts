/**
 * Purpose: messages on a byte stream. A frame is a 32-bit big-endian length followed by so many bytes of V8's structured
 * serialisation (bigint, bytes and undefined survive; both ends are the same build, which the hello makes sure of).
 * States: a decoder holds the bytes of at most one unfinished frame.
 * On failure: a frame that is too long or cannot be decoded throws `BATON_INPUT_MALFORMED`; the stream is unusable after it.
 */
import { DefaultSerializer, deserialize } from 'node:v8';
import { InputError } from '@baton/core';

/** Bytes of one frame's message. Requests and answers are cut to half of it by whoever makes them. */
export const FRAME_BYTES_MAX = 16 * 1024 * 1024;
const HEADER_BYTES = 4;

/** One frame. @throws InputError `BATON_INPUT_TOO_LARGE` above `FRAME_BYTES_MAX`. */
export function encodeFrame(message: unknown): Buffer {
  const serializer = new DefaultSerializer();
  serializer.writeRawBytes(Buffer.alloc(HEADER_BYTES)); // room for the length: saves a copy of the message
  serializer.writeHeader();
  serializer.writeValue(message);
  const frame = serializer.releaseBuffer();
  const bytes = frame.length - HEADER_BYTES;
  if (bytes > FRAME_BYTES_MAX)
    throw new InputError('BATON_INPUT_TOO_LARGE', `message of ${bytes} bytes is above ${FRAME_BYTES_MAX}`);
  frame.writeUInt32BE(bytes, 0);
  return frame;
}

export class FrameDecoder {
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Bytes to have before looking again: the header, then the whole frame. Keeps joining chunks linear. */
  #wanted = HEADER_BYTES;

  /** Messages completed by this chunk, in order. Bytes inside them are views on received memory. */
  *push(chunk: Buffer): Generator<unknown, void, void> {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    while (this.#bytes >= this.#wanted) {
      const buffer = this.#join();
      const length = buffer.readUInt32BE(0);
      if (length > FRAME_BYTES_MAX)
        throw new InputError('BATON_INPUT_MALFORMED', `frame of ${length} bytes is above ${FRAME_BYTES_MAX}`);
      this.#wanted = HEADER_BYTES + length;
      if (buffer.length < this.#wanted) return;
      const message = decode(buffer.subarray(HEADER_BYTES, this.#wanted));
      this.#chunks = [buffer.subarray(this.#wanted)];
      this.#bytes -= this.#wanted;
      this.#wanted = HEADER_BYTES;
      yield message;
    }
  }

  #join(): Buffer {
    const joined =
      this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks, this.#bytes);
    this.#chunks = [joined];
    return joined;
  }
}

function decode(bytes: Buffer): unknown {
  try {
    return deserialize(bytes);
  } catch (cause) {
    throw new InputError('BATON_INPUT_MALFORMED', 'a frame does not hold a serialised message', { cause });
  }
}
