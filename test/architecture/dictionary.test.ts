import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import {
  backoffOptions,
  linkingOptions,
  linkOptions,
  patternOptions,
  retryOptions,
  taskOptions,
  useOptions,
} from '../../packages/flow/src/builder-options.js';
import { flowOptions } from '../../packages/flow/src/flow-schema.js';
import { typeErrors } from '../support/type-errors.js';

const page = readFileSync(new URL('../../packages/flow/README.md', import.meta.url), 'utf8');
const generated = fileURLToPath(new URL('../../packages/flow/src/generated.ts', import.meta.url));

/** What the snippets take for granted. */
const surroundings = `
import type { Client } from '@baton/client';
import { LazyEngine, MemoryLogBook, runFlow } from '@baton/engine';
import { expr, graph, isFailure, linear, retry, symbolsOf, task, type, unordered } from './index.js';
declare const client: Client;
declare const fn: () => void;
declare const seen: () => void;
declare const undo: (...done: unknown[]) => void;
declare const makeId: () => string;
declare const makePair: () => [string, string];
declare const makeBoth: () => { id: string; ip: string };
declare const plug: (net: string, mtu: number) => void;
const a = task('a', { requires: { size: type<number>() }, execute: fn });
const b = task('b', { execute: fn });
const f = linear('f').add(a, b);
const g = graph('g').add(a, b);
`;

/** The code in the right column of the dictionary. */
function snippets(): readonly string[] {
  const [, dictionary = ''] = /\n\| TaskFlow +\| Baton +\|\n(?:\|[- |]+\n)((?:\|.*\n)+)/.exec(page) ?? [];
  return dictionary.split('\n').flatMap((row) => {
    const [, right = ''] = /^\|.*? \| (.*)\|$/.exec(row) ?? [];
    return [...right.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
  });
}

it('every TypeScript snippet of the dictionary compiles', () => {
  const code = snippets();
  expect(code.length).toBeGreaterThanOrEqual(33);
  const wrong = 'g.target()';
  const text = `${surroundings}${[...code, wrong].map((snippet) => `void (${snippet});\n`).join('')}`;
  // the last line shows that one which does not compile would be found
  const last = text.split('\n').length - 1;
  expect(typeErrors([], { [generated]: text })).toEqual([
    `generated.ts(${last}): Expected 1 arguments, but got 0.`,
  ]);
});

it('the page names every option that the builders take', () => {
  const [, options = ''] = page.split('\n## Options\n');
  const tables = [
    ...[taskOptions, useOptions, patternOptions, linkOptions, linkingOptions, flowOptions],
    ...[...Object.values(retryOptions), ...Object.values(backoffOptions)],
  ];
  const known = tables.flatMap(({ properties = {} }) =>
    Object.entries(properties).flatMap(([name, rule]) => [
      name,
      ...(name === 'timeout' || name === 'attempts' ? Object.keys(rule.properties ?? {}) : []),
    ]),
  );
  expect(known.length).toBeGreaterThan(40);
  const code = [...options.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text).join(' ');
  expect(known.filter((name) => !new RegExp(`\\b${name}\\b`).test(code))).toEqual([]);
});
