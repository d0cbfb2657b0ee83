import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { errorCodes } from './error-codes.js';
import type { ErrorDoc } from './error-codes.js';
import { codeOf, ConflictError, familyOf, InputError, NotFoundError } from './errors.js';

const families = {
  INPUT: 'InputError: a bad option or payload. Exit code 2, HTTP 400.',
  DEFINITION: 'DefinitionError: a bad flow. Exit code 2, HTTP 422.',
  NOT_FOUND: 'NotFoundError: something that is not there. Exit code 5, HTTP 404.',
  CONFLICT: 'ConflictError: somebody else was first, or the state forbids it. Exit code 6, HTTP 409.',
  UNAVAILABLE: 'UnavailableError: a service is away or a deadline passed. Exit code 7, HTTP 503.',
  INVARIANT: 'InvariantError: the impossible; the process ends with a report. Exit code 70, HTTP 500.',
} as const;

/** The page as the table says it must be. */
function page(): string {
  const sections = Object.entries(families).map(([family, about]) => {
    const codes = Object.entries<ErrorDoc>(errorCodes).filter(
      ([code]) => familyOf({ code }) === family.toLowerCase().replace('_', '-'),
    );
    return [`## ${about}`, ...codes.map(entry)].join('\n\n');
  });
  return (
    [
      '# Errors',
      'Generated from `src/error-codes.ts`; a test compares them. Decide by `code`, never by the message.',
      ...sections,
    ].join('\n\n') + '\n'
  );
}

function entry([code, { cause, check, remedy }]: readonly [string, ErrorDoc]): string {
  return `### ${code}\n\n- Cause: ${cause}\n- Check: ${check}\n- Remedy: ${remedy}`;
}

describe('errors', () => {
  it('are told apart by code and family, also when made by another copy of this package', () => {
    const foreign = Object.assign(new Error('x'), { code: 'BATON_CONFLICT_FENCED' });
    expect([codeOf(foreign), familyOf(foreign)]).toEqual(['BATON_CONFLICT_FENCED', 'conflict']);
    expect(familyOf(new NotFoundError('BATON_NOT_FOUND_JOB', 'x'))).toBe('not-found');
    for (const other of [
      undefined,
      null,
      'BATON_INPUT_INVALID',
      new Error('x'),
      { code: 5 },
      { code: 'ENOENT' },
    ])
      expect([codeOf(other), familyOf(other)]).toEqual([undefined, undefined]);
  });

  it('carry their name, cause and details', () => {
    const cause = new Error('inner');
    const error = new ConflictError('BATON_CONFLICT_FENCED', 'gone', { cause, details: { seq: 4 } });
    expect([error.name, error.message, error.cause, error.details]).toEqual([
      'ConflictError',
      'gone',
      cause,
      { seq: 4 },
    ]);
    expect('cause' in new InputError('BATON_INPUT_INVALID', 'x')).toBe(false);
  });

  it('have a family each, and cause, check and remedy on the page (BATON_RECORD=1 writes it)', () => {
    for (const code of Object.keys(errorCodes)) expect([code, familyOf({ code })]).not.toContain(undefined);
    const file = fileURLToPath(new URL('../ERRORS.md', import.meta.url));
    if (process.env['BATON_RECORD'] === '1') writeFileSync(file, page());
    expect(readFileSync(file, 'utf8')).toBe(page());
  });
});
