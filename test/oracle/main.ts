/** Replays recorded scenarios, prints the first difference of each failing one, counts what is refused by tag. Exit code 1 when any failed. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { judge, modes, type Mode, type Verdict } from './judge.js';
import type { RecordedRun } from './scenario.js';

const usage = `usage: node test/oracle/run.mjs [--mode ${modes.join('|')}] FILE...`;

export function main(args: readonly string[]): number {
  const given = args[0] === '--mode' ? args[1] : 'strict';
  const files = args[0] === '--mode' ? args.slice(2) : args;
  const mode = modes.find((name) => name === given);
  if (!mode || files.length === 0) {
    console.error(usage);
    return 2;
  }
  const sums = { passed: 0, failed: 0, skipped: 0 };
  const refused = new Map<string, number>();
  for (const file of files) replayFile(file, mode, sums, refused);
  for (const [tag, count] of [...refused].toSorted()) console.log(`refused ${tag}: ${count}`);
  console.log(`${sums.passed} passed, ${sums.failed} failed, ${sums.skipped} skipped`);
  return sums.failed === 0 ? 0 : 1;
}

function replayFile(
  file: string,
  mode: Mode,
  sums: { passed: number; failed: number; skipped: number },
  refused: Map<string, number>,
): void {
  const before = { ...sums };
  for (const record of recordsOf(file)) {
    const verdict = judge(record, mode);
    for (const tag of verdict.refused) refused.set(tag, (refused.get(tag) ?? 0) + 1);
    if (verdict.difference) {
      sums.failed++;
      print(record, verdict);
    } else if (verdict.refused.length > 0) sums.skipped++;
    else sums.passed++;
  }
  const count = (key: keyof typeof sums): string => `${sums[key] - before[key]} ${key}`;
  console.log(`${basename(file)}: ${count('passed')}, ${count('failed')}, ${count('skipped')}`);
}

export function recordsOf(file: string): readonly RecordedRun[] {
  const raw = readFileSync(file);
  const text = (file.endsWith('.gz') ? gunzipSync(raw) : raw).toString('utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RecordedRun);
}

function print({ scenario }: RecordedRun, { difference }: Verdict): void {
  if (!difference) return;
  const { where, expected, got, rule } = difference;
  console.log(`✗ ${scenario.id}: ${where}${rule === undefined ? '' : ` (${rule})`}`);
  console.log(`    expected  ${expected.slice(0, 800)}`);
  console.log(`    got       ${got.slice(0, 800)}`);
}
