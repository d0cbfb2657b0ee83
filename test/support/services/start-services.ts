/**
 * Purpose: real ZooKeeper, Kafka and a server of the MongoDB protocol, each a process of its own on free ports, for the whole test run or for
 * one test that needs its own to kill. Data lie in a temporary folder.
 * On failure: whatever was started is ended and the first error thrown. If this process ends in any way, SIGKILL included, the
 * services end and the folder goes with it (leash.sh).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { javaPrograms, type Report } from './artifacts.js';
import type { Endpoints } from './endpoints.js';
import { kafkaProgram, type KafkaDoor } from './kafka.js';
import { mongodbProgram, stores, type Store } from './mongodb.js';
import {
  ProcessService,
  ServiceFailedToStart,
  ServiceGroup,
  type Service,
  type ServiceProgram,
} from './service.js';
import { zookeeperPrograms } from './zookeeper.js';

export type { Service } from './service.js';

export type ServiceName = keyof Endpoints;
export const serviceNames: readonly ServiceName[] = ['zookeeper', 'kafka', 'mongodb'];

const startAttemptsMax = 3;

export interface StartOptions {
  /** Default: all three. */
  readonly only?: readonly ServiceName[];
  /** Servers of the ZooKeeper ensemble. Default 1. */
  readonly zookeepers?: 1 | 3;
  /** Which server of the MongoDB protocol. Default: FerretDB. */
  readonly store?: Store;
  /** Further ways into Kafka. Default none. */
  readonly kafkaDoors?: readonly KafkaDoor[];
  /** Told what takes long the first time. Default: nobody. */
  readonly report?: Report;
}

export interface Services {
  /** Throw when the service was not asked for. */
  readonly zookeeper: Service;
  readonly kafka: Service;
  readonly mongodb: Service;
  /** The ZooKeeper servers one by one. */
  readonly zookeepers: readonly Service[];
  /** Connection strings of what was started. */
  readonly endpoints: Partial<Endpoints>;
  /** Where their data and logs lie. */
  readonly folder: string;
  /** The first server that ends, be it that somebody ends it. */
  readonly lost: Promise<Service>;
  /** Ends everything and removes the data, unless they are to be kept. Idempotent. */
  stop(options?: { readonly keepData?: boolean }): Promise<void>;
}

/** Resolves when all of them answer. The first time on a machine it fetches and builds: allow five minutes. */
export async function startServices(options: StartOptions = {}): Promise<Services> {
  const { only = serviceNames, zookeepers = 1, kafkaDoors = [], report = () => undefined } = options;
  const { store = stores[0] } = options;
  const folder = mkdtempSync(join(tmpdir(), 'baton-services-'));
  const place: Place = { folder, zookeepers, store, kafkaDoors, report };
  const started = new Map<ServiceName, Service>();
  const stop: Services['stop'] = async ({ keepData = false } = {}) => {
    await Promise.all([...started.values()].map((service) => service.kill()));
    if (!keepData) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const outcomes = await Promise.allSettled(
    only.map(async (name) => started.set(name, await startOne(name, place))),
  );
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  return access({ started, folder, stop });
}

function access({
  started,
  folder,
  stop,
}: Pick<Services, 'folder' | 'stop'> & { readonly started: ReadonlyMap<ServiceName, Service> }): Services {
  const get = (name: ServiceName): Service => {
    const service = started.get(name);
    if (service === undefined) throw new Error(`${name} was not started: name it in \`only\``);
    return service;
  };
  return {
    get zookeeper() {
      return get('zookeeper');
    },
    get kafka() {
      return get('kafka');
    },
    get mongodb() {
      return get('mongodb');
    },
    get zookeepers() {
      const zookeeper = get('zookeeper');
      return zookeeper instanceof ServiceGroup ? zookeeper.members : [zookeeper];
    },
    folder,
    lost: firstEnded([...started.values()]),
    stop,
    endpoints: Object.fromEntries([...started].map(([name, service]) => [name, service.endpoint])),
  };
}

function firstEnded(services: readonly Service[]): Promise<Service> {
  const servers = services.flatMap((one) => (one instanceof ServiceGroup ? one.members : [one]));
  return Promise.race(servers.map(async (server) => server.ended.then(() => server)));
}

interface Place {
  readonly folder: string;
  readonly zookeepers: 1 | 3;
  readonly store: Store;
  readonly kafkaDoors: readonly KafkaDoor[];
  readonly report: Report;
}

/** A free port can be taken before the service has it: then again, with others. */
async function startOne(name: ServiceName, place: Place): Promise<Service> {
  for (let attempt = 1; ; attempt++) {
    const [first, ...others] = (await prepare(name, place)).map((program) => new ProcessService(program));
    if (first === undefined) throw new Error(`nothing to start for ${name}`);
    const service = others.length === 0 ? first : new ServiceGroup(name, [first, ...others]);
    try {
      await service.start();
      return service;
    } catch (error) {
      await service.kill();
      if (!(error instanceof ServiceFailedToStart && error.portTaken) || attempt === startAttemptsMax)
        throw error;
    }
  }
}

async function prepare(
  name: ServiceName,
  { folder, zookeepers, store, kafkaDoors, report }: Place,
): Promise<ServiceProgram[]> {
  switch (name) {
    case 'zookeeper':
      return zookeeperPrograms(folder, zookeepers, await javaPrograms(report), report);
    case 'kafka':
      return [await kafkaProgram(folder, await javaPrograms(report), report, kafkaDoors)];
    case 'mongodb':
      return [await mongodbProgram(folder, store, report)];
  }
}
