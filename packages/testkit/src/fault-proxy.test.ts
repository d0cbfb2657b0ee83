import net, { type Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FaultProxy } from './fault-proxy.js';
import { eventually } from './runtime/eventually.js';
import { leakCheck } from './runtime/leak-check.js';

/** Answers each chunk with the same in capitals. */
function capitals(seen: string[]): net.Server {
  return net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      seen.push(chunk.toString());
      socket.write(chunk.toString().toUpperCase());
    });
  });
}

describe('FaultProxy', () => {
  const leaks = leakCheck();
  let seen: string[] = [];
  let server: net.Server;
  let proxy: FaultProxy;
  const clients: Socket[] = [];

  beforeEach(async () => {
    seen = [];
    server = capitals(seen).listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await FaultProxy.start(`127.0.0.1:${(server.address() as net.AddressInfo).port}`);
  });

  afterEach(async () => {
    for (const socket of clients.splice(0)) socket.destroy();
    await proxy.close();
    await new Promise((resolve) => server.close(resolve));
    await leaks.verify();
  });

  function client(): { socket: Socket; got: string[]; closed: boolean } {
    const socket = net.connect(Number(proxy.address.split(':')[1]), '127.0.0.1');
    const state = { socket, got: [] as string[], closed: false };
    clients.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => state.got.push(chunk.toString()));
    socket.on('close', () => (state.closed = true));
    return state;
  }

  it('passes bytes both ways and shows what clients send', async () => {
    const shown: string[] = [];
    proxy.onRequest = (chunk) => shown.push(chunk.toString());
    const { socket, got } = client();
    socket.write('a');
    await eventually(() => got.join('') === 'A');
    expect(shown).toEqual(['a']);
  });

  it('lets a tap see what reached the service and what it answered, also when the client is cut off before the answer', async () => {
    const tapped: string[] = [];
    proxy.tap = () => ({
      toService: (chunk) => tapped.push(`> ${chunk.toString()}`),
      toClient: (chunk) => tapped.push(`< ${chunk.toString()}`),
    });
    const cut = client();
    proxy.cutReplyTo();
    cut.socket.write('a');
    await eventually(() => cut.closed);
    proxy.cutRequest();
    const unheard = client();
    unheard.socket.write('b');
    await eventually(() => unheard.closed);
    expect(tapped).toEqual(['> a', '< A']);
    expect(cut.got).toEqual([]);
  });

  it('is slow both ways and keeps the order, until it passes', async () => {
    const { socket, got } = client();
    proxy.slow(40);
    const startedMs = performance.now();
    socket.write('a');
    await eventually(() => seen.length === 1);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(38);
    await proxy.pass();
    socket.write('b');
    await eventually(() => got.join('') === 'AB');
    // the first answer was slow too, the second waited behind it
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(76);
    proxy.slow(3_600_000);
    socket.write('never seen');
    await proxy.pass();
    const other = client();
    other.socket.write('c');
    await eventually(() => other.got.join('') === 'C');
  });

  it('holds bytes back in a black hole, one way too, and delivers them afterwards', async () => {
    const { socket, got } = client();
    socket.write('a');
    await eventually(() => got.length === 1);
    proxy.blackHole({ toService: false });
    socket.write('b');
    await eventually(() => seen.length === 2);
    expect(got).toEqual(['A']);
    proxy.blackHole();
    const late = client();
    late.socket.write('c');
    await once(late.socket, 'connect');
    await proxy.pass();
    await eventually(() => got.join('') === 'AB' && late.got.join('') === 'C');
  });

  it('lets a tap see an answer when it is given, also while a black hole keeps it and the close behind it', async () => {
    const tapped: string[] = [];
    proxy.tap = () => ({
      toService: () => undefined,
      toClient: (chunk) => tapped.push(chunk.toString()),
    });
    const one = client();
    one.socket.write('a');
    await eventually(() => one.got.join('') === 'A');
    server.once('connection', (socket) => setTimeout(() => socket.end('last'), 50));
    const two = client();
    await once(two.socket, 'connect');
    proxy.blackHole({ toService: false });
    one.socket.write('b');
    await eventually(() => tapped.includes('B') && tapped.includes('last'));
    expect([one.got, two.got, two.closed]).toEqual([['A'], [], false]);
    await proxy.pass();
    await eventually(() => one.got.join('') === 'AB' && two.got.join('') === 'last' && two.closed);
  });

  it('cuts a reply in the middle, once', async () => {
    const first = client();
    proxy.cutReplyAfter(2);
    first.socket.write('abcd');
    await eventually(() => first.closed);
    expect(first.got).toEqual(['AB']);
    const second = client();
    second.socket.write('abcd');
    await eventually(() => second.got.join('') === 'ABCD');
  });

  it('cuts after the request and before its reply', async () => {
    const { socket, got } = client();
    const closed = once(socket, 'close');
    proxy.cutReplyTo((request) => request.includes('y'));
    socket.write('x');
    await eventually(() => got.join('') === 'X');
    socket.write('y');
    await closed;
    expect([seen, got]).toEqual([['x', 'y'], ['X']]);
  });

  it('cuts instead of delivering a request', async () => {
    const { socket, got } = client();
    const closed = once(socket, 'close');
    proxy.cutRequest((request) => request.includes('y'));
    socket.write('x');
    await eventually(() => got.join('') === 'X');
    socket.write('y');
    await closed;
    expect(seen).toEqual(['x']);
  });

  it('changes a reply, once', async () => {
    const { socket, got } = client();
    proxy.rewriteReply(() => Buffer.from('?'));
    socket.write('a');
    await eventually(() => got.join('') === '?');
    socket.write('b');
    await eventually(() => got.join('') === '?B');
  });

  it('refuses or hangs up on new connections until it passes again', async () => {
    const before = client();
    await once(before.socket, 'connect');
    await proxy.refuse();
    await eventually(() => before.closed);
    const refused = client();
    const [error] = (await once(refused.socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
    await proxy.pass();
    proxy.hangUp();
    const hungUp = client();
    await eventually(() => hungUp.closed);
    expect(proxy.connections).toBe(0);
    await proxy.pass();
    const after = client();
    after.socket.write('z');
    await eventually(() => after.got.join('') === 'Z');
  });
});
