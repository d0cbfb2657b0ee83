/** The files of the repository, for tests that look at all of them. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Paths of everything that is, or would be, committed, relative to the root. */
export const files: readonly string[] = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate'],
  { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
)
  .trim()
  .split('\n')
  .filter((path) => !path.includes('/fixtures/violations/'));

const generated = /\/gen\//;

export const typescript = files.filter((path) => path.endsWith('.ts') && !generated.test(path));
export const isTest = (path: string): boolean => path.startsWith('test/') || path.endsWith('.test.ts');
/** What is shipped: testkit is, though it is for tests. */
export const shipped = typescript.filter((path) => path.startsWith('packages/') && !isTest(path));

export function read(path: string): string {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''; // deleted and not committed yet
    throw error;
  }
}

/** `path:line: text` of the lines that match, in the order of the files. */
export function linesMatching(pattern: RegExp, paths: readonly string[]): string[] {
  return paths.flatMap((path) =>
    read(path)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  );
}
