/**
 * Purpose: the embedded server: listens, hands requests to the three services, commits once per turn, then answers.
 * States: listening → closed (final), by `close()` or because storage failed.
 * What is authoritative: the file (see `storage.ts`); sessions and ephemerals end with the server.
 * On failure: when storage fails nothing is answered any more, all connections are cut, and `ended` tells the error.
 * Not here: what the operations do.
 */
import { chmodSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { ConflictError, type Logger, UnavailableError } from '@baton/core';
import { checkSocketPath, type ListenAddress } from './address.js';
import { CoordinationService } from './coordination-service.js';
import { DocumentService } from './document-service.js';
import { LogService } from './log-service.js';
import { type Operation, PROTOCOL_VERSION, type RequestMessage } from './protocol.js';
import { type ConnectionEvents, ServerConnection } from './server-connection.js';
import { Storage } from './storage.js';

export interface LocalServerOptions {
  readonly listen: ListenAddress;
  /** The SQLite file, made where missing; `:memory:` keeps nothing. */
  readonly file: string;
  readonly logger: Logger;
}

export interface LocalServer {
  /** For the clients: a socket path or `127.0.0.1:port`. */
  readonly address: string;
  /** Resolves when the server is closed: with the error when it closed itself because storage failed. */
  readonly ended: Promise<unknown>;
  /** Cuts all connections and releases file and address. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts a server on a file and an address. The socket file of a dead server is replaced.
 * @throws ConflictError `BATON_CONFLICT_SERVER_RUNNING` when a living server has the file or the address;
 *   InputError `BATON_INPUT_INVALID`; UnavailableError `BATON_UNAVAILABLE_REFUSED` when the file cannot be opened or the
 *   address not be listened on.
 */
export async function startLocalServer(options: LocalServerOptions): Promise<LocalServer> {
  const listen = 'path' in options.listen ? { path: checkSocketPath(options.listen.path) } : options.listen;
  // the file first: its lock also decides who may replace a socket that was left behind
  const storage = Storage.open(options.file);
  const server = makeServer(storage, options.logger);
  try {
    await server.listen(listen);
    return server;
  } catch (error) {
    await server.close();
    throw error;
  }
}

function makeServer(storage: Storage, logger: Logger): RunningServer {
  try {
    return new RunningServer({ storage, logger });
  } catch (error) {
    storage.close();
    throw error;
  }
}

class RunningServer implements LocalServer {
  readonly ended: Promise<unknown>;
  readonly #logger: Logger;
  readonly #storage: Storage;
  readonly #coordination: CoordinationService;
  readonly #log: LogService;
  readonly #handlers: Readonly<Record<string, (request: never, peer: ServerConnection) => unknown>>;
  readonly #server: Server;
  readonly #connections = new Set<ServerConnection>();
  readonly #greeted = new WeakSet<ServerConnection>();
  readonly #due = new Set<ServerConnection>();
  #turnPending = false;
  #closing: Promise<void> | undefined;
  #tellEnded: (error: unknown) => void = () => undefined;
  #address = '';

  constructor({ storage, logger }: { readonly storage: Storage; readonly logger: Logger }) {
    this.ended = new Promise((resolve) => (this.#tellEnded = resolve));
    this.#logger = logger;
    this.#storage = storage;
    this.#coordination = new CoordinationService({ storage, logger });
    this.#log = new LogService({ storage, onWork: () => this.#endTurnSoon() });
    this.#handlers = {
      ...this.#coordination.handlers,
      ...this.#log.handlers,
      ...new DocumentService({ storage }).handlers,
    };
    this.#server = createServer((socket) => this.#accept(socket));
  }

  get address(): string {
    return this.#address;
  }

  async listen(listen: ListenAddress): Promise<void> {
    if ('path' in listen) await listenOnSocket(this.#server, listen.path);
    else await listenOnce(this.#server, { host: '127.0.0.1', port: listen.port });
    const bound = this.#server.address();
    this.#address = bound !== null && typeof bound === 'object' ? `127.0.0.1:${bound.port}` : String(bound);
    this.#logger.info('embedded server listens', { address: this.#address });
  }

  close(): Promise<void> {
    return this.#shut(undefined);
  }

  #shut(error: unknown): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#coordination.close();
      this.#log.close();
      for (const connection of this.#connections) connection.destroy();
      this.#server.close(() => {
        this.#storage.close();
        this.#tellEnded(error);
        resolve();
      });
    });
    return this.#closing;
  }

  #accept(socket: Socket): void {
    socket.setNoDelay(true);
    this.#connections.add(new ServerConnection(socket, { events: this.#events, logger: this.#logger }));
  }

  readonly #events: ConnectionEvents = {
    onHeard: (connection) => this.#coordination.heard(connection),
    onRequest: (connection, request) => this.#handle(connection, request),
    onDue: (connection) => {
      this.#due.add(connection);
      this.#endTurnSoon();
    },
    onGone: (connection) => {
      this.#connections.delete(connection);
      if (this.#closing === undefined) this.#coordination.gone(connection);
      this.#endTurnSoon();
    },
  };

  #handle(connection: ServerConnection, request: RequestMessage): unknown {
    if (!this.#greeted.has(connection)) {
      checkHello(request);
      this.#greeted.add(connection);
      return null;
    }
    const handler = this.#handlers[request.op satisfies Operation];
    if (handler === undefined) throw new TypeError(`unknown operation ${String(request.op)}`);
    return handler(request as never, connection);
  }

  /** Everything the sockets have for us in this turn of the loop goes into one commit. */
  #endTurnSoon(): void {
    if (this.#turnPending) return;
    this.#turnPending = true;
    setImmediate(() => {
      this.#turnPending = false;
      if (this.#closing === undefined) this.#endTurn();
    });
  }

  #endTurn(): void {
    try {
      this.#log.endTurn();
      this.#storage.commit();
    } catch (error) {
      this.#logger.error('storage failed, the embedded server ends', { error: String(error) });
    }
    if (this.#storage.failure !== undefined) {
      void this.#shut(this.#storage.failure);
      return;
    }
    const due = [...this.#due];
    this.#due.clear();
    for (const connection of due) connection.flush();
  }
}

