import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { errorCodes, type ErrorDoc } from '@baton/core';
import { read, root, shipped } from './sources.js';

const page = 'packages/core/ERRORS.md';
const table: Readonly<Record<string, ErrorDoc>> = errorCodes;
const sources = shipped.filter((path) => path !== 'packages/core/src/error-codes.ts').map(read);

describe('error codes', () => {
  it(`are documented in ${page} (RECORD=1 writes it)`, () => {
    const expected = errorsPage();
    if (process.env['RECORD'] === '1') writeFileSync(join(root, page), expected);
    expect(read(page)).toBe(expected);
  });

  it('that sources name exist', () => {
    const named = new Set(
      sources.flatMap(
        (text) =>
          text.match(
            /(?<=['"`])BATON_(?:INPUT|DEFINITION|NOT_FOUND|CONFLICT|UNAVAILABLE|INVARIANT)_[A-Z_]+(?=['"`])/g,
          ) ?? [],
      ),
    );
    expect([...named].filter((code) => !Object.hasOwn(table, code))).toEqual([]);
  });

  it('that exist are used', () => {
    expect(Object.keys(table).filter((code) => !sources.some((text) => text.includes(code)))).toEqual([]);
  });
});

function errorsPage(): string {
  const sections = Object.entries(table).map(
    ([code, { cause, check, remedy }]) =>
      `## ${code}\n\n- Cause: ${cause}\n- Check: ${check}\n- Remedy: ${remedy}\n`,
  );
  return `# Errors\n\nWritten from \`src/error-codes.ts\`. The prefix is the family, and the family is what to do (\`src/errors.ts\`).\n\n${sections.join('\n')}`;
}
