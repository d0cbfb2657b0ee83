/** Replays recorded scenarios, prints the first difference of each failing one, counts what is refused by tag. Exit code 1 when any failed. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { modes, type Verdict, verdictOf } from './judge.js';
import { reasonOf } from './refused.js';
import type { RecordedRun } from './scenario.js';

const usage = `usage: node test/oracle/run.mjs [--mode ${modes.join('|')}] FILE...`;

export async function main(args: readonly string[]): Promise<number> {
  const given = args[0] === '--mode' ? args[1] : 'strict';
  const files = args[0] === '--mode' ? args.slice(2) : args;
  const mode = modes.find((name) => name === given);
  if (!mode || files.length === 0) {
    console.error(usage);
    return 2;
  }
  const sums = new Sums();
  for (const file of files) {
    if (basename(file) === 'manifest.json') {
      console.log('manifest.json: no recording, passed over');
      continue;
    }
    const inFile = new Sums();
    for (const record of recordsOf(file)) {
      const verdict = await verdictOf(record, mode);
      if (verdict.difference) print(record, verdict);
      inFile.count(verdict);
      sums.count(verdict);
    }
    console.log(`${basename(file)}: ${inFile.text()}`);
  }
  sums.printTags();
  console.log(sums.text());
  return sums.failed === 0 ? 0 : 1;
}

class Sums {
  failed = 0;
  #passed = 0;
  #skipped = 0;
  #staleRaises = 0;
  readonly #refused = new Map<string, number>();

  count({ difference, refused, staleRaises }: Verdict): void {
    if (difference) this.failed++;
    else if (refused === undefined) this.#passed++;
    else this.#skipped++;
    if (difference) return;
    if (refused !== undefined) this.#refused.set(refused, (this.#refused.get(refused) ?? 0) + 1);
    else if (staleRaises) this.#staleRaises++;
  }

  printTags(): void {
    for (const [tag, count] of [...this.#refused].toSorted())
      console.log(`skipped from the oddity on, ${tag}: ${count} (${reasonOf(tag)})`);
    if (this.#staleRaises > 0)
      console.log(
        `passed but for what TaskFlow raised, stale-raise: ${this.#staleRaises} (${reasonOf('stale-raise')})`,
      );
  }

  text(): string {
    return `${this.#passed} passed, ${this.failed} failed, ${this.#skipped} skipped`;
  }
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
