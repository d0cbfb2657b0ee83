import { ConflictError, type DocumentStore, type Runtime } from '@baton/core';
import { collectionNames, collectionSpecs } from './collections.js';
import { schemaVersion } from './entry-codec.js';
import { GroupGet } from './group-get.js';
import { GroupInsert } from './group-insert.js';
import { readPatiently } from './patience.js';

/** How far ahead of this version a schema is looked for. */
const VERSIONS_AHEAD = 8;
const CLUSTER_ID = 'cluster';
const versionIdOf = (version: number): string => `schema:${version}`;

interface SchemaOptions {
  readonly store: DocumentStore;
  readonly runtime: Runtime;
}

/**
 * The migration step: makes collections and indexes and records the schema version. One insert-only document per version, so that it
 * may run in several processes at once and any number of times. @throws ConflictError `BATON_CONFLICT_SCHEMA_NEWER`; UnavailableError
 */
export async function migrate(options: SchemaOptions): Promise<void> {
  const { store, runtime } = options;
  await readPatiently(runtime, () => store.ensureCollections(collectionSpecs));
  await refuseNewerSchema(options);
  await insertMeta(options, versionIdOf(schemaVersion), { version: schemaVersion });
}

/** @throws ConflictError `BATON_CONFLICT_SCHEMA_NEWER`; UnavailableError */
export async function refuseNewerSchema({ store, runtime }: SchemaOptions): Promise<void> {
  const newer = Array.from({ length: VERSIONS_AHEAD }, (_, index) => versionIdOf(schemaVersion + 1 + index));
  const found = await readPatiently(runtime, () => store.get(collectionNames.meta, newer));
  const highest = found.findLast((document) => document !== undefined);
  if (highest === undefined) return;
  throw new ConflictError(
    'BATON_CONFLICT_SCHEMA_NEWER',
    `the store has schema ${String(highest['version'])}, this version of Baton knows ${schemaVersion}`,
  );
}

/** Binds the store to a cluster the first time. @throws ConflictError `BATON_CONFLICT_OTHER_CLUSTER`; UnavailableError */
export async function bindCluster(options: SchemaOptions, clusterId: string): Promise<void> {
  await insertMeta(options, CLUSTER_ID, { clusterId });
  const bound = await boundCluster(options);
  if (bound === clusterId) return;
  throw new ConflictError(
    'BATON_CONFLICT_OTHER_CLUSTER',
    `the store belongs to cluster ${bound}, the jobboard to ${clusterId}`,
  );
}

async function boundCluster(options: SchemaOptions): Promise<string> {
  const meta = new GroupGet({ ...options, collection: collectionNames.meta });
  return String((await meta.getStored(CLUSTER_ID))?.['clusterId']);
}

async function insertMeta(
  options: SchemaOptions,
  id: string,
  fields: Record<string, string | number>,
): Promise<void> {
  const meta = new GroupInsert({ ...options, collection: collectionNames.meta });
  await meta.insert({ _id: id, at: options.runtime.clock.wallMs(), ...fields });
}
