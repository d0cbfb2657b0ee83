import { ESLint } from 'eslint';
import { describe, expect, it } from '@jest/globals';
import { linesMatching, root, shipped, typescript } from './sources.js';

const testFiles = typescript.filter((path) => path.endsWith('.test.ts'));
const suites = [
  ...testFiles,
  ...typescript.filter((path) => /^packages\/testkit\/src\/(contracts|protocols)\//.test(path)),
];

describe('tests', () => {
  it('are not skipped, focused or left for later', () => {
    expect(
      linesMatching(/\b(it|test|describe)\.(skip|only|todo|failing)\b|\bx(it|describe)\(/, suites),
    ).toEqual([]);
  });

  it('do not sleep: a fake clock, or `eventually` with a deadline; a pace that is the subject of a test says so on its line', () => {
    const sleeps = linesMatching(/setTimeout\(\s*(resolve|done)\b|(?<!\.)\b(sleep|delay)\(/, suites);
    expect(sleeps.filter((line) => !line.includes('the subject of this test'))).toEqual([]);
  });
});

describe('sources', () => {
  it('read the environment in one place', () => {
    const elsewhere = shipped.filter((path) => path !== 'packages/cli/src/environment.ts');
    expect(linesMatching(/\bprocess\.env\b/, elsewhere)).toEqual([]);
  });

  it('do not switch the compiler off', () => {
    expect(linesMatching(/@ts-(ignore|nocheck|expect-error)/, shipped)).toEqual([]);
  });

  it('leave nothing for later', () => {
    expect(linesMatching(/\b(TODO|FIXME|XXX)\b/, shipped)).toEqual([]);
  });
});

describe('lint', () => {
  it('finds planted violations in protocol code', async () => {
    const planted = `
      import { Fence } from '@baton/core';
      export function broken(fence: Fence, anything: any): void {
        console.log(fence, anything, Date.now(), Math.random(), process.env);
        setTimeout(() => undefined, 5);
        Promise.resolve();
      }
      export async function alsoBroken(kind: 'a' | 'b'): Promise<void> {
        await 5;
        switch (kind) { case 'a': return; }
        [1].forEach(async () => { await Promise.resolve(); });
      }`;
    const eslint = new ESLint({
      cwd: root,
      overrideConfigFile: 'test/eslint.config.mjs',
      // with CI=true the parser would take the file from disk instead of the planted text
      overrideConfig: { languageOptions: { parserOptions: { disallowAutomaticSingleRunInference: true } } },
    });
    const [result] = await eslint.lintText(planted, { filePath: 'packages/conductor/src/index.ts' });
    const found = new Set(result?.messages.map(({ ruleId }) => ruleId?.replace('@typescript-eslint/', '')));
    expect([...found].sort()).toEqual([
      'await-thenable',
      'consistent-type-imports',
      'no-console',
      'no-explicit-any',
      'no-floating-promises',
      'no-misused-promises',
      'no-restricted-globals',
      'no-restricted-properties',
      'no-restricted-syntax',
      'switch-exhaustiveness-check',
    ]);
  });
});
