import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CapturingLogger } from '@baton/testkit';
import { startLocalServer } from '../../../local/src/index.js';
import { exitCodes } from '../exit-codes.js';

const program = fileURLToPath(new URL('../../bin/baton.mjs', import.meta.url));
const deadlineMs = 60_000;

describe('a module that never finishes loading', () => {
  let folder = '';
  let module = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'baton-hanging-'));
    module = join(folder, 'hang.mjs');
    writeFileSync(module, 'await new Promise(() => {}); export const x = 1;');
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function start(...args: readonly string[]) {
    const env = { ...process.env, BATON_LOG_FORMAT: 'json' };
    const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'ignore', 'pipe'], env });
    const lines = createInterface({ input: child.stderr })[Symbol.asyncIterator]();
    return { child, lines, ended: once(child, 'exit') };
  }

  it(
    'is one line and code 2 where its flow is wanted',
    async () => {
      const { lines, ended } = start('flow', 'validate', module);
      const { value: line } = await lines.next();
      expect(line).toBe(
        `baton: module ${module} never finishes loading: look at its top-level awaits (BATON_INPUT_INVALID)`,
      );
      expect(await ended).toEqual([exitCodes.usage, null]);
    },
    deadlineMs,
  );

  it(
    'does not keep its worker from ending at the first SIGTERM',
    async () => {
      const socket = join(folder, 's');
      const server = await startLocalServer({
        ...{ listen: { path: socket }, file: join(folder, 'db'), logger: new CapturingLogger() },
      });
      const { child, lines, ended } = start('--local', socket, 'worker', 'run', '--tasks', module);
      try {
        for await (const line of lines) if (line.includes('"worker.module.loading"')) break;
        child.kill('SIGTERM');
        expect(await ended).toEqual([exitCodes.ok, null]);
      } finally {
        child.kill('SIGTERM'); // a second one kills, should the first not have been enough
        await server.close();
      }
    },
    deadlineMs,
  );
});
