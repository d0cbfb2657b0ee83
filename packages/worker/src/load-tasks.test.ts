import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadTasks } from './load-tasks.js';

let directory: string;
beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'baton-tasks-'))));
afterEach(() => rm(directory, { recursive: true }));

/** As task() makes them; a module in a temporary directory cannot import @baton/flow. */
const PREAMBLE = `const t = (name) => ({ name, version: '1.0', requires: {}, optional: {}, provides: {}, execute() {} });\n`;

let modules = 0;

async function load(source: string) {
  const path = join(directory, `tasks-${modules++}.mjs`);
  await writeFile(path, PREAMBLE + source);
  return (await loadTasks(path)).map(({ name }) => name);
}

describe('loadTasks', () => {
  it('takes tasks exported by name and leaves everything else alone', async () => {
    const names = await load(
      `export const a = t('a'), b = t('b'); export const flow = { name: 'f' }; export const n = null;`,
    );
    expect(names).toEqual(['a', 'b']);
  });

  it('takes an array, and each task once', async () => {
    expect(await load(`export const a = t('a'); export default [a, t('b')];`)).toEqual(['b', 'a'].sort());
  });

  it('tells where an isolated task comes from', async () => {
    const path = join(directory, `tasks-${modules++}.mjs`);
    await writeFile(path, `${PREAMBLE} export const a = { ...t('a'), isolation: 'thread' }, b = t('b');`);
    const modulesByName = (await loadTasks(path)).map(({ name, module }) => [name, module]);
    expect(modulesByName).toEqual([
      ['a', path],
      ['b', undefined],
    ]);
  });

  it('says what is wrong with a module without tasks, with an error, or that is not there', async () => {
    const code = 'BATON_INPUT_INVALID';
    await expect(load(`export const x = 1;`)).rejects.toMatchObject({
      code,
      message: expect.stringContaining('exports no task (it exports x)'),
    });
    await expect(load(`throw new Error('boom');`)).rejects.toMatchObject({
      code,
      message: expect.stringContaining('boom'),
    });
    await expect(load(`import 'no-such-package/part';`)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/beside it or above; in its folder: npm install no-such-package$/),
    });
    await expect(load(`import '@baton/no-such';`)).rejects.toMatchObject({
      message: expect.stringContaining('npm install /'),
    });
    await expect(loadTasks(join(directory, 'missing.mjs'))).rejects.toMatchObject({
      code,
      message: expect.stringContaining('missing.mjs'),
    });
  });
});
