import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { NightlyReport } from '../examples/nightly-tasks.js';

const program = fileURLToPath(new URL('../../bin/baton.mjs', import.meta.url));
const deadlineMs = 90_000;

describe('baton example nightly', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'example-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it(
    'a schedule posts a fan-out that is written in YAML, and nothing is left behind',
    async () => {
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [program, 'example', 'nightly', '-o', 'json'],
        {
          env: { ...process.env, TMPDIR: folder },
          timeout: deadlineMs,
        },
      );
      const { jobId, outcome, report, nextMs } = JSON.parse(stdout) as {
        readonly jobId: string;
        readonly outcome: string;
        readonly report: NightlyReport;
        readonly nextMs: number;
      };
      expect([outcome, jobId]).toEqual([
        'SUCCESS',
        expect.stringMatching(/^nightly-\d{8}T\d{9,}Z$|^nightly-\d{8}T\d{6}Z$/),
      ]);
      expect(report.folders).toBeGreaterThan(10);
      expect(report.files).toBeGreaterThan(500);
      expect(report.largest).toHaveLength(3);
      expect(
        new Intl.DateTimeFormat('de', { hour: '2-digit', timeZone: 'Europe/Berlin' }).format(nextMs),
      ).toMatch(/^02/);
      expect(readdirSync(folder)).toEqual([]);
    },
    deadlineMs,
  );
});
