import { describe, expect, it } from '@jest/globals';
import type { JsonValue } from '@baton/core';
import fc from 'fast-check';
import {
  fenceOf,
  postEntry,
  succeeded,
  turnEntry,
} from '../../testkit/src/protocols/journal/sample-entries.js';
import { documentSizeOf } from './document-size.js';
import { decodeEntry, encodeEntry, entrySizeOf, splitFacts } from './entry-codec.js';

describe('journal entries as documents', () => {
  it('come back as they were, and stay flat, whatever users put into them', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        const entry = postEntry('f', { x: { data: JSON.parse(JSON.stringify(data)) as JsonValue } });
        const document = encodeEntry(entry);
        expect(decodeEntry(document)).toEqual(entry);
        for (const field of Object.values(document)) expect(typeof field).toMatch(/string|number/);
      }),
    );
  });

  it('name the fields that the store and other writers rely on', () => {
    const entry = turnEntry({ flowId: 'f', seq: 300, fence: fenceOf(255), opId: 'op' });
    expect(encodeEntry(entry)).toMatchObject({
      _id: 'f:300',
      fence: '00000000:00000000000000ff',
      opId: 'op',
      schemaVersion: 1,
    });
    expect(entrySizeOf(entry)).toBe(documentSizeOf(encodeEntry(entry)));
  });

  it.each([
    ['{', 'BATON_INPUT_MALFORMED'],
    ['[]', 'BATON_INPUT_MALFORMED'],
    ['{"facts":1}', 'BATON_INPUT_MALFORMED'],
    [null, 'BATON_INPUT_MALFORMED'],
  ])('with the body %p are refused', (body, code) => {
    const document = { ...encodeEntry(turnEntry({ flowId: 'f', seq: 0, fence: fenceOf(1) })), body };
    expect(() => decodeEntry(document)).toThrow(expect.objectContaining({ code }));
  });

  it('of a newer schema are refused, emptied ones are told apart', () => {
    const document = encodeEntry(turnEntry({ flowId: 'f', seq: 0, fence: fenceOf(1) }));
    expect(() => decodeEntry({ ...document, schemaVersion: 2 })).toThrow(
      expect.objectContaining({ code: 'BATON_CONFLICT_SCHEMA_NEWER' }),
    );
    expect(decodeEntry({ ...document, body: '' })).toBeUndefined();
  });
});

describe('splitFacts', () => {
  it('keeps all facts in order, in stretches within the limit', () => {
    const lengths = fc.array(fc.nat(120), { maxLength: 40 });
    fc.assert(
      fc.property(lengths, (sizes) => {
        const facts = sizes.map((size, index) => succeeded(`a${index}`, 'ü'.repeat(size)));
        const stretches = splitFacts(facts, 300);
        expect(stretches.flat()).toEqual(facts);
        expect(stretches.length).toBeGreaterThan(0);
        for (const stretch of stretches)
          if (stretch.length > 1) expect(Buffer.byteLength(JSON.stringify(stretch))).toBeLessThanOrEqual(301);
      }),
    );
  });
});
