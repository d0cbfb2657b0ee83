import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { DemoReport } from './report.js';

const program = fileURLToPath(new URL('../../bin/baton.mjs', import.meta.url));
const deadlineMs = 90_000;

describe('baton demo', () => {
  let folder = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'demo-test-'));
    for (const subfolder of ['a', 'b', 'c', 'd', 'e']) {
      mkdirSync(join(folder, 'input', subfolder, 'deep er'), { recursive: true });
      for (const name of ['1.txt', 'deep er/2 ü.txt'])
        writeFileSync(join(folder, 'input', subfolder, name), `${subfolder} ${name}\n`.repeat(50));
    }
    mkdirSync(join(folder, 'tmp'));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it(
    'kills a conductor and a worker, loses nothing, and leaves nothing behind',
    async () => {
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [program, 'demo', '--json', '--folder', join(folder, 'input')],
        { env: { ...process.env, TMPDIR: join(folder, 'tmp') }, timeout: deadlineMs, maxBuffer: 1 << 24 },
      );
      const lines = stdout.trimEnd().split('\n');
      const { report } = JSON.parse(lines.at(-1) ?? '') as { report: DemoReport };
      expect(report.problems).toEqual([]);
      expect(report).toMatchObject({
        jobs: { posted: 6, success: 5, reverted: 1 },
        lost: 0,
        verified: true,
        archives: 8,
      });
      expect(report.failovers.map(({ kind }) => kind)).toEqual(['conductor', 'worker']);
      for (const { detectMs, claimMs, resumeMs, totalMs } of report.failovers) {
        expect(detectMs).toBeGreaterThan(0);
        expect(detectMs + claimMs + resumeMs).toBeCloseTo(totalMs, 0);
      }
      expect(readdirSync(join(folder, 'tmp'))).toEqual([]);
    },
    deadlineMs,
  );

  it(
    'says that nothing was checked when it is stopped',
    async () => {
      const env = { ...process.env, TMPDIR: join(folder, 'tmp') };
      const args = [program, 'demo', '--folder', join(folder, 'input')];
      const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'ignore'] });
      let said = '';
      child.stdout.setEncoding('utf8').on('data', (text) => {
        if (said === '') child.kill('SIGINT');
        said += text;
      });
      expect(await once(child, 'close')).toEqual([130, null]);
      expect(said).toMatch(/\nStopped before its end: nothing was checked\.\n$/);
      expect(readdirSync(join(folder, 'tmp'))).toEqual([]);
    },
    deadlineMs,
  );

  it('says in one line what is wrong with a folder', async () => {
    const failed = promisify(execFile)(process.execPath, [
      program,
      'demo',
      '--folder',
      join(folder, 'nothing'),
    ]);
    await expect(failed).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^baton: .*nothing does not exist.*\n/) as unknown,
    });
  });
});
