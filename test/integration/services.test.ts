/** The harness itself: services of a test's own come back on the same data and port, and never outlive who started them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
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

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
