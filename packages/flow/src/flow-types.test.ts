import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { typeErrors } from '../../../test/support/type-errors.js';

const fixtures = fileURLToPath(new URL('./fixtures/', import.meta.url));
const programs = (kind: 'right' | 'wrong'): readonly string[] => readdirSync(`${fixtures}${kind}`).toSorted();

describe('types of flows', () => {
  it('accept every right program and refuse every wrong one with one readable error', () => {
    const errors = typeErrors(
      (['right', 'wrong'] as const).flatMap((kind) =>
        programs(kind).map((file) => `${fixtures}${kind}/${file}`),
      ),
    );
    const recorded = `${fixtures}errors.txt`;
    const actual = errors.map((error) => `${error}\n`).join('');
    if (process.env['BATON_RECORD'] === '1') writeFileSync(recorded, actual);
    expect(actual).toBe(readFileSync(recorded, 'utf8'));
    expect(errors.map((error) => error.split('(')[0])).toEqual(programs('wrong'));
    expect(programs('wrong').length).toBeGreaterThanOrEqual(25);
    expect(programs('right').length).toBeGreaterThanOrEqual(15);
  });

  it('name the symbol and both types of every clash', () => {
    const clashes = readFileSync(`${fixtures}errors.txt`, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('clash'));
    expect(clashes.length).toBeGreaterThanOrEqual(10);
    for (const clash of clashes) expect(clash).toMatch(/\b\w+: \{ provided: [^;]+; required: [^;]+; \}/);
  });
});

describe('types of long flows', () => {
  const header = `import { graph, linear, task, type, unordered } from '../index.js';\nimport { post } from './post.js';\n`;
  /** Tasks that each take what the one before gives, the first of them `seed`. */
  const chain = (size: number): string =>
    Array.from({ length: size }, (_, at) => {
      const needs = at === 0 ? 'seed: type<string>()' : `s${at - 1}: type<{ n${at - 1}: number }>()`;
      return `const t${at} = task('t${at}', { requires: { ${needs} }, provides: 's${at}', execute: () => ({ n${at}: ${at} }) });\n`;
    }).join('');
  const names = (size: number): readonly string[] => Array.from({ length: size }, (_, at) => `t${at}`);
  const oneByOne = (size: number): string =>
    names(size)
      .map((name) => `.add(${name})`)
      .join('');
  const inOne = (size: number): string => `.add(${names(size).join(', ')})`;
  /** A flow that gives its last symbol, and is posted once rightly and once without `seed`. */
  const posted = (flow: string, size: number): string =>
    `${header}${chain(size)}const flow = ${flow};
post(flow, { store: { seed: '' } }).s${size - 1} satisfies { n${size - 1}: number };
post(flow, { store: {} });\n`;

  it('are exact for chains of add, long argument lists and graphs, within seconds', () => {
    const flows = {
      'adds-048': posted(`linear('f')${oneByOne(48)}`, 48),
      'adds-100': posted(`linear('f')${oneByOne(100)}`, 100),
      'list-100': posted(`linear('f')${inOne(100)}`, 100),
      'list-368': posted(`linear('f')${inOne(368)}`, 368),
      'graph-100': posted(`graph('f')${inOne(100)}`, 100),
    };
    const clash = `${header}${chain(100)}const last = task('last', { requires: { s99: type<string>() }, execute: () => undefined });
post(linear('f')${inOne(100).replace(')', ', last)')}, { store: { seed: '' } });\n`;
    const began = performance.now();
    const errors = typeErrors(
      [],
      Object.fromEntries(
        Object.entries({ ...flows, clash }).map(([name, text]) => [`${fixtures}${name}.ts`, text]),
      ),
    );
    const missing = (name: string): unknown =>
      expect.stringMatching(new RegExp(`^${name}.ts\\(\\d+\\): Property 'seed' is missing in type '{}'`));
    expect(errors).toEqual([
      missing('adds-048'),
      missing('adds-100'),
      expect.stringContaining('s99: { provided: { n99: number; }; required: string; }'),
      missing('graph-100'),
      missing('list-100'),
      missing('list-368'),
    ]);
    // six seconds on an idle machine for all; what grows too fast does not end, or is refused as too deep
    expect(performance.now() - began).toBeLessThan(60_000);
  });
});
