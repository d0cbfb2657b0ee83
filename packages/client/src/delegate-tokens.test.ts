import { createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DelegateTokens } from './delegate-tokens.js';

/** Hostile tokens; `BATON_FUZZ=100000` for a long run. */
const rounds = Number(process.env['BATON_FUZZ'] ?? 2_000);

const key = (): string => randomBytes(32).toString('hex');
const requestId = 'order-42/approve#2[3]/execute/0.1';
const [own, next] = [key(), key()];
const tokens = new DelegateTokens(`# since May\n\n ${own}\r\n`);
const token = tokens.of(requestId) ?? '';

describe('tokens of delegates (C-1104)', () => {
  it('are the same each time, of at least 128 bits, fit a URL, and name their request', () => {
    expect(new DelegateTokens(own).of(requestId)).toBe(token);
    expect(token).toMatch(/^[A-Za-z0-9_-]{43,}$/);
    expect(tokens.requestOf(token)).toBe(requestId);
  });

  it('are for one attempt in one namespace', () => {
    expect(tokens.of('order-42/approve#2[3]/execute/0.2')).not.toBe(token);
    expect(new DelegateTokens(own, 'other').requestOf(token)).toBeUndefined();
  });

  it('outlive a change of the key, as long as the old one is known', () => {
    const changing = new DelegateTokens(`${next}\n${own}`);
    expect(changing.requestOf(token)).toBe(requestId);
    expect(changing.of(requestId)).toBe(new DelegateTokens(next).of(requestId));
    expect(new DelegateTokens(next).requestOf(token)).toBeUndefined();
  });

  it('are none without a key', () => {
    const none = new DelegateTokens('');
    expect([none.of(requestId), none.requestOf(token)]).toEqual([undefined, undefined]);
    const empty = createHmac('sha256', '').update(`baton delegate\0default\0${requestId}`).digest();
    const forged = Buffer.concat([empty, Buffer.from(requestId)]).toString('base64url');
    expect(none.requestOf(forged)).toBeUndefined();
  });

  it('take keys that nobody guesses, and never show one', () => {
    const short = 'swordfish';
    expect(() => new DelegateTokens(`${own}\n${short}`)).toThrow(/^delegate\.keys: key 2 has 9 characters/);
    expect(() => new DelegateTokens(short)).toThrow(expect.not.stringContaining(short) as never);
    expect(() => new DelegateTokens(Array.from({ length: 17 }, key).join('\n'))).toThrow(/at most 16 keys/);
  });

  it(`that are none are taken for none (${rounds} hostile ones)`, () => {
    const bytes = Buffer.from(token, 'base64url');
    const flipped = fc
      .tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }))
      .map(([at, by]) =>
        Buffer.from(bytes.map((byte, n) => (n === at ? byte ^ by : byte))).toString('base64url'),
      );
    const cut = fc.nat(token.length - 1).map((length) => token.slice(0, length));
    const spliced = fc
      .tuple(fc.nat(token.length), fc.string({ minLength: 1, maxLength: 8, unit: 'binary' }))
      .map(([at, more]) => token.slice(0, at) + more + token.slice(at));
    const ofAnother = fc
      .string({ unit: 'binary', maxLength: 80 })
      .filter((id) => id !== requestId)
      .map((id) => Buffer.concat([bytes.subarray(0, 32), Buffer.from(id)]).toString('base64url'));
    const foreign = fc.string({ maxLength: 80 }).map((id) => new DelegateTokens(next).of(id) ?? '');
    const anything = fc.string({ maxLength: 4_000, unit: 'binary' });
    const hostile = fc.oneof(flipped, cut, spliced, ofAnother, foreign, anything);
    fc.assert(
      fc.property(hostile, (given) => {
        expect(tokens.requestOf(given)).toBeUndefined();
      }),
      { numRuns: rounds },
    );
  });
});
