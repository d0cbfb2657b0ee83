import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createWebhook } from './webhook.js';

const message = { body: '{"jobId":"j"}', id: 'j:1' };

describe('a web hook', () => {
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  async function serve(listener: RequestListener): Promise<number> {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }
  const local = createWebhook({ allow: ['127.0.0.0/8'] });

  it('gets the body, its own headers and an id', async () => {
    let got: { readonly headers: IncomingHttpHeaders; readonly body: string } | undefined;
    const port = await serve((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += String(chunk)));
      request.on('end', () => {
        got = { headers: request.headers, body };
        response.writeHead(204).end();
      });
    });
    await local({ url: `http://127.0.0.1:${port}/x`, headers: { authorization: 'Bearer s' } }, message);
    expect(got).toMatchObject({
      body: message.body,
      headers: { authorization: 'Bearer s', 'idempotency-key': 'j:1', 'content-type': 'application/json' },
    });
  });

  it.each([
    ['404', 'answered 404'],
    ['500', 'answered 500'],
    ['302', 'answered 302: redirects are not followed'],
  ])('that answers %s has not taken it', async (status, reason) => {
    let requests = 0;
    const port = await serve((_, response) => {
      requests++;
      response.writeHead(Number(status), { location: '/elsewhere' }).end('x'.repeat(100_000));
    });
    await expect(local({ url: `http://127.0.0.1:${port}/?token=t` }, message)).rejects.toThrow(
      `127.0.0.1 ${reason}`,
    );
    expect(requests).toBe(1);
  });

  it.each([
    ...['127.0.0.1', '10.1.2.3', '172.31.0.1', '192.168.1.1', '169.254.169.254', '100.64.0.1', '0.0.0.0'],
    ...[
      '[::1]',
      '[::]',
      '[fe80::1]',
      '[fd00::1]',
      '[::ffff:127.0.0.1]',
      '[::ffff:a9fe:a9fe]',
      '[64:ff9b::a00:1]',
    ],
    ...['2130706433', '0x7f.1', 'localhost'],
  ])('at %s is refused before anything is sent (T10)', async (host) => {
    const port = await serve(() => expect('a request').toBe('none'));
    const send = createWebhook({ allow: [] });
    await expect(send({ url: `http://${host}:${port}/` }, message)).rejects.toThrow(
      /is not in the public internet/,
    );
  });

  it('is connected to where it was looked up: a name among whose addresses is a private one is refused', async () => {
    // the name is looked up once, by the connection itself: there is no second answer to rebind
    const send = createWebhook({ allow: ['10.0.0.0/8'] });
    const port = await serve(() => expect('a request').toBe('none'));
    await expect(send({ url: `http://localhost:${port}/` }, message)).rejects.toThrow(
      /localhost is not in the public internet/,
    );
  });

  it('is allowed by its network', () => {
    expect(() => createWebhook({ allow: ['10.0.0.0/8', '192.168.1.7', 'fd00::/8'] })).not.toThrow();
    for (const network of ['intern', '10.0.0.0/33', '10.0.0.0/x', ''])
      expect(() => createWebhook({ allow: [network] })).toThrow(/is no network/);
  });
});
