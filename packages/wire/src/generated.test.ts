import { describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packageDir = fileURLToPath(new URL('..', import.meta.url));

describe('generated code', () => {
  it('is what the schema in proto/ gives: else run `node packages/wire/generate.mjs`', () => {
    const fresh = mkdtempSync(join(tmpdir(), 'baton-wire-'));
    try {
      execFileSync(process.execPath, [join(packageDir, 'generate.mjs'), fresh]);
      for (const name of ['messages.js', 'messages.d.ts'])
        expect(readFileSync(join(packageDir, 'gen', name), 'utf8')).toBe(
          readFileSync(join(fresh, name), 'utf8'),
        );
    } finally {
      rmSync(fresh, { recursive: true });
    }
  });
});
