import { afterAll, beforeAll } from '@jest/globals';
import { LocalPartitionLog, spawnLocalServer, type LocalServerProcess } from '@baton/local';
import { CapturingLogger } from '@baton/testkit';
import { transportSuite } from '@baton/testkit/suites';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const logger = new CapturingLogger();
let folder: string;
let server: LocalServerProcess;
let worlds = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'baton-transport-'));
  server = await spawnLocalServer({ listen: { path: join(folder, 's') }, file: join(folder, 'db'), logger });
});

afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

transportSuite('the local log', async () => {
  const primitive = new LocalPartitionLog({ address: server.address, logger });
  return {
    primitive,
    peer: async () => primitive,
    topicPrefix: `world-${++worlds}.`,
    dispose: () => primitive.close(),
  };
});
