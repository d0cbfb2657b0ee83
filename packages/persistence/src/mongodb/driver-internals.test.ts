import { once } from 'node:events';
import { createRequire } from 'node:module';
import net, { type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { CapturingLogger, eventually } from '@baton/testkit';
import { MongoDocumentStore } from './mongo-document-store.js';

interface DriverConnection {
  command(ns: object, command: object, options: object): Promise<unknown>;
  destroy(): void;
}

const { Connection } = createRequire(import.meta.url)('mongodb/lib/cmap/connection') as {
  readonly Connection: new (socket: Socket, options: object) => DriverConnection;
};
const { ns } = createRequire(import.meta.url)('mongodb/lib/utils') as { ns(name: string): object };

const server = net.createServer((socket) => socket.on('error', () => undefined));
let connection: DriverConnection | undefined;
beforeEach(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterEach(async () => {
  connection?.destroy();
  await new Promise((resolve) => server.close(resolve));
});

it('a command on a connection whose socket has just ended fails, and does not wait for ever', async () => {
  const { port } = server.address() as AddressInfo;
  const url = `mongodb://127.0.0.1:${port}/`;
  await new MongoDocumentStore({ url, database: 'x', logger: new CapturingLogger() }).close();
  const socket = net.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  connection = new Connection(socket, { id: 1, generation: 0, hostAddress: 'here' });
  socket.destroy(); // and its 'close' comes later
  let failure: unknown;
  connection.command(ns('admin.$cmd'), { ping: 1 }, {}).catch((error: unknown) => (failure = error));
  await eventually(() => failure, { what: 'the command has failed' });
  expect(String(failure)).toContain('closed');
});