function checkHello(request: RequestMessage): void {
  if (request.op !== 'hello') throw new TypeError('the first message is no hello');
  if (request.protocol !== PROTOCOL_VERSION)
    throw new UnavailableError(
      'BATON_UNAVAILABLE_REFUSED',
      `the embedded server speaks protocol ${PROTOCOL_VERSION}, this client ${request.protocol}; restart the older one`,
    );
}

async function listenOnSocket(server: Server, path: string): Promise<void> {
  try {
    await listenOnce(server, { path });
  } catch (error) {
    if ((await answers(path)) || !inUse(error)) throw error;
    rmSync(path, { force: true }); // nobody behind it: its server is dead
    await listenOnce(server, { path });
  }
  chmodSync(path, 0o600);
}

function listenOnce(
  server: Server,
  where: { readonly path: string } | { readonly host: string; readonly port: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(mapListenError(where, error));
    server.once('error', fail);
    server.listen(where, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    const tell = (alive: boolean) => {
      socket.destroy();
      resolve(alive);
    };
    socket.once('connect', () => tell(true));
    socket.once('error', () => tell(false));
  });
}

function inUse(error: unknown): boolean {
  return error instanceof ConflictError;
}

function mapListenError(where: object, error: Error): Error {
  const address = 'path' in where ? String(where.path) : `127.0.0.1:${(where as { port: number }).port}`;
  if ((error as { code?: unknown }).code === 'EADDRINUSE')
    return new ConflictError('BATON_CONFLICT_SERVER_RUNNING', `something listens on ${address} already`, {
      cause: error,
    });
  return new UnavailableError('BATON_UNAVAILABLE_REFUSED', `cannot listen on ${address}: ${error.message}`, {
    cause: error,
  });
}
