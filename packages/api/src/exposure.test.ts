import { describe, expect, it } from '@jest/globals';
import { checkExposure, checkSameMachine, isLoopback } from './exposure.js';

describe('where the API may listen', () => {
  it.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost', 'LOCALHOST'])('%s is this machine', (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each(['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example', '127.1', 'localhost.example', ''])(
    '%p is not, or not surely',
    (host) => expect(isLoopback(host)).toBe(false),
  );

  const bare = { hasTokens: false, hasTls: false, insecure: false };
  it.each([
    ['127.0.0.1', bare, undefined],
    ['0.0.0.0', bare, /no tokens/],
    ['0.0.0.0', { ...bare, hasTls: true, insecure: true }, /no tokens/],
    ['0.0.0.0', { ...bare, hasTokens: true }, /plain text/],
    ['0.0.0.0', { ...bare, hasTokens: true, hasTls: true }, undefined],
    ['0.0.0.0', { ...bare, hasTokens: true, insecure: true }, undefined],
  ])('%s with %o', (host, given, refusal) => {
    const check = () => checkExposure({ host, ...given });
    if (refusal === undefined) expect(check).not.toThrow();
    else {
      expect(check).toThrow(expect.objectContaining({ code: 'BATON_INPUT_EXPOSED' }) as never);
      expect(check).toThrow(refusal);
    }
  });
});

describe('who may ask without a token', () => {
  it.each([
    [{ host: '127.0.0.1:7450' }],
    [{ host: 'localhost:7450' }],
    [{ host: '[::1]:7450' }],
    [{ host: 'localhost:7450', origin: 'http://localhost:7450' }],
  ])('%o may', (headers) => expect(() => checkSameMachine(headers)).not.toThrow());

  it.each([
    [{}],
    [{ host: 'evil.example' }],
    [{ host: 'localhost@evil.example' }],
    [{ host: '127.0.0.1.evil.example:7450' }],
    [{ host: 'localhost:7450', origin: 'http://evil.example' }],
    [{ host: 'localhost:7450', origin: 'null' }],
    [{ host: 'localhost:7450', origin: 'http://localhost:3000' }],
  ])('%o may not', (headers) =>
    expect(() => checkSameMachine(headers)).toThrow(
      expect.objectContaining({ code: 'BATON_INPUT_FORBIDDEN' }) as never,
    ),
  );
});
