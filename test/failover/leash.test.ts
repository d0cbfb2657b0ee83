/** What a run of tests has started ends with it, however it ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import { eventually } from '@baton/testkit';

const runner = fileURLToPath(new URL('../fixtures/holding-runner.mjs', import.meta.url));

interface Started {
  readonly pids: readonly number[];
  readonly effects: string;
}

it('a runner that is killed leaves no member behind, and no stopped one', async () => {
  const child = spawn(process.execPath, [runner], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const { pids, effects } = JSON.parse(line) as Started;
    expect(pids.filter(isThere)).toHaveLength(2);
    child.kill('SIGKILL');
    await eventually(() => !pids.some(isThere) && !existsSync(effects), { what: 'all of it is gone' });
  } finally {
    child.kill('SIGKILL');
  }
}, 120_000);

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
