/** One jest project as a stage. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { StageResult } from './stages.js';
import { root, runNode } from './tool.js';

export interface JestRun {
  readonly project: string;
  /** Further arguments: paths, `-t PATTERN`. */
  readonly jestArgs: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** One test file after the other. */
  readonly inBand: boolean;
}

export async function runJest({ project, jestArgs, env, inBand }: JestRun): Promise<StageResult> {
  const folder = mkdtempSync(join(tmpdir(), 'baton-jest-'));
  const outputFile = join(folder, 'result.json');
  try {
    const { code } = await runNode(
      [
        '--experimental-vm-modules',
        '--disable-warning=ExperimentalWarning',
        'node_modules/jest/bin/jest.js',
        ...['--config', 'test/jest.config.mjs', '--selectProjects', project],
        ...['--json', '--outputFile', outputFile],
        ...(inBand ? ['--runInBand'] : ['--maxWorkers', '2']),
        ...jestArgs,
      ],
      { env },
    );
    const isFiltered = jestArgs.some((arg) => /^(-t|--testNamePattern)/.test(arg));
    return resultOf(readReport(outputFile), { code, isFiltered });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What this reads of jest's report. */
export interface JestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/**
 * A test that is skipped or to do has failed, and so has a file that could not run or holds no test, and a project without
 * tests (unless a name was asked for: `-t`). A code other than 0 with nothing to show for it is a failure as well.
 */
export function resultOf(
  report: JestReport | undefined,
  { code, isFiltered = false }: { readonly code: number; readonly isFiltered?: boolean },
): StageResult {
  if (report === undefined)
    return { passed: 0, failures: [`jest ended with code ${code} and left no report`] };
  let passed = 0;
  const failures: string[] = [];
  for (const { name, message, assertionResults } of report.testResults) {
    const file = relative(root, name);
    if (assertionResults.length === 0) failures.push(`${file}: ${firstLine(message) ?? 'holds no test'}`);
    for (const { fullName, status } of assertionResults) {
      if (status === 'passed') passed++;
      else if (!(isFiltered && status === 'pending'))
        failures.push(`${file}: ${fullName}${status === 'failed' ? '' : ` (${status})`}`);
    }
  }
  if (passed === 0 && failures.length === 0) failures.push('no tests');
  if (code !== 0 && failures.length === 0)
    failures.push(`jest ended with code ${code} though no test failed`);
  return { passed, failures };
}

function readReport(file: string): JestReport | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as JestReport;
  } catch {
    return undefined;
  }
}

function firstLine(message: string): string | undefined {
  return message
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line !== '');
}
