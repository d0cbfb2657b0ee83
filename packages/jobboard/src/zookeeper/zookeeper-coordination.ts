/**
 * Purpose: ZooKeeper as the port Coordination.
 * States: none; each session has its own connection and life.
 * Authoritative: ZooKeeper.
 * On failure: see `ZookeeperSession`.
 * Not here: anything that decides; TLS and ACLs are not offered yet.
 */
import {
  InputError,
  UnavailableError,
  type Coordination,
  type CoordinationSession,
  type LastWords,
  type Logger,
  type SessionToken,
} from '@baton/core';
import { CuredConnection } from './cured-connection.js';
import { checkOperations } from './request-checks.js';
import { ZookeeperSession } from './zookeeper-session.js';

export interface ZookeeperCoordinationOptions {
  /** `host:port,host:port`, with or without a root behind: `zk1:2181,zk2:2181/baton`. */
  readonly hosts: string;
  /** Root below that of `hosts`. All paths are below it; it is created on first use. */
  readonly chroot?: string;
  readonly logger: Logger;
}

const hostsShape = /^([^/,\s]+(?:,[^/,\s]+)*)((?:\/[^/\s]+)*)\/?$/;
const chrootShape = /^(?:\/[^/\s]+)*$/;

export class ZookeeperCoordination implements Coordination {
  readonly #servers: string;
  readonly #root: string;
  readonly #logger: Logger;

  /** @throws InputError `BATON_INPUT_INVALID` */
  constructor({ hosts, chroot = '', logger }: ZookeeperCoordinationOptions) {
    const [, servers, root = ''] = hostsShape.exec(hosts) ?? [];
    if (servers === undefined || !servers.split(',').every(isServer) || !chrootShape.test(chroot))
      throw new InputError(
        'BATON_INPUT_INVALID',
        `ZooKeeper address ${JSON.stringify(hosts + chroot)} is not host:port,host:port/root`,
      );
    this.#servers = servers;
    this.#root = root + chroot;
    this.#logger = logger;
  }

  async connect(options: {
    readonly timeoutMs: number;
    readonly connectTimeoutMs?: number;
  }): Promise<CoordinationSession> {
    const { timeoutMs, connectTimeoutMs = timeoutMs } = options;
    const session = await ZookeeperSession.open({
      servers: this.#servers,
      root: this.#root,
      timeoutMs,
      connectTimeoutMs,
      logger: this.#logger,
    });
    try {
      if ((await session.exists('/')) === undefined) await session.createRoot();
    } catch (error) {
      await session.close();
      throw error;
    }
    return session;
  }

  async endSession(
    token: SessionToken,
    { timeoutMs, lastWords }: { readonly timeoutMs: number; readonly lastWords?: LastWords },
  ): Promise<void> {
    const connection = new CuredConnection({
      servers: this.#servers,
      timeoutMs,
      attachTo: token,
      logger: this.#logger,
      onState: () => undefined,
      onBeat: () => undefined,
    });
    connection.start();
    if (await connection.close(lastWords && this.#sayable(lastWords))) return;
    throw new UnavailableError(
      'BATON_UNAVAILABLE_DEADLINE',
      `ZooKeeper at ${this.#servers} did not confirm the end of a session within ${timeoutMs} ms`,
    );
  }

  /** Words that the server would answer by cutting the connection are left out. */
  #sayable({ path, data }: LastWords): LastWords | undefined {
    try {
      checkOperations([{ type: 'set', path, data }]);
      return { path: this.#root + path, data };
    } catch (error) {
      this.#logger.warn('zookeeper.last-words-unsayable', { path, error });
      return undefined;
    }
  }
}

/** `host` or `host:port`: the client library breaks on anything else. */
function isServer(text: string): boolean {
  const [server, port = '2181'] = /^[^:]+(?::(\d+))?$/.exec(text) ?? [];
  return server !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
}
