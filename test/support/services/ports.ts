/** Free ports for services. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, connect } from 'node:net';

export const host = '127.0.0.1';

// Below the range from which systems take the ports of outgoing connections: a client that keeps trying to reach a service that is down
// would sooner or later be given the very port it dials, be connected to itself, and keep the service from coming back.
const lowest = 15_000;
const highest = 32_000;

/** A port nobody listens on now. Somebody else may still be quicker: whoever starts a service on it must be ready to try another. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(lowest, highest);
    const server = createServer().listen(port, host);
    try {
      await once(server, 'listening');
    } catch {
      continue;
    }
    server.close();
    await once(server, 'close');
    return port;
  }
}

/** What a server says to `question` (with none: whether it accepts at all); `undefined` when it does not answer in time. */
export async function ask(port: number, question?: string, timeoutMs = 250): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    let answer = '';
    const end = (result: string | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => end(undefined), timeoutMs);
    socket.on('connect', () => (question === undefined ? end('') : socket.write(question)));
    socket.on('data', (data) => (answer += String(data)));
    socket.on('end', () => end(answer));
    socket.on('error', () => end(undefined));
  });
}
