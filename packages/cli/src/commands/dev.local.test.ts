import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { exitCodes } from '../exit-codes.js';

const program = fileURLToPath(new URL('../../bin/baton.mjs', import.meta.url));
const flowPackage = new URL('../../../flow/dist/index.js', import.meta.url).href;
const deadlineMs = 15_000;

describe('baton dev', () => {
  let folder = '';
  let module = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'baton-dev-'));
    module = join(folder, 'tasks.mjs');
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it(
    'says what is wrong with a tasks module once, and starts its worker when it has changed; what nobody runs it says too',
    async () => {
      writeFileSync(module, 'export const a = 1;\nexport const b = {;\n');
      const child = spawn(process.execPath, [program, 'dev', '--conductors', '0', '--tasks', module], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const ended = once(child, 'exit');
      let out = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
      const lines: string[] = [];
      const errors = createInterface({ input: child.stderr })[Symbol.asyncIterator]();
      const linesUntil = async (part: string): Promise<void> => {
        for (;;) {
          const { value, done } = await errors.next();
          if (done === true) throw new Error(`it ended before ${part}: ${lines.join('\n')}`);
          lines.push(value);
          if (value.includes(part)) return;
        }
      };
      try {
        await linesUntil('w1 waits for a change');
        expect(lines.filter((line) => line.includes(`cannot be loaded: `))).toHaveLength(1);
        expect(out).toContain('No conductor runs: give --conductors 1.');
        writeFileSync(
          module,
          `import { task } from '${flowPackage}';\nexport const a = task('a', { execute: () => 1 });\n`,
        );
        await linesUntil('worker.ready');
        expect(lines).toContain('tasks changed: workers start again');
        expect(lines).not.toContain('w1 starts again');
      } finally {
        child.kill('SIGTERM');
      }
      expect(await ended).toEqual([exitCodes.ok, null]);
    },
    deadlineMs,
  );
});
