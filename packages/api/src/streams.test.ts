/** Over real connections: what ends, what goes on where it was cut off, and what those meet who mean no good. */
import { once } from 'node:events';
import { request } from 'node:https';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@baton/testkit';
import { UnavailableError } from '@baton/core';
import { tls } from './fixtures/tls.js';
import { as, flow, newWorld, type World } from './fixtures/world.js';
import { limits } from './server-options.js';
import { newToken } from './tokens.js';

let world: World;
let base: string;
beforeEach(async () => {
  world = newWorld({ receiveTimeoutMs: 300 });
  base = await world.api.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(() => world.close());

interface Heard {
  readonly id: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Follows a stream until `end`, or its end. */
async function follow(path: string, lastEventId?: string, { of = base, authorization = as('viewer') } = {}) {
  const stop = new AbortController();
  const headers = { ...authorization, ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) };
  const answer = await fetch(of + path, { headers, signal: stop.signal });
  const heard: Heard[] = [];
  const reading = (async () => {
    let rest = '';
    for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      const parts = (rest + chunk).split('\n\n');
      rest = parts.pop() ?? '';
      for (const part of parts) {
        const [, id = '', event = '', data = '{}'] =
          /^(?:id: (.*)\n)?event: (.*)\ndata: (.*)$/.exec(part) ?? [];
        if (event !== '') heard.push({ id, event, data: JSON.parse(data) as Heard['data'] });
      }
    }
  })().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  const end = (): Promise<void> => {
    stop.abort();
    return reading;
  };
  return { answer, heard, reading, end };
}

const events = (heard: readonly Heard[]): string[] => heard.map(({ event }) => event);

describe('the stream of a run', () => {
  it('gives what there is, what comes, and ends with the run; then there is nothing more', async () => {
    await world.post('j');
    const stream = await follow('/v1/jobs/j/stream');
    expect(stream.answer.headers.get('content-type')).toBe('text/event-stream');
    expect(stream.answer.headers.get('cache-control')).toBe('no-store');
    expect(stream.answer.headers.get('connection')).toBe('close');
    await eventually(() => stream.heard.length === 1);
    await world.claim('j');
    await world.end('j');
    await stream.reading;
    expect(stream.heard.map(({ id, event }) => [id, event])).toEqual([
      ['0', 'post'],
      ['1', 'claim'],
      ['2', 'terminal'],
    ]);
    expect(stream.heard.at(-1)?.data).toMatchObject({ seq: 2, outcome: 'SUCCESS' });
    const later = await follow('/v1/jobs/j/stream', '1');
    await later.reading;
    expect(events(later.heard)).toEqual(['terminal']);
    expect((await follow('/v1/jobs/j/stream', '2')).answer.status).toBe(204);
    expect((await follow('/v1/jobs/unknown/stream')).answer.status).toBe(404);
  });

  it('shows no stack of user code', async () => {
    const failure = {
      version: 1,
      message: 'm',
      types: ['Error'],
      retryable: true,
      stack: 'at secret.ts:1',
    } as const;
    const causes = [failure];
    await world.post('j');
    await world.claim('j');
    await world.end('j', [
      { fact: 'atom', atom: 'a', from: 'PENDING', to: 'RUNNING', round: 0, attempt: 1 },
      { fact: 'atom', atom: 'a', from: 'RUNNING', to: 'FAILURE', failure: { ...failure, causes } },
      { fact: 'atom', atom: 'a', from: 'FAILURE', to: 'REVERTING', round: 0, attempt: 1 },
      { fact: 'atom', atom: 'a', from: 'REVERTING', to: 'REVERTED', value: { data: 'secret' } },
    ]);
    const stream = await follow('/v1/jobs/j/stream');
    await stream.reading;
    for (const path of ['', '/run', '/atoms', '/atoms/a', '/failures', '/events']) {
      const answer = await fetch(`${base}/v1/jobs/j${path}`, { headers: as('viewer') });
      expect([path, answer.status]).toEqual([path, 200]);
      expect(await answer.text()).not.toContain('secret');
    }
    expect(JSON.stringify(stream.heard)).toContain('"message":"m"');
    expect(JSON.stringify(stream.heard)).not.toContain('secret');
  });
});

describe('the stream of the board', () => {
  it('tells what comes, and goes on where it was cut off', async () => {
    const stream = await follow('/v1/stream');
    await eventually(() => stream.heard.length === 2);
    await world.post('j');
    await eventually(() => events(stream.heard).includes('posted'));
    await stream.end();
    expect(stream.heard.at(-1)).toMatchObject({ event: 'posted', data: { jobId: 'j' } });
    await world.post('k');
    const again = await follow('/v1/stream', stream.heard.at(-1)?.id);
    await eventually(() => again.heard.length === 1);
    expect(again.heard[0]).toMatchObject({ event: 'posted', data: { jobId: 'k' } });
    await again.end();
  });

  it('says that it cannot go on from the number of another process', async () => {
    const stream = await follow('/v1/stream', 'ffffffff.12');
    await eventually(() => stream.heard.length > 0);
    expect(stream.heard[0]?.event).toBe('reset');
    await stream.end();
  });

  it('begins anew after a lost session', async () => {
    const stream = await follow('/v1/stream');
    await eventually(() => stream.heard.length === 2);
    world.loseSessions();
    await eventually(() => stream.heard.length === 3);
    expect(events(stream.heard)).toEqual(['reset', 'reset', 'reset']);
    await world.post('j');
    await eventually(() => events(stream.heard).includes('posted'));
    await stream.end();
  });

  it('tells whoever follows it when the board cannot be followed, and the next one has it followed again', async () => {
    const changes = world.client.changes.bind(world.client);
    let fail = (): void => undefined;
    const failed = new Promise<void>((resolve) => (fail = resolve));
    world.client.changes = async function* () {
      yield { change: 'reset' };
      await failed;
      throw new UnavailableError('BATON_UNAVAILABLE_REFUSED', 'the board takes nobody');
    };
    const streams = [await follow('/v1/stream'), await follow('/v1/stream')];
    await eventually(() => streams.every(({ heard }) => heard.length > 0));
    world.client.changes = changes;
    fail();
    for (const { reading, heard } of streams) {
      await reading;
      const problem = { error: expect.objectContaining({ code: 'BATON_UNAVAILABLE_REFUSED' }) as unknown };
      expect(heard.at(-1)).toMatchObject({ id: '', event: 'problem', data: problem });
    }
    const again = await follow('/v1/stream', streams[0]?.heard[0]?.id);
    await eventually(() => events(again.heard).includes('reset'));
    await world.post('j');
    await eventually(() => events(again.heard).includes('posted'));
    await again.end();
  });
});

describe('an open stream', () => {
  it.each(['/v1/stream', '/v1/jobs/j/stream'])('of %s ends with its token', async (path) => {
    await world.post('j');
    const soon = new Date(Date.now() + 500).toISOString();
    const { token, line } = newToken('ann', 'viewer', soon);
    const other = newWorld({ tokens: line, client: world.client });
    const of = await other.api.listen({ host: '127.0.0.1', port: 0 });
    const authorization = { authorization: `Bearer ${token}` };
    const stream = await follow(path, undefined, { of, authorization });
    expect(stream.answer.status).toBe(200);
    await stream.reading;
    expect(events(stream.heard)).not.toContain('problem');
    expect((await follow(path, undefined, { of, authorization })).answer.status).toBe(401);
    await other.close();
  });

  it('is one of so many that a principal may have; others have theirs', async () => {
    const streams = await Promise.all(
      Array.from({ length: limits.streamsOfOneMax }, () => follow('/v1/stream')),
    );
    const oneMore = await follow('/v1/stream');
    expect([oneMore.answer.status, oneMore.answer.headers.get('retry-after')]).toEqual([429, '10']);
    const another = await follow('/v1/stream', undefined, { authorization: as('author') });
    expect(another.answer.status).toBe(200);
    await Promise.all([...streams, another].map(({ end }) => end()));
    await eventually(async () => {
      const { answer, end } = await follow('/v1/stream');
      await end();
      return answer.status === 200;
    });
  });
});

describe('the server', () => {
  it('that stops ends its streams, answers what was asked, and takes no more', async () => {
    await world.post('j');
    const streams = [await follow('/v1/jobs/j/stream'), await follow('/v1/stream')];
    const asked = fetch(`${base}/v1/jobs/j`, { headers: as('viewer') });
    await new Promise((resolve) => world.api.app.server.once('request', resolve));
    // both far beyond the deadline of this test: nothing keeps it open, no connection that might be used again either
    await world.api.close({ withinMs: 600_000 });
    expect((await asked).status).toBe(200);
    await Promise.all(streams.map(({ reading }) => reading));
    await expect(fetch(base)).rejects.toThrow();
  }, 10_000);

  /** What is sent as it is, and what comes back until the server closes the connection. */
  async function raw(text: string): Promise<string> {
    const { port } = new URL(base);
    const socket = connect(Number(port), '127.0.0.1');
    let heard = '';
    socket.setEncoding('utf8').on('data', (more: string) => (heard += more));
    socket.write(text);
    await once(socket, 'close');
    return heard;
  }

  const head = `POST /v1/jobs HTTP/1.1\r\nhost: x\r\nauthorization: ${as('operator').authorization}\r\n`;

  it.each([
    ['a header that never ends', head],
    ['a body that never comes', `${head}content-type: application/json\r\ncontent-length: 10\r\n\r\n{`],
  ])('waits for %s only so long', async (_, text) => {
    const answer = await raw(text);
    expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
    expect(answer).toContain('"code":"BATON_UNAVAILABLE_DEADLINE"');
  });

  it.each([
    ['what is not HTTP', 'hello\r\n\r\n', 400],
    ['two lengths', `${head}content-length: 1\r\ncontent-length: 2\r\n\r\n{}`, 400],
    ['a length and chunks', `${head}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['headers without an end', `${head}x: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ])('refuses %s in words', async (_, text, status) => {
    const answer = await raw(text);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toMatch(/\{"error":\{"code":"BATON_INPUT_/);
    expect(answer).not.toMatch(/node:|node_modules|\.[jt]s:\d/);
  });

  const json = { 'content-type': 'application/json' };
  const posts: readonly [string, string, number][] = [
    ['a huge body', `{"flow":"${'x'.repeat(limits.bodyBytesMax)}"}`, 413],
    ['half a document', '{"flow":', 400],
    ['no object', '[]', 400],
    ['another prototype', '{"flow":{},"__proto__":{"admin":true}}', 400],
    ['another prototype inside', `{"flow":${JSON.stringify(flow)},"store":{"__proto__":{"a":1}}}`, 400],
    [
      'a deep store',
      `{"flow":${JSON.stringify(flow)},"store":{"site":${'['.repeat(200_000)}${']'.repeat(200_000)}}}`,
      400,
    ],
    ['a deep flow', `{"flow":{"root":${'{"children":['.repeat(50_000)}${']}'.repeat(50_000)}}}`, 422],
    ['a NUL in a key', '{"flow":{},"key":"a\\u0000"}', 400],
    [
      'keys of the store language',
      `{"flow":${JSON.stringify(flow)},"store":{"site":{"$gt":""}},"key":{"$gt":""}}`,
      400,
    ],
  ];
  it.each(posts)('refuses %s', async (_, body, status) => {
    const answer = await fetch(`${base}/v1/jobs`, {
      method: 'POST',
      headers: { ...as('operator'), ...json },
      body,
    });
    const text = await answer.text();
    expect([answer.status, text.slice(0, 300)]).toEqual([status, expect.stringContaining('"code":"BATON_')]);
    expect(text).not.toMatch(/node_modules|at .*:\d+:\d+/);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
    expect(await world.client.jobs()).toEqual([]);
  });

  it.each([
    '/v1/jobs/..%2f..%2fetc%2fpasswd',
    '/v1/jobs/%00',
    '/v1/jobs/a%2fb',
    '/v1/jobs/%',
    `/v1/jobs/${'x'.repeat(5_000)}`,
    '/v1//jobs',
    '//v1/jobs',
    '/v1/jobs/;x',
    '/V1/JOBS',
    '/v1/jobs/%E0%A4%A',
  ])('finds nothing behind %s', async (path) => {
    const answer = await raw(
      `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: ${as('operator').authorization}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 (400|404|414) /);
    expect(answer).toContain('"code":"BATON_');
  });

  it('lets a value be anything that JSON is', async () => {
    const site = { $where: '1', 'a.b': null, constructor: 1, toString: [], '': '\u2028</script>\u0000' };
    const answer = await fetch(`${base}/v1/jobs`, {
      ...{ method: 'POST', headers: { ...as('operator'), ...json } },
      body: JSON.stringify({ flow, store: { site }, key: 'j' }),
    });
    expect(answer.status).toBe(201);
    expect((await world.client.history('j'))[0]).toMatchObject({ post: { store: { site: { data: site } } } });
  });
});

it('speaks TLS where it has a certificate, also where others reach it', async () => {
  const safe = newWorld({ tls });
  try {
    const { port } = new URL(await safe.api.listen({ host: '0.0.0.0', port: 0 }));
    const status = await new Promise((resolve, reject) => {
      const options = { host: 'localhost', port, path: '/v1/jobs', ca: tls.cert, headers: as('viewer') };
      request(options, (answer) => resolve(answer.resume().statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
  } finally {
    await safe.close();
  }
});

it('says at start that a certificate is none', () => {
  expect(() => newWorld({ tls: { cert: 'x', key: 'y' } })).toThrow(
    /^http\.tls_cert and http\.tls_key cannot be used: /,
  );
});

describe('without tokens', () => {
  it('a list of tokens with none in it is no way to ask for that', () => {
    expect(() => newWorld({ tokens: '# to be filled in' })).toThrow(/there is none among them/);
  });

  it('only this machine may ask, and no web page; and it listens nowhere else', async () => {
    const open = newWorld({ isOpen: true });
    try {
      await expect(open.api.listen({ host: '0.0.0.0', port: 0 })).rejects.toMatchObject({
        code: 'BATON_INPUT_EXPOSED',
      });
      const ask = (headers: Record<string, string>) =>
        open.api.app.inject({ method: 'POST', url: '/v1/jobs/j/cancel', headers });
      await open.post('j');
      expect((await ask({ host: '127.0.0.1:1' })).statusCode).toBe(202);
      expect((await ask({ host: '127.0.0.1:1', origin: 'http://evil.example' })).statusCode).toBe(403);
      expect((await ask({ host: 'evil.example' })).statusCode).toBe(403);
    } finally {
      await open.close();
    }
  });
});

describe('the rate', () => {
  it('is of one principal; who asks too often is told when to ask again', async () => {
    const slow = newWorld({ rate: 1 });
    try {
      const ask = (role: 'viewer' | 'operator') =>
        slow.api.app.inject({ url: '/v1/jobs', headers: as(role) });
      const asked = [await ask('viewer'), await ask('viewer'), await ask('viewer')];
      expect(asked.map(({ statusCode }) => statusCode)).toEqual([200, 200, 429]);
      expect(asked[2]?.headers['retry-after']).toBe('1');
      expect(asked[2]?.json()).toMatchObject({ error: { code: 'BATON_UNAVAILABLE_THROTTLED' } });
      expect((await ask('operator')).statusCode).toBe(200);
    } finally {
      await slow.close();
    }
  });
});
