import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { LocalCoordination, spawnLocalServer, type LocalServerProcess } from '@baton/local';
import { CapturingLogger } from '@baton/testkit';
import { jobBoardSuite } from '@baton/testkit/suites';

const logger = new CapturingLogger();
let folder: string;
let server: LocalServerProcess;
let worlds = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'baton-board-'));
  server = await spawnLocalServer({ listen: { path: join(folder, 's') }, file: join(folder, 'db'), logger });
});

afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

jobBoardSuite('the embedded server', async () => {
  const root = `/world${++worlds}`;
  const client = () => new LocalCoordination({ address: server.address, root, logger });
  return { primitive: client(), peer: async () => client(), dispose: async () => undefined };
});
