import { describe, expect, it } from '@jest/globals';
import { codeOf } from '@baton/core';
import { leakCheck, realRuntime } from '@baton/testkit';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { KafkaPartitionLog } from './index.js';

/** A port nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  server.close();
  await once(server, 'close');
  return port;
}

describe('KafkaPartitionLog without a broker', () => {
  it('rejects every call soon, with an error of ours, and leaves nothing behind', async () => {
    const leaks = leakCheck();
    const brokers = [`127.0.0.1:${await closedPort()}`];
    const log = new KafkaPartitionLog({ brokers, clientId: 'test', logger: realRuntime().logger });
    const reader = await log.openReader('topic');
    const attempts = await Promise.allSettled([
      log.partitions('topic'),
      log.ensureTopics([{ topic: 'topic', partitions: 1 }]),
      log.openAppender(),
      reader.bounds(0),
      reader.read({ partition: 0, from: 0, waitMs: 0 }),
    ]);
    for (const attempt of attempts) {
      expect(attempt.status).toBe('rejected');
      expect(codeOf((attempt as PromiseRejectedResult).reason)).toBe('BATON_UNAVAILABLE_DISCONNECTED');
    }
    await log.close();
    await leaks.verify();
  });

  it('ends what is in flight when it is closed, even when the broker never answers', async () => {
    const leaks = leakCheck();
    const sockets: { destroy(): void }[] = [];
    const silent = createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { readonly port: number };
    const log = new KafkaPartitionLog({
      brokers: [`127.0.0.1:${port}`],
      clientId: 'test',
      logger: realRuntime().logger,
    });
    const reader = await log.openReader('topic');
    const reading = reader.read({ partition: 0, from: 0, waitMs: 60_000 }).catch(codeOf);
    const opening = log.openAppender().catch(codeOf);
    await once(silent, 'connection');
    await log.close();
    expect(await Promise.all([reading, opening])).toEqual([
      'BATON_UNAVAILABLE_DISCONNECTED',
      'BATON_UNAVAILABLE_DISCONNECTED',
    ]);
    for (const socket of sockets) socket.destroy();
    silent.close();
    await leaks.verify();
  });
});
