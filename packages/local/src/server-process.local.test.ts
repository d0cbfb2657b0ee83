import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type CoordinationSession, codeOf } from '@baton/core';
import { CapturingLogger, eventually } from '@baton/testkit';
import {
  LocalCoordination,
  LocalDocumentStore,
  LocalPartitionLog,
  type LocalServerProcess,
  spawnLocalServer,
} from './index.js';

const EMPTY = new Uint8Array();
const logger = new CapturingLogger();
let folder: string;
let closing: (() => unknown)[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'baton-local-'));
  closing = [];
});

afterEach(async () => {
  for (const close of closing.reverse()) await close();
  await rm(folder, { recursive: true });
});

const socket = () => join(folder, 's');
const file = () => join(folder, 'db');

async function start(
  listen: { path: string } | { port: number } = { path: socket() },
): Promise<LocalServerProcess> {
  const server = await spawnLocalServer({ listen, file: file(), logger });
  closing.push(() => server.close());
  return server;
}

async function session(address = socket(), timeoutMs = 5_000): Promise<CoordinationSession> {
  const opened = await new LocalCoordination({ address, logger }).connect({ timeoutMs });
  closing.push(() => opened.close());
  return opened;
}

function openLog(): LocalPartitionLog {
  const log = new LocalPartitionLog({ address: socket(), logger });
  closing.push(() => log.close());
  return log;
}

function openStore(): LocalDocumentStore {
  const store = new LocalDocumentStore({ address: socket(), namespace: 'n', logger });
  closing.push(() => store.close());
  return store;
}

