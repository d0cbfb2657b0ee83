import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeFrame, FRAME_BYTES_MAX, FrameDecoder } from './frames.js';

function decodeInPieces(bytes: Buffer, pieceBytes: number): unknown[] {
  const decoder = new FrameDecoder();
  const messages: unknown[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes)
    messages.push(...decoder.push(bytes.subarray(at, at + pieceBytes)));
  return messages;
}

describe('frames', () => {
  it('come out as they went in, however the stream is cut', () => {
    const message = fc.record({
      text: fc.string({ unit: 'binary' }),
      big: fc.bigInt(),
      bytes: fc.uint8Array(),
      list: fc.array(fc.option(fc.integer(), { nil: undefined })),
    });
    fc.assert(
      fc.property(fc.array(message), fc.integer({ min: 1, max: 50 }), (messages, pieceBytes) => {
        const stream = Buffer.concat(messages.map(encodeFrame));
        expect(decodeInPieces(stream, pieceBytes)).toEqual(messages);
      }),
    );
  });

  it('of many chunks are joined in linear time', () => {
    const frame = encodeFrame(Buffer.alloc(FRAME_BYTES_MAX - 100));
    const startedMs = performance.now();
    expect(decodeInPieces(frame, 4_096)).toHaveLength(1);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });

  it('too long, or holding anything else, are malformed', () => {
    const code = 'BATON_INPUT_MALFORMED';
    const tooLong = Buffer.alloc(4);
    tooLong.writeUInt32BE(FRAME_BYTES_MAX + 1);
    expect(() => decodeInPieces(tooLong, 4)).toThrow(expect.objectContaining({ code }));
    expect(() => decodeInPieces(Buffer.from('\0\0\0\x03abc'), 7)).toThrow(expect.objectContaining({ code }));
    expect(() => encodeFrame(Buffer.alloc(FRAME_BYTES_MAX))).toThrow(
      expect.objectContaining({ code: 'BATON_INPUT_TOO_LARGE' }),
    );
  });
});
