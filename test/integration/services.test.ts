/** The harness itself: services of a test's own come back on the same data and port, and never outlive who started them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@baton/testkit';
import { ask } from '../support/services/ports.js';
import { startServices, type Service, type Services } from '../support/services/start-services.js';

const portOf = (service: Service): number => Number(/:(\d+)\/?$/.exec(service.endpoint)?.[1]);

describe('services of a test', () => {
  let services: Services;
  beforeAll(async () => {
    services = await startServices({ only: ['zookeeper', 'mongodb'] });
  });
  afterAll(async () => {
    await services.stop();
  });

  it('come back on the same port after a kill', async () => {
    const { zookeeper } = services;
    const before = zookeeper.pid;
    await zookeeper.kill();
    expect(await ask(portOf(zookeeper), 'srvr')).toBeUndefined();
    await zookeeper.start();
    expect(zookeeper.pid).not.toBe(before);
    expect(await ask(portOf(zookeeper), 'srvr', 2_000)).toContain('Mode: standalone');
  });

  it('say nothing while they are paused, and go on', async () => {
    const { zookeeper } = services;
    zookeeper.pause();
    // a signal is not waited for: the process may still answer once
    await eventually(async () => (await ask(portOf(zookeeper), 'srvr')) === undefined);
    zookeeper.resume();
    await eventually(async () => ((await ask(portOf(zookeeper), 'srvr')) ?? '').includes('Mode:'));
  });

  it('that were not asked for are not there', () => {
    expect(() => services.kafka).toThrow('kafka was not started');
  });
});

it('services end with whoever started them, also when it is killed', async () => {
  const loader = fileURLToPath(new URL('../support/typescript.mjs', import.meta.url));
  const holder = spawn(
    process.execPath,
    ['--import', loader, fileURLToPath(new URL('fixtures/holds-mongodb.ts', import.meta.url))],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [line] = (await once(createInterface({ input: holder.stdout }), 'line')) as [string];
  const { pid, logFile } = JSON.parse(line) as { pid: number; logFile: string };
  expect(existsSync(dirname(logFile))).toBe(true);
  holder.kill('SIGKILL');
  await eventually(() => !isAlive(pid) && !existsSync(dirname(logFile)));
});

describe('what npm has started', () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-npm-'));
  const started = new Set<number>();
  afterEach(async () => {
    for (const pid of started) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    await eventually(() => ![...started].some(isAlive));
    started.clear();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** By npm, with nothing given; resolves when `until` was said. */
  async function npm(args: readonly string[], until: RegExp): Promise<NpmRun> {
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !name.startsWith('BATON_')),
    );
    const child = spawn('npm', args, {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      env: { ...env, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(child, 'close').then(([code]) => code as number | null);
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (more: string) => (said += more));
    const pid = child.pid as number;
    started.add(pid);
    await eventually(() => until.test(said) && descendantsOf(pid).length > 1, {
      withinMs: 60_000,
      what: `npm says ${until.source}`,
    });
    for (const descendant of descendantsOf(pid)) started.add(descendant);
    return { pid, ended, said: () => said };
  }

  it.each([
    ['npm run services', ['run', 'services'], /services are up/],
    ['npm start', ['start', '--', '--json'], /"member-up"/],
    ['npm run simulate', ['run', 'simulate', '--', '--seeds', '9999999'], /exec node/],
  ])(
    '%s, ends with all it has started, and its folders, when npm is told to end',
    async (_, args, until) => {
      const { pid, ended } = await npm(args, until);
      expect(started.size).toBeGreaterThan(2);
      process.kill(pid, 'SIGTERM');
      await ended;
      await eventually(() => ![...started].some(isAlive) && readdirSync(folder).length === 0, {
        withinMs: 10_000,
        what: 'processes and folders are gone',
      });
    },
    120_000,
  );

  it('npm run services, Ctrl-C: stops in order, though npm passes on what the terminal has sent already', async () => {
    const { pid: npmPid, ended, said } = await npm(['run', 'services'], /services are up/);
    process.kill(npmPid, 'SIGINT');
    for (const pid of started) if (commandOf(pid).includes('keep-services')) process.kill(pid, 'SIGINT');
    expect(await ended).toBe(0);
    expect(said()).toContain('services are up');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('npm run services, says which of them has died, and ends the others', async () => {
    const { ended, said } = await npm(['run', 'services'], /services are up/);
    const [server] = [...started].filter((pid) => /^\S*ferretdb/.test(commandOf(pid)));
    process.kill(server as number, 'SIGKILL');
    expect(await ended).toBe(1);
    expect(said()).toMatch(/^mongodb has ended by itself; the others end too. Its log ends:\n.*\S/m);
    await eventually(() => ![...started].some(isAlive) && readdirSync(folder).length === 0);
  });
});

interface NpmRun {
  readonly pid: number;
  readonly ended: Promise<number | null>;
  said(): string;
}

function descendantsOf(pid: number): number[] {
  const children = readdirSync('/proc').filter(
    (name) => /^\d+$/.test(name) && statusOf(name)?.includes(`\nPPid:\t${pid}\n`),
  );
  return children.flatMap((child) => [Number(child), ...descendantsOf(Number(child))]);
}

function statusOf(pid: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return undefined; // has ended meanwhile
  }
}

function commandOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
