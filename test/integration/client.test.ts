/** A client as a program of one's own makes it: from addresses alone, in a process that ends by itself when the client is closed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { openClient } from '@baton/client';
import { socketPathFor, spawnLocalServer } from '@baton/local';
import { realRuntime } from '@baton/testkit';
import { Cluster } from '../support/cluster/cluster.js';
import { realServices } from '../support/services/endpoints.js';

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const notAProcessThatHangs = { timeout: 20_000, killSignal: 'SIGKILL' } as const;

async function runNode(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ stdout: string; stderr: string; code: number | null }> {
  const child = spawn(process.execPath, args, {
    env,
    cwd: fixture('.'),
    stdio: ['ignore', 'pipe', 'pipe'],
    ...notAProcessThatHangs,
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  return { stdout, stderr, code };
}

describe('a client of addresses', () => {
  it('posts and waits on the services, and lets its process end: the example of its README', async () => {
    const cluster = new Cluster(realServices());
    try {
      await Promise.all([cluster.conductor(), cluster.worker('--tasks', fixture('quickstart.mjs'))]);
      expect(await runNode([fixture('post-and-wait.mjs')], cluster.env)).toEqual({
        stdout: 'site-1 SUCCESS\n',
        stderr: '',
        code: 0,
      });
    } finally {
      await cluster.dispose();
      rmSync('/tmp/hello-site-1', { recursive: true, force: true });
    }
  });

  it('does so on the embedded server, and of nothing that is there it is an error with a code', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'baton-client-'));
    const file = join(folder, 'baton.sqlite');
    const { logger } = realRuntime();
    const server = await spawnLocalServer({ file, listen: { path: socketPathFor(file) }, logger });
    const program = `
      import { openClient } from '@baton/client';
      import publish from './quickstart.mjs';
      const client = await openClient({ local: process.argv[1] });
      const store = { site: 'embedded', text: '' };
      await client.post(publish, { key: 'first', store }).then(console.log, ({ code }) => console.log(code));
      console.log((await client.jobs().catch(() => [])).length);
      await client.close();`;
    const run = (address: string) => runNode(['--input-type=module', '-e', program, address], {});
    try {
      expect(await run(server.address)).toEqual({ stdout: 'first\n1\n', stderr: '', code: 0 });
      expect(await run(join(folder, 'nobody.sock'))).toEqual({
        stdout: 'BATON_UNAVAILABLE_DISCONNECTED\n0\n',
        stderr: '',
        code: 0,
      });
    } finally {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it.each([
    ['no addresses', {}, 'zookeeper'],
    ['no store', { zookeeper: '127.0.0.1:1/x' }, 'mongodb'],
    ['what is no MongoDB url', { zookeeper: '127.0.0.1:1/x', mongodb: '127.0.0.1:1' }, 'MongoDB'],
    ['an empty socket', { local: '' }, 'local'],
    ['a board that cannot be one', { local: '/nowhere', board: 'a/b' }, 'board'],
  ])('of %s is refused with the name of what is wrong', async (_, options, name) => {
    await expect(openClient(options as never)).rejects.toMatchObject({
      code: 'BATON_INPUT_INVALID',
      message: expect.stringContaining(name),
    });
  });
});
