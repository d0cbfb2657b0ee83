import { describe, expect, it } from '@jest/globals';
import { errorCodes } from '@baton/core';
import { read, shipped } from './sources.js';

const sources = shipped.filter((path) => path !== 'packages/core/src/error-codes.ts').map(read);

/** That each is documented with cause, check and remedy is a test of core. */
describe('error codes', () => {
  it('that sources name exist', () => {
    const named = new Set(
      sources.flatMap(
        (text) =>
          text.match(
            /(?<=['"`])BATON_(?:INPUT|DEFINITION|NOT_FOUND|CONFLICT|UNAVAILABLE|INVARIANT)_[A-Z_]+(?=['"`])/g,
          ) ?? [],
      ),
    );
    expect([...named].filter((code) => !Object.hasOwn(errorCodes, code))).toEqual([]);
  });

  it('that exist are used', () => {
    expect(Object.keys(errorCodes).filter((code) => !sources.some((text) => text.includes(code)))).toEqual(
      [],
    );
  });
});
