import { describe, expect, it } from '@jest/globals';
import {
  encodeGuardMessage,
  guardMessageReader,
  headsPerMessageMax,
  type GuardMessage,
} from './guard-message.js';

function readAll(...chunks: readonly string[]): GuardMessage[] {
  const messages: GuardMessage[] = [];
  const read = guardMessageReader((message) => messages.push(message));
  for (const chunk of chunks) read(chunk);
  return messages;
}

const session: GuardMessage = { type: 'session', token: { sessionId: '0x1', secret: 'c2VjcmV0' } };
const progress: GuardMessage = { type: 'progress', count: 3 };
const none: GuardMessage = { type: 'session', token: null };
const heads: GuardMessage = {
  type: 'heads',
  heads: [
    ['a', 4],
    ['b', null],
  ],
};

describe('messages of a child to its guard', () => {
  it('arrive as they were sent, however they are cut', () => {
    const all = [session, progress, heads, none];
    const text = all.map(encodeGuardMessage).join('');
    for (let cut = 0; cut <= text.length; cut++)
      expect(readAll(text.slice(0, cut), text.slice(cut))).toEqual(all);
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
      '{"type":"heads"}',
      '{"type":"heads","heads":{"a":1}}',
      '{"type":"heads","heads":["a"]}',
      '{"type":"heads","heads":[["a","1"]]}',
      '{"type":"heads","heads":[["a",0.5]]}',
      '{"type":"heads","heads":[[1,1]]}',
    ];
    expect(readAll(`${noise.join('\n')}\n`, encodeGuardMessage(progress))).toEqual([progress]);
  });

  it('have a bound: what never ends a line is dropped', () => {
    expect(readAll('x'.repeat(70_000), 'y\n', encodeGuardMessage(progress))).toEqual([progress]);
  });

  it('fit their bound with as many heads as one may hold, of the longest ids', () => {
    const many: GuardMessage = {
      type: 'heads',
      heads: Array.from({ length: headsPerMessageMax }, (_, n) => [
        'j'.repeat(128 - String(n).length) + n,
        Number.MAX_SAFE_INTEGER,
      ]),
    };
    const text = encodeGuardMessage(many);
    expect(readAll(text.slice(0, -1), text.slice(-1))).toEqual([many]);
  });
});
