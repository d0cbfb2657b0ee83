import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { root } from './sources.js';

interface Cruise {
  readonly summary: {
    readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[];
  };
}

const cruiser = 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs';

async function violationsIn(folder: string): Promise<string[]> {
  const args = [cruiser, '--config', 'test/dependency-cruiser.config.cjs', '--output-type', 'json', folder];
  // its exit code is the number of violations
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
  }).catch((error: { stdout: string }) => error);
  const { violations } = (JSON.parse(stdout) as Cruise).summary;
  return violations.map(({ from, rule }) => `${rule.name}: ${from.replace(/^.*\/packages\//, '')}`).sort();
}

describe('import rules', () => {
  it('find every planted violation, and nothing else', async () => {
    expect(await violationsIn('test/architecture/fixtures/violations')).toEqual([
      'client-libraries-only-in-substrates: jobboard/src/skips-the-port.ts',
      'client-root-may-not-import: client/src/open-client.ts',
      'conductor-not-the-substrates: conductor/src/picks-a-substrate.ts',
      'conductor-only-its-libraries: conductor/src/picks-a-substrate.ts',
      'core-is-pure: core/src/reads-a-file.ts',
      'core-may-not-import: core/src/reads-a-file.ts',
      'engine-is-pure: engine/src/keeps-time.ts',
      'jobboard-may-not-import: jobboard/src/skips-the-port.ts',
      'jobboard-not-the-substrates: jobboard/src/skips-the-port.ts',
      'no-cycles: client/src/one-way.ts',
      'sources-not-tests: worker/src/reads-the-journal.ts',
      'worker-may-not-import: worker/src/reads-the-journal.ts',
      'worker-may-not-import: worker/src/reads-the-journal.ts',
    ]);
  });
});