/** Another process that holds `/lock`; resolves when it does. */
async function lockHolder(timeoutMs: number): Promise<ChildProcess> {
  const code = `import { LocalCoordination } from ${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)};
    const quiet = () => undefined;
    const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
    const session = await new LocalCoordination({ address: ${JSON.stringify(socket())}, logger }).connect({ timeoutMs: ${timeoutMs} });
    session.onState((state) => { console.log(state); if (state === 'lost') process.exit(3); });
    await session.create('/lock', new Uint8Array(), { ephemeral: true });
    console.log('locked');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  closing.push(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

describe('a session of the embedded server', () => {
  it('ends at once when its process is killed, and watchers are told', async () => {
    await start();
    const watching = await session();
    const holder = await lockHolder(60_000);
    const told = new Promise<number>((resolve) => {
      void watching.exists('/lock', () => resolve(performance.now()));
    });
    await watching.barrier();
    const killedAtMs = performance.now();
    holder.kill('SIGKILL');
    // three orders of magnitude below the timeout: by its connection, not by silence
    expect((await told) - killedAtMs).toBeLessThan(1_000);
    expect(await watching.exists('/lock')).toBeUndefined();
  });

  it('ends after its timeout when its process is held up, which learns of it when it goes on', async () => {
    await start();
    const watching = await session();
    const holder = await lockHolder(500);
    const exited = once(holder, 'exit');
    holder.kill('SIGSTOP');
    await eventually(async () => (await watching.exists('/lock')) === undefined);
    holder.kill('SIGCONT');
    expect(await exited).toEqual([3, null]);
  });

  it('lives on while it only waits, through many timeouts', async () => {
    await start();
    const waiting = await session(socket(), 500);
    const states: string[] = [];
    waiting.onState((state) => states.push(state));
    await waiting.create('/lock', EMPTY, { ephemeral: true });
    const untilMs = performance.now() + 3_000;
    await eventually(() => performance.now() > untilMs);
    // a machine that stands still for a moment may suspend it, which is no end
    expect(states).not.toContain('lost');
    expect(await waiting.exists('/lock')).toBeDefined();
  });

  it('is suspended while the server is silent, refuses to send, and goes on after', async () => {
    const server = await start();
    const held = await session(socket(), 1_500);
    const suspended = new Promise((resolve) => held.onState(resolve));
    server.kill('SIGSTOP');
    expect(await suspended).toBe('suspended');
    const refused = await held.create('/a', EMPTY).catch(codeOf);
    server.kill('SIGCONT');
    expect(refused).toBe('BATON_UNAVAILABLE_DISCONNECTED');
    await eventually(() => held.state === 'connected');
    await held.create('/a', EMPTY, { ephemeral: true });
  });

  it('is lost after its timeout when the server stays silent', async () => {
    const server = await start();
    const held = await session(socket(), 300);
    server.kill('SIGSTOP');
    const underWay = held.create('/a', EMPTY).catch(codeOf);
    await eventually(() => held.state === 'lost');
    expect(await underWay).toBe('BATON_UNAVAILABLE_OUTCOME_UNKNOWN');
    server.kill('SIGCONT');
  });

  it('is lost when the server is killed; a new one finds what is persistent and higher transactions', async () => {
    const server = await start();
    const before = await session();
    await before.create('/kept', Buffer.from('x'));
    await before.create('/lock', EMPTY, { ephemeral: true });
    const zxid = (await before.set('/kept', Buffer.from('y'))).mzxid;
    server.kill('SIGKILL');
    await eventually(() => before.state === 'lost');
    await start();
    const after = await session();
    expect(await after.children('/')).toEqual(['kept']);
    const { data, stat: kept } = await after.get('/kept');
    expect(Buffer.from(data).toString()).toBe('y');
    expect(kept).toMatchObject({ version: 1, mzxid: zxid });
    expect((await after.set('/kept', EMPTY, 1)).mzxid).toBeGreaterThan(zxid);
    expect(after.id).toBeGreaterThan(before.id);
  });
});

describe('the embedded server', () => {
  it('keeps everything it acknowledged when it is killed in the midst of writing', async () => {
    const server = await start();
    const log = openLog();
    await log.ensureTopics([{ topic: 't', partitions: 1 }]);
    const appender = await log.openAppender();
    const store = openStore();
    const acknowledged = { records: 0, documents: [] as string[] };
    const writing = (async () => {
      for (let n = 0; ; n++) {
        const [verdict] = await store.insert('c', [{ _id: `d${n}`, n }]);
        if (verdict?.verdict !== 'stored') return;
        acknowledged.documents.push(`d${n}`);
      }
    })();
    const appending = (async () => {
      for (;;) {
        await appender.append([
          { topic: 't', partition: 0, value: Buffer.from(String(acknowledged.records)) },
        ]);
        acknowledged.records++;
      }
    })().catch(() => undefined);
    await eventually(() => acknowledged.records > 200 && acknowledged.documents.length > 200);
    server.kill('SIGKILL');
    await server.exited;
    // the same clients go on with the next server by themselves
    await start();
    await Promise.all([writing, appending]);
    const reader = await log.openReader('t');
    const { end } = await reader.bounds(0);
    expect(end).toBeGreaterThanOrEqual(acknowledged.records);
    const { records } = await reader.read({ partition: 0, from: acknowledged.records - 1, waitMs: 0 });
    expect(Buffer.from(records[0]?.value ?? []).toString()).toBe(String(acknowledged.records - 1));
    const found = await store.get('c', acknowledged.documents);
    expect(found.filter((each) => each === undefined)).toEqual([]);
    await appender.append([{ topic: 't', partition: 0, value: EMPTY }]);
    expect((await reader.bounds(0)).end).toBe(end + 1);
  });

  it('answers a read that waited through a restart with an error, and the reader goes on', async () => {
    const server = await start();
    const log = openLog();
    await log.ensureTopics([{ topic: 't', partitions: 1 }]);
    const reader = await log.openReader('t');
    await reader.bounds(0);
    const waiting = reader.read({ partition: 0, from: 0, waitMs: 10_000 }).catch(codeOf);
    await log.partitions('t'); // by then the read is there as well
    server.kill('SIGKILL');
    expect(await waiting).toBe('BATON_UNAVAILABLE_DISCONNECTED');
    await start();
    expect(await reader.read({ partition: 0, from: 0, waitMs: 0 })).toEqual({ records: [], end: 0 });
  });

  it('refuses a file or a socket that a living server has, and replaces the socket of a dead one', async () => {
    const server = await start();
    const other = (name: string) => ({
      listen: { path: join(folder, `${name}.s`) },
      file: join(folder, name),
      logger,
    });
    const code = 'BATON_CONFLICT_SERVER_RUNNING';
    await expect(spawnLocalServer({ ...other('x'), file: file() })).rejects.toMatchObject({ code });
    await expect(spawnLocalServer({ ...other('x'), listen: { path: socket() } })).rejects.toMatchObject({
      code,
    });
    server.kill('SIGKILL');
    await server.exited;
    expect((await stat(socket())).isSocket()).toBe(true);
    const next = await start();
    expect(next.address).toBe(socket());
    expect((await session()).state).toBe('connected');
  });

  it('is private to its owner', async () => {
    await start();
    expect((await stat(socket())).mode & 0o777).toBe(0o600);
    expect((await stat(file())).mode & 0o777).toBe(0o600);
  });

  it('listens on a loopback port as well', async () => {
    const server = await start({ port: 0 });
    expect(server.address).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(await (await session(server.address)).children('/')).toEqual([]);
  });

  it('closes a connection that speaks anything else, and no other', async () => {
    await start();
    const good = await session();
    for (const bytes of ['GET / HTTP/1.1\r\n\r\n', '\0\0\0\u0003abc', '\0\0\0\u0002\u00ff\u000f']) {
      const bad = connect(socket());
      bad.on('error', () => undefined).end(Buffer.from(bytes, 'latin1'));
      await once(bad.resume(), 'close');
    }
    expect(good.state).toBe('connected');
    await good.create('/a', EMPTY);
  });

  it('ends on SIGTERM with code 0 and leaves no socket', async () => {
    const server = await start();
    server.kill('SIGTERM');
    expect(await server.exited).toBe(0);
    await expect(stat(socket())).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('ends with its parent', async () => {
    const entry = fileURLToPath(new URL('../dist/main.js', import.meta.url));
    const args = [entry, '--socket', socket(), '--file', file(), '--die-with-parent'];
    // a parent that starts it and says its pid, to be killed
    const parent = spawn(
      process.execPath,
      [
        '-e',
        `const child = require('node:child_process').spawn(process.execPath, ${JSON.stringify(args)}, { stdio: ['pipe', 'pipe', 'inherit'] });
         child.stdout.once('data', () => console.log(child.pid));`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const [pid] = (await once(parent.stdout, 'data')) as [Buffer];
    parent.kill('SIGKILL');
    await eventually(() => !alive(Number(pid.toString())));
  });

  it('is called unreachable when something else listens there', async () => {
    const silent = createServer((each) => void each.on('error', () => undefined).resume()).listen(socket());
    await once(silent, 'listening');
    const connecting = new LocalCoordination({ address: socket(), logger }).connect({
      timeoutMs: 5_000,
      connectTimeoutMs: 200,
    });
    await expect(connecting).rejects.toMatchObject({ code: 'BATON_UNAVAILABLE_DISCONNECTED' });
    await new Promise((resolve) => silent.close(resolve));
  });
});

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
