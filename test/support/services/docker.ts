/** The services as containers, where a Docker engine runs. Tests that kill a service start processes all the same (start-services.ts). */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Endpoints } from './endpoints.js';
import { freePort, host } from './ports.js';

const composeFile = fileURLToPath(new URL('compose.yaml', import.meta.url));

export function dockerRuns(): boolean {
  const { status } = spawnSync('docker', ['info'], { stdio: 'ignore', timeout: 5_000 });
  return status === 0;
}

/** Resolves when all are healthy. They go down with `stop`, and when this process ends in any other way. */
export async function startContainers(): Promise<{ endpoints: Endpoints; stop(): Promise<void> }> {
  const [zookeeper, kafka, mongodb] = [await freePort(), await freePort(), await freePort()];
  const project = `baton-${randomBytes(4).toString('hex')}`;
  const env = {
    ...process.env,
    ZOOKEEPER_PORT: `${zookeeper}`,
    KAFKA_PORT: `${kafka}`,
    MONGODB_PORT: `${mongodb}`,
  };
  const compose = ['docker', 'compose', '-p', project, '-f', composeFile];
  // waits for the end of its standard input, that is for `stop` or our death, and takes the containers down
  const remover = spawn('/bin/sh', ['-c', 'cat >/dev/null; exec "$@" down -v -t 1', 'remover', ...compose], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env,
  });
  const stop = async (): Promise<void> => {
    if (remover.exitCode !== null) return;
    remover.stdin.end();
    await once(remover, 'exit');
  };
  const up = spawn(compose[0] ?? '', [...compose.slice(1), 'up', '--wait', '--quiet-pull'], {
    stdio: 'inherit',
    env,
  });
  const [code] = (await once(up, 'exit')) as [number | null];
  if (code !== 0) {
    await stop();
    throw new Error(
      `docker compose up ended with code ${code}; to use processes instead, stop the Docker engine`,
    );
  }
  return {
    endpoints: {
      zookeeper: `${host}:${zookeeper}`,
      kafka: `${host}:${kafka}`,
      mongodb: `mongodb://${host}:${mongodb}/?directConnection=true`,
    },
    stop,
  };
}
