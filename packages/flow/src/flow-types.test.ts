import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';

const fixtures = fileURLToPath(new URL('./fixtures/', import.meta.url));
const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Diagnostics of all fixtures, one a line: `file(line): message`. */
function diagnostics(): string {
  const options: ts.CompilerOptions = {
    ...ts.parseJsonConfigFileContent(
      ts.readConfigFile(`${root}packages/tsconfig.base.json`, ts.sys.readFile).config,
      ts.sys,
      `${root}packages`,
    ).options,
    composite: false,
    noEmit: true,
    noUnusedLocals: false,
    customConditions: ['source'],
    types: ['node'],
    typeRoots: [`${root}node_modules/@types`],
  };
  const files = [
    `${fixtures}right.ts`,
    ...readdirSync(`${fixtures}wrong`).map((file) => `${fixtures}wrong/${file}`),
  ].toSorted();
  const program = ts.createProgram(files, options);
  const found = [...program.getOptionsDiagnostics(), ...program.getSemanticDiagnostics()].map(
    (diagnostic) => {
      const { file, start = 0, messageText } = diagnostic;
      const line = file ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
      const text = ts.flattenDiagnosticMessageText(messageText, ' ');
      return `${file ? basename(file.fileName) : '-'}(${line}): ${text}\n`;
    },
  );
  return found.toSorted().join('');
}

describe('types of flows', () => {
  it('accept every right program and refuse every wrong one with a readable error', () => {
    const actual = diagnostics();
    const recorded = `${fixtures}errors.txt`;
    if (process.env['BATON_RECORD'] === '1') writeFileSync(recorded, actual);
    expect(actual).toBe(readFileSync(recorded, 'utf8'));
    // each wrong program has exactly one error, the right ones none
    const files = actual.split('\n').map((line) => line.split('(')[0]);
    expect(files.filter((file) => file !== '').toSorted()).toEqual(
      readdirSync(`${fixtures}wrong`).toSorted(),
    );
  });
});
