import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { tell, type Told } from './fixtures/entry-writer.js';
import { type RecordedJournal, recordedJournals } from './fixtures/recorded-journals.js';

/**
 * Journals outlive versions. Each file holds what one version wrote and what it read in it; no file is ever changed. A version that writes
 * anything else adds a file (BATON_RECORD=1), and goes on reading all of them to the same state.
 */
type Fixture = Readonly<Record<string, RecordedJournal & { readonly told: Told }>>;

const folder = fileURLToPath(new URL('./fixtures/entries/', import.meta.url));
const numbers = readdirSync(folder)
  .map((file) => Number(file.replace('.json', '')))
  .toSorted((one, other) => one - other);
const newest = numbers.at(-1) ?? 0;

const read = (number: number) => JSON.parse(readFileSync(`${folder}${number}.json`, 'utf8')) as Fixture;

describe('journal entries', () => {
  let written: Fixture;
  beforeAll(async () => {
    const journals = Object.entries(await recordedJournals()).map(([title, journal]) => [
      title,
      { ...journal, told: tell(journal.definition, journal.documents) },
    ]);
    written = JSON.parse(JSON.stringify(Object.fromEntries(journals))) as Fixture;
  });

  it('are written as they were when the newest fixture was recorded', () => {
    const same = newest > 0 && JSON.stringify(written) === JSON.stringify(read(newest));
    if (process.env['BATON_RECORD'] === '1' && !same)
      writeFileSync(`${folder}${newest + 1}.json`, `${JSON.stringify(written, undefined, 1)}\n`);
    else expect(written).toEqual(read(newest));
  });

  it('of every kind, with facts of every kind, are in them', () => {
    const text = JSON.stringify(written);
    const kinds = ['post', 'claim', 'turn', 'terminal', 'reopen'].map((kind) => `"kind":"${kind}"`);
    const facts = 'flow atom attempt intention scope history request timer command opened paused'.split(' ');
    const parts = facts.map((fact) => String.raw`\"fact\":\"${fact}\"`);
    const values = ['data', 'bytes', 'ref'].map((kind) => String.raw`\"value\":{\"${kind}\"`);
    const states = ['parked', 'waiting'].map((state) => String.raw`\"state\":\"${state}\"`);
    const notes = [String.raw`\"note\":{`, String.raw`\"delivery\":2`];
    expect(
      [...kinds, ...parts, ...values, ...states, ...notes].filter((part) => !text.includes(part)),
    ).toEqual([]);
  });

  it('mean what they meant, whichever version wrote them', () => {
    for (const number of numbers)
      for (const [title, { definition, documents, told }] of Object.entries(read(number)))
        expect([number, title, tell(definition, documents)]).toMatchObject([number, title, told]);
  });
});
