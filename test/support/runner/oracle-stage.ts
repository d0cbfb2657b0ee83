/** The recordings of TaskFlow as a stage: the public corpus in every mode, two modes at a time. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { StageResult } from './stages.js';
import { root, runNode } from './tool.js';

/** What takes longest has a process of its own. */
const lanes = [['crash'], ['strict', 'exact', 'lazy', 'parallel']] as const;
const corpus = 'test/oracle/corpus';

/** Every record counts once for each mode; one that was compared only up to an oddity counts as neither passed nor failed. */
export async function runOracle(): Promise<StageResult> {
  const files = readdirSync(join(root, corpus)).filter((file) => file.includes('.jsonl'));
  const results = await Promise.all(
    lanes.map(async (lane) => {
      const done: StageResult[] = [];
      for (const mode of lane)
        done.push(
          await replay(
            mode,
            files.map((file) => join(corpus, file)),
          ),
        );
      return done;
    }),
  );
  return {
    passed: results.flat().reduce((sum, { passed }) => sum + passed, 0),
    failures: results.flat().flatMap(({ failures }) => failures),
  };
}

async function replay(mode: string, files: readonly string[]): Promise<StageResult> {
  const { code, output } = await runNode(['test/oracle/run.mjs', '--mode', mode, ...files], {
    quiet: true,
    env: { BATON_ORACLE_BUILD: '0' },
  });
  return oracleResult(mode, { code, output });
}

/** Prints what a run said beyond its progress, and counts it. */
export function oracleResult(
  mode: string,
  { code, output }: { readonly code: number; readonly output: string },
): StageResult {
  const lines = output.trimEnd().split('\n');
  const sums = /^(\d+) passed, (\d+) failed, (\d+) skipped$/.exec(lines.at(-1) ?? '');
  for (const line of lines.slice(0, -1).filter((text) => !/^[a-z-]+\.jsonl/.test(text)))
    console.log(`  ${mode}: ${line}`);
  console.log(`  ${mode}: ${lines.at(-1) ?? ''}`);
  const failures = lines.flatMap((line) => /^✗ ([^ ]+): /.exec(line)?.[1] ?? []);
  if (!sums || (code !== 0) !== failures.length > 0 || Number(sums[2]) !== failures.length)
    return { passed: 0, failures: [`${mode} ended with code ${code}: ${lines.at(-1) ?? ''}`] };
  return { passed: Number(sums[1]), failures: failures.map((id) => `${mode}: ${id}`) };
}
