import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import { CapturingLogger } from '@baton/testkit';
import { coordinationContract, documentStoreContract, partitionLogContract } from '@baton/testkit/suites';
import { LocalCoordination, LocalDocumentStore, LocalPartitionLog } from './index.js';
import { type LocalServerProcess, spawnLocalServer } from './server-process.js';

const logger = new CapturingLogger();
let folder: string;
let server: LocalServerProcess;
let worlds = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'baton-local-'));
  server = await spawnLocalServer({ listen: { path: join(folder, 's') }, file: join(folder, 'db'), logger });
});

afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const unique = (name: string) => `${name}${++worlds}`;

coordinationContract('local', async () => {
  const root = `/${unique('world')}`;
  const client = (at: string) => new LocalCoordination({ address: server.address, root: at, logger });
  return {
    primitive: client(root),
    peer: async () => client(root),
    elsewhere: async () => client(`/${unique('world')}`),
    unreachable: async () => new LocalCoordination({ address: join(folder, 'nobody'), logger }),
    dispose: async () => undefined,
  };
});

partitionLogContract('local', async () => {
  const clients: LocalPartitionLog[] = [];
  const client = () => {
    const made = new LocalPartitionLog({ address: server.address, logger });
    clients.push(made);
    return made;
  };
  return {
    primitive: client(),
    peer: async () => client(),
    topicPrefix: unique('world'),
    dispose: async () => {
      for (const each of clients) await each.close();
    },
  };
});

documentStoreContract('local', async () => {
  const namespace = unique('world');
  const clients: LocalDocumentStore[] = [];
  const client = (name: string) => {
    const made = new LocalDocumentStore({ address: server.address, namespace: name, logger });
    clients.push(made);
    return made;
  };
  return {
    primitive: client(namespace),
    peer: async () => client(namespace),
    elsewhere: async () => client(unique('world')),
    dispose: async () => {
      for (const each of clients) await each.close();
    },
  };
});
