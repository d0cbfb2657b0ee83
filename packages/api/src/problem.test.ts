import { describe, expect, it } from '@jest/globals';
import { ConflictError, DefinitionError, InputError, NotFoundError, UnavailableError } from '@baton/core';
import { problemOf } from './problem.js';

describe('a problem', () => {
  it.each<[Error, number]>([
    [new InputError('BATON_INPUT_INVALID', 'x'), 400],
    [new InputError('BATON_INPUT_UNAUTHENTICATED', 'x'), 401],
    [new InputError('BATON_INPUT_FORBIDDEN', 'x'), 403],
    [new NotFoundError('BATON_NOT_FOUND_JOB', 'x'), 404],
    [new ConflictError('BATON_CONFLICT_ENDED', 'x'), 409],
    [new ConflictError('BATON_CONFLICT_SEQUENCE', 'x'), 412],
    [new InputError('BATON_INPUT_TOO_LARGE', 'x'), 413],
    [new DefinitionError('BATON_DEFINITION_CYCLE', 'x'), 422],
    [new UnavailableError('BATON_UNAVAILABLE_BOARD_FULL', 'x'), 429],
    [new UnavailableError('BATON_UNAVAILABLE_SESSION_LOST', 'x'), 503],
  ])('%s has its status, its hint and its page', (error, status) => {
    const { code } = error as InputError;
    expect(problemOf(error, 'r')).toMatchObject({
      status,
      body: { error: { code, message: 'x', docs: `packages/core/ERRORS.md#${code.toLowerCase()}` } },
    });
  });

  it('of what is not known says nothing but where to look', () => {
    const secret = Object.assign(new Error('password=hunter2'), { code: 'ECONNREFUSED' });
    for (const error of [secret, 'password=hunter2', undefined, { statusCode: 500, message: 'hunter2' }]) {
      const problem = problemOf(error, 'r-7');
      expect(problem).toMatchObject({
        status: 500,
        body: { error: { code: 'BATON_INVARIANT_UNEXPECTED', details: { requestId: 'r-7' } } },
      });
      expect(JSON.stringify(problem)).not.toContain('hunter2');
    }
  });

  it('of what the HTTP library refuses has the status that it gives', () => {
    const late = { code: 'FST_ERR_HANDLER_TIMEOUT', statusCode: 503, message: 'x' };
    expect(problemOf(late, 'r')).toMatchObject({
      status: 503,
      headers: { 'retry-after': '5' },
      body: { error: { code: 'BATON_UNAVAILABLE_DEADLINE' } },
    });
    expect(problemOf({ statusCode: 415, message: 'x' }, 'r').status).toBe(415);
  });

  it('of a code that only looks like one of ours is not known', () => {
    const error = Object.assign(new Error('hunter2'), { code: 'BATON_INPUT_toString' });
    expect(problemOf(error, 'r').body.error.code).toBe('BATON_INVARIANT_UNEXPECTED');
  });
});
