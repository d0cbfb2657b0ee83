import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { CapturingLogger } from '@baton/testkit';
import { journalSuite } from '@baton/testkit/suites';
import { LocalDocumentStore, startLocalServer, type LocalServer } from '../../local/src/index.js';

const logger = new CapturingLogger();
let folder: string;
let server: LocalServer;
let worlds = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'baton-journal-'));
  server = await startLocalServer({ listen: { path: join(folder, 's') }, file: join(folder, 'db'), logger });
});

afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

journalSuite('the embedded store', async () => {
  const namespace = `world${++worlds}`;
  const clients: LocalDocumentStore[] = [];
  const client = (): LocalDocumentStore => {
    const made = new LocalDocumentStore({ address: server.address, namespace, logger });
    clients.push(made);
    return made;
  };
  return {
    primitive: client(),
    peer: async () => client(),
    async dispose() {
      for (const each of clients) await each.close();
    },
  };
});
