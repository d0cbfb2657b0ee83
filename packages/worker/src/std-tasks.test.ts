/** std.http and std.shell (control-flow.md C-1512), against real servers and commands of this machine. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { toFailure, valueLimits } from '@baton/core';
import type { TaskContext } from '@baton/flow';
import { eventually, fakeRuntime } from '@baton/testkit';
import type { Arguments } from './registered-task.js';
import { stdTaskNames, stdTasks } from './std-tasks.js';

const tasks = stdTasks(stdTaskNames, {
  ...{ egressAllow: ['127.0.0.1'], setting: 'worker.http_allow' },
  environment: { PATH: process.env['PATH'], BATON_SECRET: 'x' },
  clock: fakeRuntime().clock,
});
const contextWith = (more: Partial<TaskContext> = {}): TaskContext =>
  ({
    signal: new AbortController().signal,
    deadline: Date.now() + 60_000,
    idempotencyKey: 'f/a/execute/0',
    ...more,
  }) as TaskContext;

async function ran(name: string, args: Arguments, context = contextWith()): Promise<unknown> {
  return tasks.find((task) => task.name === name)?.execute(args, context);
}

async function failureOf(name: string, args: Arguments, context?: TaskContext) {
  const thrown = await ran(name, args, context).then(
    () => expect('it').toBe('refused'),
    (error: unknown) => error,
  );
  return toFailure(thrown);
}

describe('std.http', () => {
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  async function serve(listener: RequestListener): Promise<string> {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  const bodyOf = async (request: IncomingMessage): Promise<string> =>
    Buffer.concat(await request.toArray()).toString();
  /** Tells what it was asked. */
  const echo: RequestListener = (request, response) =>
    void bodyOf(request).then((body) => {
      const { method, url, headers } = request;
      response
        .setHeader('content-type', 'application/json')
        .end(JSON.stringify({ method, url, headers, body }));
    });

  it('asks, and gives status, headers and body', async () => {
    const url = await serve(echo);
    const answer = await ran('std.http', {
      url: `${url}/a?x=1`,
      query: { y: 2, z: ['3', 'ä'] },
      headers: { A: 'b' },
    });
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: {
        ...{ method: 'GET', url: '/a?x=1&y=2&z=3&z=%C3%A4', body: '' },
        headers: expect.objectContaining({ a: 'b', 'user-agent': 'baton' }) as unknown,
      },
    });
    expect(JSON.stringify(answer)).not.toContain('idempotency-key');
  });

  it.each<readonly [unknown, string, string]>([
    [{ a: 1 }, 'application/json', '{"a":1}'],
    ['text', 'text/plain; charset=utf-8', 'text'],
    [Uint8Array.of(104, 105), 'application/octet-stream', 'hi'],
  ])('sends %j, with the key of the attempt', async (body, type, sent) => {
    const url = await serve(echo);
    const headers = { 'content-type': type, 'idempotency-key': 'f/a/execute/0' };
    expect(await ran('std.http', { url, method: 'post', body })).toMatchObject({
      body: { method: 'POST', headers, body: sent },
    });
  });

  it('any status is a result; bodies are JSON, text, bytes or nothing', async () => {
    const url = await serve(({ url: path = '' }, response) => {
      const [, status = '', type = '', hex = ''] = path.split('/');
      response
        .writeHead(Number(status), { 'content-type': type.replace('_', '/') })
        .end(Buffer.from(hex, 'hex'));
    });
    const get = async (path: string): Promise<unknown> => {
      const { status, body } = (await ran('std.http', { url: `${url}/${path}` })) as {
        status: number;
        body: unknown;
      };
      return [status, body];
    };
    expect(await get('503/text_plain/6e6f')).toEqual([503, 'no']);
    expect(await get('200/application_problem+json/5b315d')).toEqual([200, [1]]);
    expect(await get('200/application_json/5b31')).toEqual([200, '[1']);
    expect(await get('200/image_png/ff00')).toEqual([200, { base64: '/wA=' }]);
    expect(await get('404/text_plain/')).toEqual([404, null]);
  });

  it('follows redirects, with what was given only to whom it was given', async () => {
    const other = await serve(echo);
    const url = await serve((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://x');
      if (pathname === '/echo') return echo(request, response);
      const to = searchParams.get('to') ?? '';
      return void response.writeHead(Number(pathname.slice(1)), { location: to }).end('gone');
    });
    const headers = { authorization: 'Bearer s', accept: 'a/b' };
    const follow = (status: number, to: string, redirects?: number) =>
      ran('std.http', {
        ...{ url: `${url}/${status}`, query: { to }, method: 'POST', headers, body: 'x' },
        ...(redirects !== undefined && { redirects }),
      });
    expect(await follow(307, '/echo')).toMatchObject({ body: { method: 'POST', headers, body: 'x' } });
    const away = (await follow(302, `${other}/`)) as {
      body: { method: string; headers: object; body: string };
    };
    expect(away.body).toMatchObject({ method: 'GET', headers: { accept: 'a/b' }, body: '' });
    expect(Object.keys(away.body.headers)).not.toEqual(expect.arrayContaining(['authorization']));
    expect(away.body.headers).not.toHaveProperty('idempotency-key');
    expect(await follow(302, '/echo', 0)).toMatchObject({ status: 302, body: 'gone' });
    expect(await follow(302, `${url}/302?to=/echo`, 1)).toMatchObject({ status: 302 });
    const failure = await failureOf('std.http', {
      url: `${url}/302`,
      query: { to: 'http://169.254.169.254/' },
    });
    expect(failure).toMatchObject({ code: 'EGRESS_REFUSED', retryable: false });
  });

  it.each<readonly [Arguments, RegExp]>([
    [{ url: 'here' }, /url must be whole/],
    [{ url: 'http://127.0.0.1', method: 'TRACE' }, /method/],
    [{ url: 'http://127.0.0.1', headers: { a: 'b\nc: d' } }, /headers: "a" is no header/],
    [{ url: 'http://127.0.0.1', headers: { 'a b': 'c' } }, /no header of HTTP/],
    [{ url: 'http://127.0.0.1', headers: [] }, /headers must be a map/],
    [{ url: 'http://127.0.0.1', query: { a: {} } }, /query must be a map/],
    [{ url: 'http://127.0.0.1', redirects: 11 }, /redirects must be/],
    [{ url: 'http://127.0.0.1', methd: 'GET' }, /no parameter methd; it takes url, method/],
  ])('%j is refused for good', async (args, said) => {
    expect(await failureOf('std.http', args)).toMatchObject({
      ...{ code: 'ARGUMENTS_INVALID', retryable: false },
      message: expect.stringMatching(said) as unknown,
    });
  });

  it.each([
    'http://10.0.0.1/',
    'http://[::1]/',
    'http://127.0.0.2/',
    'ftp://127.0.0.1/',
    'file:///etc/passwd',
  ])('%s is not asked (T10)', async (url) => {
    expect(await failureOf('std.http', { url })).toMatchObject({ code: 'EGRESS_REFUSED', retryable: false });
  });

  it('what may be otherwise next time may be tried again, and says nothing of the path', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/half') response.writeHead(200, { 'content-length': 10 }).write('half');
      request.socket.destroy();
    });
    for (const path of ['none?token=secret', 'half']) {
      const failure = await failureOf('std.http', { url: `${url}/${path}` });
      expect(failure).toMatchObject({ code: 'HTTP_NO_ANSWER', retryable: true });
      expect(failure.message).not.toContain('secret');
    }
  });

  it('reads no more than a result may have', async () => {
    const url = await serve(
      (_, response) => void response.end(Buffer.alloc(valueLimits.payloadBytesMax + 1)),
    );
    expect(await failureOf('std.http', { url })).toMatchObject({ code: 'HTTP_TOO_LARGE', retryable: false });
  });

  it('ends when its attempt does', async () => {
    const stop = new AbortController();
    const url = await serve((_, response) => {
      response.writeHead(200).write('x');
      stop.abort(new Error('told to'));
    });
    const failure = await failureOf('std.http', { url }, contextWith({ signal: stop.signal }));
    expect(failure.message).toBe('told to');
  });
});

