import { describe, expect, it } from '@jest/globals';
import { InputError, NotFoundError, UnavailableError } from '@baton/core';
import { unsendable } from './task-message.js';

describe('unsendable', () => {
  it('fails the request when its arguments can never be sent: that must not end the process, nor the next owner', () => {
    expect(unsendable(new InputError('BATON_INPUT_TOO_LARGE', 'too large'))).toMatchObject({
      code: 'ARGUMENTS_TOO_LARGE',
      retryable: false,
    });
    const lost = { code: 'ARGUMENTS_LOST', message: 'payload', retryable: false };
    expect(unsendable(new NotFoundError('BATON_NOT_FOUND_DOCUMENT', 'payload'))).toMatchObject(lost);
    expect(unsendable(new InputError('BATON_INPUT_MALFORMED', 'payload'))).toMatchObject(lost);
  });

  it('tells nothing about arguments when a service is away', () => {
    expect(unsendable(new UnavailableError('BATON_UNAVAILABLE_DEADLINE', 'away'))).toBeUndefined();
  });
});
