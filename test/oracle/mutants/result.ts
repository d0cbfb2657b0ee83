/** RESULT.md: what found each fault when it was last tried. Written by main.ts, read by a test. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format } from 'prettier';
import { mutants } from './mutants.js';

const file = fileURLToPath(new URL('RESULT.md', import.meta.url));

export const survived = '**survived**';

/** Id of a fault → the test that was red first, or `survived`. */
export function readResult(): Map<string, string> {
  const rows = readFileSync(file, 'utf8').matchAll(/^\| ([a-z-]+) +\| [CES]-?\d+ +\| .*? +\| (.*?) +\|$/gm);
  return new Map(Array.from(rows, ([, id = '', by = '']) => [id, by]));
}

/** Faults that were never tried have no row, and those that are there no more lose theirs. */
export async function writeResult(result: ReadonlyMap<string, string>): Promise<void> {
  const rows = mutants
    .filter(({ id }) => result.has(id))
    .map(({ id, rule, why }) => `| ${id} | ${rule} | ${why} | ${result.get(id) ?? ''} |`);
  const text = `# Planted faults and what finds them

Written by \`node test/oracle/mutants/run.mjs\`. Each row is one change of the sources that breaks a rule, and the first test that is red with it:
the unit tests of core, flow and engine are asked first, then the recordings of TaskFlow in every mode.

| fault | rule | what it does wrong | found by |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
  writeFileSync(file, await format(text, { parser: 'markdown', printWidth: 110, singleQuote: true }));
}