describe('std.shell', () => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-shell-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('runs a command, with texts that no shell takes for code', async () => {
    const args = {
      command: 'printf "%s|" "$@" "$X"; cat; echo no >&2',
      args: ['$(id)', 2],
      env: { X: '; id' },
    };
    expect(await ran('std.shell', { ...args, input: 'in' })).toEqual({
      stdout: '$(id)|2|; id|in',
      stderr: 'no\n',
    });
  });

  it('shows it nothing of the environment where secrets are', async () => {
    const { stdout } = (await ran('std.shell', { command: 'env' })) as { stdout: string };
    expect(stdout).toMatch(/^PATH=/m);
    expect(stdout).toContain('BATON_IDEMPOTENCY_KEY=f/a/execute/0');
    expect(stdout).not.toContain('BATON_SECRET');
  });

  it('fails with what it said, and may be tried again', async () => {
    expect(await failureOf('std.shell', { command: 'echo bad >&2; exit 3' })).toMatchObject({
      ...{ code: 'SHELL_FAILED', retryable: true, message: 'the command ended with 3: bad' },
      details: { exitCode: 3, stderr: 'bad\n' },
    });
  });

  it('is ended when it says too much, or is told to, with all that it has started', async () => {
    const stop = new AbortController();
    const started = join(folder, 'started');
    const ended = join(folder, 'ended');
    const command = `(trap 'touch ${ended}; exit' TERM; touch ${started}; while :; do sleep 0.02; done) & wait`;
    const failure = failureOf('std.shell', { command }, contextWith({ signal: stop.signal }));
    await eventually(() => existsSync(started));
    stop.abort(new Error('told to'));
    expect((await failure).message).toBe('told to');
    await eventually(() => existsSync(ended));
    expect(await failureOf('std.shell', { command: 'yes' })).toMatchObject({
      ...{ code: 'SHELL_TOO_LARGE', retryable: false },
    });
  });

  it.each<readonly [Arguments, string]>([
    [{ command: '' }, 'command'],
    [{ command: 'x', args: 'y' }, 'args'],
    [{ command: 'x', env: { a: [] } }, 'env'],
    [{ command: 'x', input: 1 }, 'input'],
    [{ command: 'x', cwd: '/' }, 'no parameter cwd'],
  ])('%j is refused for good', async (args, said) => {
    expect(await failureOf('std.shell', args)).toMatchObject({
      ...{ code: 'ARGUMENTS_INVALID', retryable: false, message: expect.stringContaining(said) as unknown },
    });
  });
});
