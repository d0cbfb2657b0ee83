/**
 * Purpose: a client from addresses alone, for programs of one's own and for the command line: opens the board's and the store's service, and
 * closes them with the client.
 * Not here: reading the environment, defaults of addresses (the command line's).
 */
import { InputError, checkId } from '@baton/core';
import type { Coordination, DocumentStore, Logger } from '@baton/core';
import { checkOptions } from './check-options.js';
import { Client } from './client.js';
import { systemRuntime } from './system-runtime.js';

/** Where a cluster is: its services, or the embedded server that stands in for them (`baton dev`). */
export type ClusterAddress = ServiceAddresses | LocalAddress;

export interface ServiceAddresses {
  /** `host:port,host:port/root`: the root is the same for all that belongs to one cluster. */
  readonly zookeeper: string;
  /** `mongodb://…` */
  readonly mongodb: string;
  readonly local?: undefined;
  /** Default `baton`. */
  readonly database?: string | undefined;
}

export interface LocalAddress {
  /** What `baton dev` prints as `BATON_LOCAL_SOCKET`. */
  readonly local: string;
  readonly database?: string | undefined;
}

export type OpenClientOptions = ClusterAddress & {
  /** Name of the jobboard. Default `default`. */
  readonly board?: string;
  /** Label of this client in the board's records. Default `client-` and the pid. */
  readonly clientId?: string;
  /** Told about services that come and go. Default: nobody is. */
  readonly logger?: Logger;
};

export const clusterDefaults = Object.freeze({ database: 'baton', board: 'default' });

const ignore = (): void => undefined;
const silent: Logger = Object.freeze({ debug: ignore, info: ignore, warn: ignore, error: ignore });

/**
 * A client of the cluster at these addresses. It connects with its first call, which fails with an UnavailableError when a service is away;
 * `close` ends all that was opened, so that nothing of it keeps the process alive.
 * @throws InputError `BATON_INPUT_INVALID` for an address that is missing or none
 */
export async function openClient(options: OpenClientOptions): Promise<Client> {
  checkOptions('openClient', options);
  const { board = clusterDefaults.board, clientId = `client-${process.pid}`, logger = silent } = options;
  checkId('board', board);
  // first what opens nothing yet: after a bad address nobody would close the store
  const coordination = await openCoordination(options, logger);
  const store = await openStore(options, logger);
  return new OwningClient({ runtime: systemRuntime(logger), coordination, store, board, clientId });
}

class OwningClient extends Client {
  readonly #store: DocumentStore;

  constructor(deps: ConstructorParameters<typeof Client>[0]) {
    super(deps);
    this.#store = deps.store;
  }

  override async close(): Promise<void> {
    await super.close();
    await this.#store.close();
  }
}

/** @throws InputError `BATON_INPUT_INVALID` */
export async function openCoordination(address: ClusterAddress, logger: Logger): Promise<Coordination> {
  const { database = clusterDefaults.database } = address;
  if (address.local !== undefined) {
    const { LocalCoordination } = await import('@baton/local');
    // one embedded server can hold several clusters: they are told apart by the same name as databases are
    return new LocalCoordination({ address: given('local', address.local), root: `/${database}`, logger });
  }
  const { ZookeeperCoordination } = await import('@baton/jobboard/zookeeper');
  return new ZookeeperCoordination({ hosts: given('zookeeper', address.zookeeper), logger });
}

/** @throws InputError `BATON_INPUT_INVALID` */
export async function openStore(address: ClusterAddress, logger: Logger): Promise<DocumentStore> {
  const { database = clusterDefaults.database } = address;
  if (address.local !== undefined) {
    const { LocalDocumentStore } = await import('@baton/local');
    return new LocalDocumentStore({ address: given('local', address.local), namespace: database, logger });
  }
  const { MongoDocumentStore } = await import('@baton/persistence/mongodb');
  return new MongoDocumentStore({ url: given('mongodb', address.mongodb), database, logger });
}

/** Programs in JavaScript, and variables that are not set, know no types. */
function given(name: string, address: unknown): string {
  if (typeof address === 'string' && address !== '') return address;
  throw new InputError(
    'BATON_INPUT_INVALID',
    `${name} must be an address, got ${address === '' ? "''" : typeof address}`,
  );
}
