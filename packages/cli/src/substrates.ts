/**
 * Purpose: the composition root's choice of the three substrates: the embedded server, or ZooKeeper, Kafka and MongoDB. The client
 * libraries are loaded only when they are used, so that a guard or `--help` starts fast.
 */
import type { Coordination, DocumentStore, Logger, PartitionLog } from '@baton/core';
import type { KafkaPartitionLog } from '@baton/transport/kafka';
import type { Settings } from './settings.js';

export interface Substrates {
  readonly coordination: Coordination;
  readonly log: PartitionLog;
  readonly store: DocumentStore;
  close(): Promise<void>;
}

/** What a guard needs, and nothing more. */
export async function openCoordination(settings: Settings, logger: Logger): Promise<Coordination> {
  const address = settings.maybe('local.socket');
  if (address !== undefined) {
    const { LocalCoordination } = await import('@baton/local');
    return new LocalCoordination({ address, root: localRoot(settings), logger });
  }
  const { ZookeeperCoordination } = await import('@baton/jobboard/zookeeper');
  return new ZookeeperCoordination({ hosts: settings.get('jobboard.zookeeper.hosts'), logger });
}

export async function openStore(settings: Settings, logger: Logger): Promise<DocumentStore> {
  const address = settings.maybe('local.socket');
  if (address !== undefined) {
    const { LocalDocumentStore } = await import('@baton/local');
    return new LocalDocumentStore({ address, namespace: settings.get('persistence.mongodb.db'), logger });
  }
  const { MongoDocumentStore } = await import('@baton/persistence/mongodb');
  return new MongoDocumentStore({
    url: settings.get('persistence.mongodb.url'),
    database: settings.get('persistence.mongodb.db'),
    logger,
  });
}

export async function openLog(settings: Settings, clientId: string, logger: Logger): Promise<PartitionLog> {
  const address = settings.maybe('local.socket');
  if (address === undefined) return openKafka(settings, clientId, logger);
  const { LocalPartitionLog } = await import('@baton/local');
  return new LocalPartitionLog({ address, logger });
}

export async function openKafka(
  settings: Settings,
  clientId: string,
  logger: Logger,
): Promise<KafkaPartitionLog> {
  const { KafkaPartitionLog } = await import('@baton/transport/kafka');
  const brokers = settings
    .get('transport.kafka.brokers')
    .split(',')
    .map((broker) => broker.trim());
  const replication = settings.maybe('transport.kafka.replication');
  return new KafkaPartitionLog({ brokers, clientId, logger, replication });
}

export async function openSubstrates(
  settings: Settings,
  clientId: string,
  logger: Logger,
): Promise<Substrates> {
  const [coordination, log, store] = await Promise.all([
    openCoordination(settings, logger),
    openLog(settings, clientId, logger),
    openStore(settings, logger),
  ]);
  return {
    coordination,
    log,
    store,
    async close() {
      await Promise.all([log.close(), store.close()]);
    },
  };
}

/** One embedded server can hold several clusters: they are told apart by the same name as databases are. */
function localRoot(settings: Settings): string {
  return `/${settings.get('persistence.mongodb.db')}`;
}
