import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { exposedIn, pinOf } from './exposed-values.js';

it('a value of a user in a log is found', () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-exposed-'));
  try {
    writeFileSync(join(folder, 'worker-1.jsonl'), '{"message":"task.failed"}\n');
    expect(exposedIn(folder)).toEqual([]);
    writeFileSync(
      join(folder, 'conductor-1.jsonl'),
      `{"message":"job.posted"}\n{"pin":"${pinOf('job-1')}"}\n`,
    );
    expect(exposedIn(folder)).toEqual(['value of a user in conductor-1.jsonl: {"pin":"…']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
