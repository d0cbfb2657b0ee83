import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { faultKinds } from '../chaos/faults.js';
import { sabotages } from '../simulation/sabotage/sabotages.js';
import { linesMatching, read, root, shipped } from './sources.js';

/** The table of test/README.md: each hazard with what closes it and what shows it; every name in it exists. */
const page = 'test/README.md';
const hazards = Array.from({ length: 66 }, (_, index) => `H${String(index + 1).padStart(2, '0')}`);

it('every hazard has its mechanism and its test, or is said to be open', () => {
  const wrong = rows().flatMap(([hazard, , mechanism, tests]) =>
    problemsOf(mechanism, tests).map((problem) => `${hazard}: ${problem}`),
  );
  expect(wrong).toEqual([]);
});

it('every hazard is there, once and in order', () => {
  expect(rows().map(([hazard]) => hazard)).toEqual(hazards);
});

it('every planted bug stands in the row of its hazard', () => {
  const missing = sabotages.filter(
    ({ id, hazard }) => !rows().some(([of, , , tests]) => of === hazard && tests.includes(`\`${id}\``)),
  );
  expect(missing.map(({ id, hazard }) => `${hazard}: ${id}`)).toEqual([]);
});

it('a row that is wrong is found', () => {
  expect(problemsOf('`packages/core/src/fence.ts`', 'open: not built')).toEqual([]);
  expect(problemsOf('`packages/core/src/fence.ts`', '')).toHaveLength(1);
  expect(problemsOf('`packages/core/src/fences.ts`', 'open: x')).toHaveLength(1);
  expect(problemsOf('a', '`packages/core/src/fence.test.ts` at `no such words there`')).toHaveLength(1);
  expect(problemsOf('a', '`packages/core/src/fence.test.ts`')).toEqual([
    'which test of packages/core/src/fence.test.ts?',
  ]);
  expect(problemsOf('a', 'sabotage `no such bug`')).toHaveLength(1);
  expect(problemsOf('a', 'simulation `no such fault`')).toHaveLength(1);
  expect(problemsOf('a', 'chaos `no such fault`')).toHaveLength(1);
});

it('nobody joins a group of consumers, so nothing is ever rebalanced (H38)', () => {
  expect(linesMatching(/groupId|\.consumer\(/, shipped)).toEqual([]);
});

function rows(): (readonly [string, string, string, string])[] {
  return read(page)
    .split('\n')
    .filter((line) => /^\| H\d\d \|/.test(line))
    .map((line) => {
      const [, hazard = '', says = '', mechanism = '', tests = ''] = line
        .split('|')
        .map((cell) => cell.trim());
      return [hazard, says, mechanism, tests];
    });
}

function problemsOf(mechanism: string, tests: string): string[] {
  if (mechanism === '' || tests === '') return ['a cell is empty'];
  const files = [...mechanism.matchAll(/`([^`]+\/[^`]*)`/g)].map(([, file = '']) => file);
  return [...files.flatMap((file) => missingFile(file)), ...tests.split('; ').flatMap(problemOf)];
}

/** One way to show it: a test, by its file and a part of its name, names of faults, names of planted bugs, a figure, or why there is none. */
function problemOf(test: string): string[] {
  const names = [...test.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
  if (/^open: \S/.test(test) || /^figures: \S/.test(test)) return [];
  if (test.startsWith('sabotage '))
    return names.filter((name) => !sabotages.some(({ id }) => id === name)).map((name) => `no bug ${name}`);
  if (test.startsWith('simulation ')) {
    const faults = read('test/simulation/fault-kinds.ts');
    return names.filter((name) => !faults.includes(`'${name}':`)).map((name) => `no fault ${name}`);
  }
  if (test.startsWith('chaos '))
    return names
      .filter((name) => !faultKinds.some((kind) => kind.name === name))
      .map((name) => `no fault ${name}`);
  const [file, text] = names;
  if (file === undefined) return [`cannot be understood: ${test}`];
  if (text === undefined) return [`which test of ${file}?`];
  return existsSync(join(root, file)) && read(file).includes(text) ? [] : [`${file} does not hold ${text}`];
}

function missingFile(file: string): string[] {
  return existsSync(join(root, file)) ? [] : [`there is no ${file}`];
}
