import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CapturingLogger } from '@baton/testkit';
import { startLocalServer, type LocalServer } from '../../../local/src/index.js';

const program = fileURLToPath(new URL('../../bin/baton.mjs', import.meta.url));
const tasks = fileURLToPath(new URL('../../../../deploy/tasks/hello.mjs', import.meta.url));
const deadlineMs = 60_000;

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** The process under the guard, once it has said who it is. */
async function memberPidOf(guard: ChildProcess): Promise<number> {
  for await (const line of createInterface({ input: guard.stderr as NodeJS.ReadableStream })) {
    const { kind, pid } = JSON.parse(line) as { kind?: string; pid?: number };
    if (kind === 'worker' && pid !== undefined) return pid;
  }
  throw new Error('the worker ended without a word');
}

describe('a member', () => {
  let folder = '';
  let server: LocalServer;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'baton-member-'));
    const listen = { path: join(folder, 's') };
    server = await startLocalServer({ listen, file: join(folder, 'db'), logger: new CapturingLogger() });
  });

  afterEach(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it(
    'ends by itself when its guard and the reader of its log die together',
    async () => {
      const guard = spawn(
        process.execPath,
        [program, '--local', join(folder, 's'), 'worker', 'run', '--tasks', tasks],
        { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, BATON_LOG_FORMAT: 'json' } },
      );
      const pid = await memberPidOf(guard);
      guard.stderr?.destroy();
      guard.kill('SIGKILL');
      const sinceMs = performance.now();
      while (isAlive(pid) && performance.now() - sinceMs < deadlineMs / 2)
        await new Promise((resolve) => setTimeout(resolve, 50)); // waiting for a process: the subject of this test
      const survived = isAlive(pid);
      if (survived) process.kill(pid, 'SIGKILL');
      expect(survived).toBe(false);
    },
    deadlineMs,
  );
});
