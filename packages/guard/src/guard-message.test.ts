import { describe, expect, it } from '@jest/globals';
import { encodeGuardMessage, guardMessageReader, type GuardMessage } from './guard-message.js';

function readAll(...chunks: readonly string[]): GuardMessage[] {
  const messages: GuardMessage[] = [];
  const read = guardMessageReader((message) => messages.push(message));
  for (const chunk of chunks) read(chunk);
  return messages;
}

const session: GuardMessage = { type: 'session', token: { sessionId: '0x1', secret: 'c2VjcmV0' } };
const progress: GuardMessage = { type: 'progress', count: 3 };
const none: GuardMessage = { type: 'session', token: null };

describe('messages of a child to its guard', () => {
  it('arrive as they were sent, however they are cut', () => {
    const text = [session, progress, none].map(encodeGuardMessage).join('');
    for (let cut = 0; cut <= text.length; cut++)
      expect(readAll(text.slice(0, cut), text.slice(cut))).toEqual([session, progress, none]);
  });

  it('are passed over when they are none', () => {
    const noise = [
      '',
      'null',
      '[]',
      '"x"',
      '{',
      '{"type":"else"}',
      '{"type":"session"}',
      '{"type":"session","token":{"sessionId":1}}',
    ];
    expect(readAll(`${noise.join('\n')}\n`, encodeGuardMessage(progress))).toEqual([progress]);
  });

  it('have a bound: what never ends a line is dropped', () => {
    expect(readAll('x'.repeat(5_000), 'y\n', encodeGuardMessage(progress))).toEqual([progress]);
  });
});
