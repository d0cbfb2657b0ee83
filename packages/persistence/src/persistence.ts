/**
 * Purpose: one store, seen as the protocols need it. Opening runs the migration step.
 * States: open → closed. What is authoritative, failures: see each part.
 * Not here: the substrate's life: whoever made the store closes it, after this.
 */
import type { DocumentStore, Runtime } from '@baton/core';
import { Commands } from './commands.js';
import { Definitions } from './definitions.js';
import { Environments } from './environments.js';
import { Events } from './events.js';
import { JobRecords } from './job-records.js';
import { Journal } from './journal.js';
import { NotificationRecords } from './notifications.js';
import { Payloads, type PayloadLimits } from './payloads.js';
import { ReadModels } from './read-models.js';
import { Retention } from './retention.js';
import { Schedules } from './schedules.js';
import { bindCluster, migrate, refuseNewerSchema } from './schema.js';
import { Snapshots } from './snapshots.js';
import { StoreHealth } from './store-health.js';

export interface PersistenceOptions {
  readonly store: DocumentStore;
  readonly runtime: Runtime;
  /** The jobboard's cluster: a store that belongs to another one is refused. */
  readonly clusterId?: string;
  /** Makes nothing in the store: for looking only. */
  readonly readOnly?: boolean;
  /** Limits of user values; `valueLimits` by default. */
  readonly limits?: PayloadLimits;
}

export interface Persistence {
  readonly journal: Journal;
  readonly snapshots: Snapshots;
  readonly payloads: Payloads;
  readonly definitions: Definitions;
  readonly jobs: JobRecords;
  readonly commands: Commands;
  readonly schedules: Schedules;
  readonly environments: Environments;
  readonly events: Events;
  readonly notifications: NotificationRecords;
  readonly readModels: ReadModels;
  readonly retention: Retention;
  /** Whether the store takes what is written. */
  readonly health: Pick<StoreHealth, 'problem' | 'onBack'>;
  /** What is not decided is rejected, what is not written of the read models is dropped (`readModels.idle()` first). Idempotent. */
  close(): void;
}

/**
 * @throws ConflictError `BATON_CONFLICT_SCHEMA_NEWER`, `BATON_CONFLICT_OTHER_CLUSTER`; UnavailableError after 30 s without the store
 */
export async function openPersistence(options: PersistenceOptions): Promise<Persistence> {
  const { runtime, clusterId, readOnly = false, limits } = options;
  const store = new StoreHealth(options);
  try {
    if (readOnly) await refuseNewerSchema({ store, runtime });
    else await migrate({ store, runtime });
    if (clusterId !== undefined && !readOnly) await bindCluster({ store, runtime }, clusterId);
  } catch (error) {
    await store.close(); // or it would ask for the store until that is back
    throw error;
  }
  const snapshots = new Snapshots({ store, runtime });
  const journal = new Journal({ store, runtime, snapshots });
  const payloads = new Payloads({ store, runtime, ...(limits === undefined ? {} : { limits }) });
  const definitions = new Definitions({ store, runtime });
  const jobs = new JobRecords({ store, runtime });
  const commands = new Commands({ store, runtime });
  const schedules = new Schedules({ store, runtime });
  const environments = new Environments({ store, runtime });
  const events = new Events({ store, runtime });
  const notifications = new NotificationRecords({ store, runtime });
  const readModels = new ReadModels({ store, runtime });
  const stores = { journal, snapshots, payloads, definitions, jobs, commands, schedules };
  const parts = { ...stores, environments, events, notifications, readModels };
  return {
    ...parts,
    retention: new Retention({ store, runtime, journal }),
    health: store,
    close() {
      for (const part of Object.values(parts)) part.close();
      void store.close();
    },
  };
}
