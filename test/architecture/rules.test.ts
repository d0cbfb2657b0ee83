import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { files, read, root } from './sources.js';

/**
 * packages/engine/RULES.md says where each rule of the engine is held. A row names files that cite the rule, or a file and a text in it, or why
 * the rule is not there. BATON_RECORD=1 looks for the citations anew.
 */
const page = 'packages/engine/RULES.md';
const PLACES = 3;

interface Row {
  readonly rule: number;
  readonly says: string;
  readonly where: string;
}

const sources = files.filter(
  (file) =>
    /^(packages|test)\/.*(\.ts|\.txt|\.md)$/.test(file) && file !== page && !file.endsWith('/rules.test.ts'),
);
const cited = citations();

it('every rule is cited where it is held, or found there by its text, or said to be missing', () => {
  if (process.env['BATON_RECORD'] === '1') record();
  const wrong = rows().flatMap(({ rule, where }) =>
    problemOf(rule, where).map((text) => `E-${rule}: ${text}`),
  );
  expect(wrong).toEqual([]);
});

it('every rule that is cited is in the table, once and in order', () => {
  const numbers = rows().map(({ rule }) => rule);
  expect(numbers.length).toBeGreaterThan(290);
  expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
  expect([...cited.keys()].filter((rule) => !numbers.includes(rule))).toEqual([]);
});

it('a row that is wrong is found', () => {
  expect(problemOf(621, '`packages/engine/src/resolve.ts`')).toEqual([]);
  expect(problemOf(621, '`packages/engine/src/timers.ts`')).toHaveLength(1);
  expect(problemOf(621, '`packages/engine/src/timers.ts` at `no such text`')).toHaveLength(1);
  expect(problemOf(621, 'not there: too hard')).toHaveLength(1);
  expect(problemOf(142, 'not there')).toHaveLength(1);
});

/** Files by rule; `E-621 to E-625` cites what is between, too. */
function citations(): ReadonlyMap<number, ReadonlySet<string>> {
  const found = new Map<number, Set<string>>();
  for (const file of sources)
    for (const [, first, last] of read(file).matchAll(/\bE-(\d{3,4})\b(?: to E-(\d{3,4}))?/g))
      for (let rule = Number(first); rule <= Number(last ?? first); rule++) {
        if (last !== undefined && rule > Number(first) && rule < Number(last) && !isRule(rule)) continue;
        found.set(rule, (found.get(rule) ?? new Set()).add(file));
      }
  return found;
}

function isRule(rule: number): boolean {
  return read(page).includes(`| E-${rule} `);
}

function rows(): readonly Row[] {
  const found = read(page).matchAll(/^\| E-(\d+) +\| (.*?) +\| (.*?) +\|$/gm);
  return Array.from(found, ([, rule, says = '', where = '']) => ({ rule: Number(rule), says, where }));
}

function problemOf(rule: number, where: string): readonly string[] {
  if (where.startsWith('not there')) {
    if (!/^not there: .{10}/.test(where)) return ['no reason is given'];
    const shipped = [...(cited.get(rule) ?? [])].filter((file) => file.startsWith('packages/'));
    return shipped.map((file) => `${file} cites it, though it is not there`);
  }
  const at = /^`([^`]+)` at `([^`]+)`$/.exec(where);
  if (at) {
    const [, file = '', text = ''] = at;
    return read(file).includes(text) ? [] : [`${file} has no ${text}`];
  }
  const places = [...where.matchAll(/`([^`]+)`/g)].map(([, file = '']) => file);
  if (places.length === 0) return ['no place is given'];
  return places
    .filter((file) => cited.get(rule)?.has(file) !== true)
    .map((file) => `${file} does not cite it`);
}

function record(): void {
  const text = read(page).replace(/^\| E-(\d+) +\| (.*?) +\| (.*?) +\|$/gm, (line, rule, says, where) =>
    / at `|^not there/.test(String(where)) ? line : `| E-${rule} | ${says} | ${placesOf(Number(rule))} |`,
  );
  writeFileSync(join(root, page), text);
}

/** What holds the rule first, then what shows it; planted faults and pages only where nothing else does. */
function placesOf(rule: number): string {
  const kinds = [/\.md$/, /^test\/oracle\/mutants/, /^test/, /\.(test\.ts|txt)$/];
  const rank = (file: string): number => {
    const kind = kinds.findIndex((pattern) => pattern.test(file));
    return kind === -1 ? kinds.length : kind;
  };
  const ranked = [...(cited.get(rule) ?? [])].toSorted((a, b) => rank(b) - rank(a) || (a < b ? -1 : 1));
  const held = ranked.filter((file) => rank(file) > 1);
  return (held.length > 0 ? held : ranked)
    .slice(0, PLACES)
    .map((file) => `\`${file}\``)
    .join(', ');
}
