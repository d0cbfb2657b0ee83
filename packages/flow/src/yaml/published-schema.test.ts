/** What is published, read by somebody else's JSON Schema: it takes what the parser takes, and not what it refuses by shape. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import * as z from 'zod';
import { publishedSchema } from './published-schema.js';

const published = z.fromJSONSchema(publishedSchema() as Parameters<typeof z.fromJSONSchema>[0]);
const fits = (document: unknown): boolean => published.safeParse(document).success;
const withAtom = (atom: object): object => ({ baton: 1, flow: 'f', atoms: { a: atom } });
const member = { f: { atoms: { a: { task: 't' } } } };

describe('the published schema', () => {
  it.each(['ordered', 'routed'])('takes %s.yaml', (name) => {
    const text = readFileSync(new URL(`./fixtures/${name}.yaml`, import.meta.url), 'utf8');
    const { success, error } = published.safeParse(parse(text));
    expect([success, error?.issues]).toEqual([true, undefined]);
  });

  it.each<readonly [string, unknown]>([
    ['no document', {}],
    ['another version', { ...withAtom({ task: 't' }), baton: 2 }],
    ['no atoms', { baton: 1, flow: 'f', atoms: {} }],
    ['a document that is both', { baton: 1, flow: 'f', bundle: 'b', flows: { f: {} } }],
    ['a bundle without a flow', { baton: 1, bundle: 'b', flows: {} }],
    ['an alias of nothing', { baton: 1, bundle: 'b', flows: member, tasks: { t: {} } }],
    ['a key there is not', withAtom({ tsk: 't' })],
    ['a key that is not supported yet', withAtom({ delegate: 't', topic: 't' })],
    ['an answer of no type', withAtom({ delegate: 't', expects: { by: 'text' } })],
    ['a bound of none', withAtom({ task: 't', 'for-each': 'x', parallel: 0 })],
    ['a list of nothing', withAtom({ task: 't', 'for-each': {} })],
    ['an insertion of nothing', withAtom({ task: 't', 'wait-before': '${}' })],
    ['a clause without an entry', withAtom({ task: 't', 'on-success': [] })],
    ['two guards in one entry', withAtom({ task: 't', 'on-success': { a: 'x', b: 'y' } })],
    ['a join of none', withAtom({ task: 't', join: 0 })],
    ['a fractional duration', withAtom({ task: 't', timeout: '1.5s' })],
    ['an id for a name', { ...withAtom({ task: 't' }), flow: '01ARZ3NDEKTSV4RRFFQ69G5FAV' }],
  ])('refuses %s', (_, document) => {
    expect(fits(document)).toBe(false);
  });

  it('takes a bundle', () => {
    expect(fits({ baton: '1', bundle: 'b', flows: member, tasks: { t: { uses: 'u', output: 1 } } })).toBe(
      true,
    );
  });

  it('names each key that the parser knows, and says nothing that is only for the parser', () => {
    const text = JSON.stringify(publishedSchema());
    expect(text).not.toMatch(/"notYet"|"only"/);
    expect(fits(withAtom({ task: 't', 'on-error': null, attempts: 3, timeout: '2m' }))).toBe(true);
  });
});
