/** A server of the MongoDB protocol: FerretDB on SQLite, durable, and stricter than MongoDB (no transactions, no atomic updates). */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ask, freePort, host } from './ports.js';
import type { ServiceProgram } from './service.js';

export async function mongodbProgram(folder: string, ferretdb: string): Promise<ServiceProgram> {
  const data = join(folder, 'mongodb');
  mkdirSync(data, { recursive: true });
  const port = await freePort();
  return {
    name: 'mongodb',
    endpoint: `mongodb://${host}:${port}/`,
    logFile: join(folder, 'mongodb.log'),
    folder,
    command: ferretdb,
    args: [`${host}:${port}`, data],
    isReady: async () => (await ask(port)) !== undefined,
  };
}
