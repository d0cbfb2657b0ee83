/**
 * A server of the MongoDB protocol, one of:
 * - FerretDB on SQLite: durable, and stricter than MongoDB (no transactions, no atomic updates). It reads a whole collection for `$in`.
 * - mongo-java-server: in memory, so a restart begins with nothing; indexed by `_id`, `$in` included, as MongoDB is. No sessions.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ferretdbProgram, mongoJavaServerProgram, type Report } from './artifacts.js';
import { javaArgs } from './java.js';
import { ask, freePort, host } from './ports.js';
import { findTool } from './prerequisites.js';
import type { ServiceProgram } from './service.js';

/** The first one is the default. */
export const stores = ['ferretdb', 'mongo-java-server'] as const;
export type Store = (typeof stores)[number];

export async function mongodbProgram(folder: string, store: Store, report: Report): Promise<ServiceProgram> {
  const { command, argsFor } = await serverOf(store, folder, report);
  const port = await freePort();
  return {
    name: 'mongodb',
    endpoint: `mongodb://${host}:${port}/`,
    logFile: join(folder, 'mongodb.log'),
    folder,
    command,
    args: argsFor(port),
    isReady: async () => (await ask(port)) !== undefined,
  };
}

interface Server {
  readonly command: string;
  readonly argsFor: (port: number) => readonly string[];
}

async function serverOf(store: Store, folder: string, report: Report): Promise<Server> {
  switch (store) {
    case 'ferretdb': {
      const data = join(folder, 'mongodb');
      mkdirSync(data, { recursive: true });
      return { command: await ferretdbProgram(report), argsFor: (port) => [`${host}:${port}`, data] };
    }
    case 'mongo-java-server': {
      const settings = {
        heapMax: '1g',
        classPath: await mongoJavaServerProgram(report),
        main: 'MongoJavaServer',
      };
      return {
        command: findTool('java'),
        argsFor: (port) => javaArgs({ ...settings, mainArgs: [host, String(port)] }),
      };
    }
  }
}
