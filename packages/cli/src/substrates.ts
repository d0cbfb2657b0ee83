/**
 * Purpose: the composition root's choice of the three substrates: the embedded server, or ZooKeeper, Kafka and MongoDB. The client
 * libraries are loaded only when they are used, so that a guard or `--help` starts fast.
 */
import { openCoordination as coordinationAt, openStore as storeAt, type ClusterAddress } from '@baton/client';
import type { Coordination, DocumentStore, Logger, PartitionLog } from '@baton/core';
import type { KafkaPartitionLog } from '@baton/transport/kafka';
import type { Settings } from './settings.js';

export interface Substrates {
  readonly coordination: Coordination;
  readonly log: PartitionLog;
  readonly store: DocumentStore;
  close(): Promise<void>;
}

/** Where the settings say that the cluster is, as far as a client needs to know. */
export function clusterAddress(settings: Settings): ClusterAddress {
  const local = settings.maybe('local.socket');
  const database = settings.get('persistence.mongodb.db');
  if (local !== undefined) return { local, database };
  return {
    zookeeper: settings.get('jobboard.zookeeper.hosts'),
    mongodb: settings.get('persistence.mongodb.url'),
    database,
  };
}

/** What a guard needs, and nothing more. */
export function openCoordination(settings: Settings, logger: Logger): Promise<Coordination> {
  return coordinationAt(clusterAddress(settings), logger);
}

export function openStore(settings: Settings, logger: Logger): Promise<DocumentStore> {
  return storeAt(clusterAddress(settings), logger);
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
