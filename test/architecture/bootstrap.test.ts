/** Whoever interrupts the first `npm start` finds nothing left of it, and can start again. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@baton/testkit';
import { root } from './sources.js';

/** Starts another process, as npm and tsc may, tells both pids, and never comes to an end. */
const endless = `
  const { spawn } = require('node:child_process');
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });
  require('node:fs').writeFileSync('pids', process.pid + ' ' + child.pid + '.');
  setInterval(() => {}, 1000);
`;
const record = 'node_modules/.package-lock.json';
const tsc = 'node_modules/typescript/bin/tsc';

describe('bootstrap, interrupted while', () => {
  let clone = '';
  let pids: readonly number[] = [];
  beforeEach(() => {
    clone = mkdtempSync(join(tmpdir(), 'baton-clone-'));
    for (const file of ['bootstrap.mjs', 'services/leash.sh'])
      cpSync(join(root, 'test/support', file), join(clone, 'test/support', file));
    mkdirSync(join(clone, 'tmp'));
    write('package-lock.json', '{}');
    write('package.json', '{}'); // CommonJS
  });
  afterEach(() => {
    pids.filter(isAlive).forEach((pid) => process.kill(pid, 'SIGKILL'));
    rmSync(clone, { recursive: true, force: true });
  });

  function write(file: string, text: string): void {
    mkdirSync(dirname(join(clone, file)), { recursive: true });
    writeFileSync(join(clone, file), text);
  }

  function bootstrap(): { readonly process: ChildProcess; readonly ended: Promise<unknown[]> } {
    const env = { ...process.env, npm_execpath: join(clone, 'npm.js'), TMPDIR: join(clone, 'tmp') };
    const child = spawn(process.execPath, [join(clone, 'test/support/bootstrap.mjs')], {
      env,
      stdio: 'ignore',
    });
    return { process: child, ended: once(child, 'exit') };
  }

  const phases = {
    'npm installs': () => write('npm.js', endless),
    'tsc compiles': () => {
      write(record, '{}');
      write(tsc, endless);
    },
  } as const;

  it.each([
    { phase: 'npm installs', signal: 'SIGINT', code: 130 },
    { phase: 'npm installs', signal: 'SIGHUP', code: 129 },
    { phase: 'npm installs', signal: 'SIGKILL', code: null },
    { phase: 'tsc compiles', signal: 'SIGINT', code: 130 },
    { phase: 'tsc compiles', signal: 'SIGTERM', code: 143 },
  ] as const)(
    '$phase, ends everything on $signal, and the next one begins anew',
    async ({ phase, signal, code }) => {
      phases[phase]();
      const first = bootstrap();
      await eventually(() => existsSync(join(clone, 'pids')) && read('pids').endsWith('.'));
      pids = read('pids').split(' ').map(Number.parseFloat);
      expect(pids.map(isAlive)).toEqual([true, true]);
      first.process.kill(signal);
      expect((await first.ended)[0]).toBe(code);
      await eventually(() => !pids.some(isAlive));
      if (code !== null) expect(readdirSync(join(clone, 'tmp'))).toEqual([]);

      write('npm.js', `require('node:fs').writeFileSync(${JSON.stringify(record)}, '{}')`);
      write(tsc, `require('node:fs').writeFileSync('compiled', '')`);
      expect((await bootstrap().ended)[0]).toBe(0);
      expect(existsSync(join(clone, record)) && existsSync(join(clone, 'compiled'))).toBe(true);
      expect(readdirSync(join(clone, 'tmp'))).toEqual([]);
    },
  );

  function read(file: string): string {
    return readFileSync(join(clone, file), 'utf8');
  }
});

/** A process that has ended and that nobody has reaped yet is not alive. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
