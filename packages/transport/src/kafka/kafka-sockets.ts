/**
 * Purpose: opens the sockets of one kafkajs client and can end them all at once. kafkajs's own `disconnect` waits for what is
 *   in flight, which a silent broker never answers; a destroyed socket lets kafkajs reject everything and clear its timers.
 * States: open → closed; afterwards no new socket is made, so that retries inside kafkajs cannot bring the client back.
 */
import { connect, type Socket } from 'node:net';
import type { ISocketFactory } from 'kafkajs';

export class KafkaSockets {
  readonly #sockets = new Set<Socket>();
  #closed = false;

  readonly factory: ISocketFactory = ({ host, port, onConnect }) => {
    if (this.#closed) throw new Error('the client is closed');
    const socket = connect(
      { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 10_000 },
      onConnect,
    );
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  };

  /** Everything in flight is rejected; resolves when all sockets are gone. */
  async close(): Promise<void> {
    this.#closed = true;
    const gone = [...this.#sockets].map(
      (socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())),
    );
    for (const socket of this.#sockets) socket.destroy(new Error('the client is closed'));
    await Promise.all(gone);
  }
}
