import { describe, expect, it } from '@jest/globals';
import { Tokens, newToken } from './tokens.js';

describe('tokens', () => {
  const own = newToken('ann', 'operator');
  const ended = newToken('bob', 'viewer', '2030-01-31');
  const tokens = new Tokens(`# people\n\n ${own.line}\r\n${ended.line}`);
  const nowMs = Date.UTC(2030, 0, 30);

  it('are known by their hash, until they end', () => {
    expect(tokens.count).toBe(2);
    expect(tokens.holder(`Bearer ${own.token}`, nowMs)).toEqual({
      ...{ name: 'ann', role: 'operator', untilMs: Infinity },
    });
    expect(tokens.holder(`bearer ${ended.token}`, nowMs)).toEqual({
      ...{ name: 'bob', role: 'viewer', untilMs: Date.UTC(2030, 0, 31) },
    });
    expect(tokens.holder(`Bearer ${ended.token}`, Date.UTC(2030, 0, 31))).toBeUndefined();
    expect(own.line).not.toContain(own.token);
  });

  it.each([
    undefined,
    '',
    own.token,
    'Bearer',
    'Bearer ',
    'Bearer undefined',
    `Basic ${own.token}`,
    `Bearer ${own.token}x`,
    `Bearer ${own.token.slice(0, -1)}`,
    `Bearer ${own.token} ${own.token}`,
    `Bearer ${own.line.split(' ')[2]}`,
    `Bearer ${'x'.repeat(10_000)}`,
  ])('nobody is let in with %s', (authorization) => {
    expect(tokens.holder(authorization, nowMs)).toBeUndefined();
  });

  it.each([
    ['a token itself', `ann operator ${own.token}`, /^line 1 of http\.tokens must be: name, role/],
    ['a role that is none', `ann king ${'0'.repeat(64)}`, /role king must be one of viewer/],
    ['a date that is none', `ann viewer ${'0'.repeat(64)} 2030-13-45`, /^line 1 of http\.tokens must be/],
    ['too much', `${own.line} 2030-01-01 x`, /^line 1/],
  ])('refuses %s, without showing it', (_, text, message) => {
    expect(() => new Tokens(text)).toThrow(message);
    expect(() => new Tokens(text)).toThrow(expect.not.stringContaining(own.token) as never);
  });

  it('are made only with a name and a role that can be read again', () => {
    expect(() => newToken('a b', 'viewer')).toThrow(/^line 1/);
    expect(() => newToken('a', 'king')).toThrow(/role king/);
    expect(newToken('a', 'viewer').token).not.toBe(newToken('a', 'viewer').token);
  });
});
