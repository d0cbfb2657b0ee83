/**
 * Purpose: DocumentStore on a server of the MongoDB protocol: MongoDB 6 to 8, and FerretDB 1.24 (which has no transactions, whose
 *   updates are not atomic, and where nothing but a filter on one exact `_id` uses an index).
 * States: connecting in the background until it works once; then the driver's pool comes and goes by itself. Closed for good by `close`.
 * What is authoritative: writes are acknowledged by the majority and journalled; reads go to the primary and see only what a majority
 *   has, so nothing that is read can be rolled back. A read may still be old.
 * On failure: an insert without an answer is `unknown` for each of its documents; reads and replaces reject with an UnavailableError.
 *   An outage is noticed within 2 s (no server) or 10 s (a server that does not answer). Nothing is retried here.
 * Not here: repeating, batching over time, what documents mean.
 */
import { setTimeout as delay } from 'node:timers/promises';
import {
  InputError,
  type CollectionSpec,
  type DocumentStore,
  type FindQuery,
  type InsertVerdict,
  type Logger,
  type StoredDocument,
} from '@baton/core';
import {
  MongoClient,
  ReadConcern,
  type Db,
  type Document,
  type Filter,
  type ServerDescription,
} from 'mongodb';
import { documentSizeOf } from '../document-size.js';
import { fromBson, toBson } from './bson-documents.js';
import { failWritesToClosedSockets } from './driver-internals.js';
import { isUnanswered, mapError } from './map-error.js';
import { firstWriteFailure, insertVerdicts } from './write-answers.js';
import { WriteLine } from './write-line.js';

export interface MongoDocumentStoreOptions {
  /** `mongodb://…` with credentials, replica set and TLS options as the server needs them. Never logged. */
  readonly url: string;
  readonly database: string;
  readonly logger: Logger;
}

const DOCUMENT_BYTES_MAX = 1024 * 1024;
/** One command carries at most so much; servers allow 48 MB. */
const COMMAND_BYTES_MAX = 16 * 1024 * 1024;
const INSERTS_PER_COMMAND_MAX = 10_000;
/**
 * FerretDB keeps a connection of its own for each update until its command ends, needs one more to carry it out, and hangs for good when all of its hundred are
 * taken: so many in one command, and one command at a time, are safe for twenty processes.
 */
const UPDATES_PER_COMMAND_MAX = { ferretdb: 4, mongodb: 100 };
/** One by one, each perhaps a scan: a command must end before it looks like an outage. */
const DELETES_PER_COMMAND_MAX = 100;
const IDS_PER_QUERY_MAX = 1_000;
const WRITE_CONCERN = { w: 'majority', j: true } as const;
const READ = { readConcern: new ReadConcern('majority'), promoteBuffers: false } as const;
const NAMESPACE_EXISTS = 48;
const WRITABLE = new Set(['RSPrimary', 'Standalone', 'Mongos', 'LoadBalancer']);

const READS_AT_ONCE = 16;
const CONNECT_AGAIN_MS = 100;

const clientOptions = {
  appName: 'baton',
  // our own repeating needs to know what happened; and FerretDB would carry out a driver's retry twice
  retryWrites: false,
  retryReads: false,
  readPreference: 'primary',
  maxPoolSize: READS_AT_ONCE,
  // a takeover must not pay for connecting
  minPoolSize: 4,
  serverSelectionTimeoutMS: 2_000,
  connectTimeoutMS: 2_000,
  socketTimeoutMS: 10_000,
  waitQueueTimeoutMS: 5_000,
  heartbeatFrequencyMS: 2_000,
  // how soon a server is looked at again after a broken connection
  minHeartbeatFrequencyMS: 50,
} as const;

interface Sized {
  /** Place among the documents of the call. */
  readonly index: number;
  readonly bson: Document;
  readonly sizeBytes: number;
}

interface StoredBson extends Document {
  readonly _id: string;
}

export class MongoDocumentStore implements DocumentStore {
  readonly #client: MongoClient;
  readonly #db: Db;
  readonly #logger: Logger;
  /** Updates and deletes of a FerretDB. */
  readonly #writes = new WriteLine();
  /** Why there is no connection yet. */
  #connectFailure: unknown;
  #isClosed = false;
  #isReachable: boolean | undefined;
  #kind: 'mongodb' | 'ferretdb' | undefined;

  /** Begins to connect; no call needs to wait for it. @throws InputError `BATON_INPUT_INVALID` for a url that is none */
  constructor({ url, database, logger }: MongoDocumentStoreOptions) {
    this.#logger = logger;
    failWritesToClosedSockets();
    try {
      this.#client = new MongoClient(url, clientOptions);
    } catch (cause) {
      throw new InputError('BATON_INPUT_INVALID', 'the address of the store is not a MongoDB url', { cause });
    }
    this.#db = this.#client.db(database);
    this.#client.on('topologyDescriptionChanged', ({ newDescription }) =>
      this.#noteReachable([...newDescription.servers.values()]),
    );
    void this.#connect();
  }

  async ensureCollections(collections: readonly CollectionSpec[]): Promise<void> {
    for (const { name, indexes = [] } of collections) {
      await this.#create(name);
      for (const field of indexes)
        await this.#try(() => this.#db.collection(name).createIndex({ [field]: 1, _id: 1 }));
    }
  }

  async insert(collection: string, documents: readonly StoredDocument[]): Promise<readonly InsertVerdict[]> {
    const verdicts = new Array<InsertVerdict>(documents.length);
    const sendable: Sized[] = [];
    for (const [index, document] of documents.entries()) {
      const sizeBytes = documentSizeOf(document);
      if (sizeBytes <= DOCUMENT_BYTES_MAX) sendable.push({ index, bson: toBson(document), sizeBytes });
      else verdicts[index] = { verdict: 'refused', cause: tooLarge(document, sizeBytes) };
    }
    for (const batch of batchesOf(sendable, INSERTS_PER_COMMAND_MAX))
      await this.#insertBatch(collection, batch, verdicts);
    return verdicts;
  }

  async get(collection: string, ids: readonly string[]): Promise<readonly (StoredDocument | undefined)[]> {
    if (ids.length === 0) return [];
    const found = await this.#try(async () =>
      ids.length > 1 && (await this.#serverKind()) === 'mongodb'
        ? this.#getByList(collection, ids)
        : this.#getOneByOne(collection, ids),
    );
    const byId = new Map(found.map((bson) => [bson._id, bson]));
    return ids.map((id) => {
      const bson = byId.get(id);
      return bson && fromBson(bson);
    });
  }

  async find(collection: string, query: FindQuery): Promise<readonly StoredDocument[]> {
    const { where, after, order = 'ascending', limit } = query;
    if (where?.oneOf.length === 0 || limit <= 0) return [];
    const filter: Record<string, unknown> = {};
    if (where !== undefined) filter[where.field] = { $in: where.oneOf };
    if (after !== undefined) filter['_id'] = { [order === 'ascending' ? '$gt' : '$lt']: after };
    const found = await this.#try(() =>
      this.#collection(collection)
        .find(filter as Filter<StoredBson>, READ)
        .sort({ _id: order === 'ascending' ? 1 : -1 })
        .limit(limit)
        .toArray(),
    );
    return found.map(fromBson);
  }

  async replace(collection: string, documents: readonly StoredDocument[]): Promise<void> {
    const sized = documents.map((document, index): Sized => {
      const sizeBytes = documentSizeOf(document);
      if (sizeBytes > DOCUMENT_BYTES_MAX) throw tooLarge(document, sizeBytes);
      return { index, bson: toBson(document), sizeBytes };
    });
    const countMax = UPDATES_PER_COMMAND_MAX[await this.#try(() => this.#serverKind())];
    for (const batch of batchesOf(sized, countMax)) {
      const updates = batch.map(({ bson }) => ({ q: { _id: bson['_id'] as string }, u: bson, upsert: true }));
      await this.#write({ update: collection, updates });
    }
  }

  async delete(collection: string, ids: readonly string[]): Promise<void> {
    for (let from = 0; from < ids.length; from += DELETES_PER_COMMAND_MAX) {
      const deletes = ids
        .slice(from, from + DELETES_PER_COMMAND_MAX)
        .map((_id) => ({ q: { _id }, limit: 1 }));
      await this.#write({ delete: collection, deletes });
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#client.removeAllListeners('topologyDescriptionChanged');
    await this.#client
      .close()
      .catch((reason: unknown) => this.#logger.debug('store.close.failed', { reason }));
  }

  async #insertBatch(collection: string, batch: readonly Sized[], verdicts: InsertVerdict[]): Promise<void> {
    const documents = batch.map(({ bson }) => bson);
    const command = { insert: collection, documents, ordered: false, writeConcern: WRITE_CONCERN };
    try {
      const found = insertVerdicts(await this.#db.command(command), batch.length);
      for (const [place, verdict] of found.entries()) {
        const sized = batch[place];
        if (sized !== undefined) verdicts[sized.index] = verdict;
      }
    } catch (error) {
      const cause = this.#mapped(error);
      const verdict = isUnanswered(cause) ? 'unknown' : 'refused';
      if (verdict === 'unknown' || batch.length === 1) {
        for (const { index } of batch) verdicts[index] = { verdict, cause };
        return;
      }
      // the whole command was refused for some of its documents: halve until they stand alone
      const middle = batch.length >> 1;
      await this.#insertBatch(collection, batch.slice(0, middle), verdicts);
      await this.#insertBatch(collection, batch.slice(middle), verdicts);
    }
  }

  #getByList(collection: string, ids: readonly string[]): Promise<StoredBson[]> {
    const lists: string[][] = [];
    for (let from = 0; from < ids.length; from += IDS_PER_QUERY_MAX)
      lists.push(ids.slice(from, from + IDS_PER_QUERY_MAX));
    const finds = lists.map((list) =>
      this.#collection(collection)
        .find({ _id: { $in: list } }, { ...READ, batchSize: list.length })
        .toArray(),
    );
    return Promise.all(finds).then((found) => found.flat());
  }

  /** FerretDB reads the whole collection for `$in`, and one document for one exact id. */
  async #getOneByOne(collection: string, ids: readonly string[]): Promise<StoredBson[]> {
    const found: StoredBson[] = [];
    // no more at once than there are connections: what waits for one gives up after a while
    for (let from = 0; from < ids.length; from += READS_AT_ONCE) {
      const some = ids.slice(from, from + READS_AT_ONCE);
      const finds = some.map((_id) => this.#collection(collection).findOne({ _id }, READ));
      for (const document of await Promise.all(finds)) if (document !== null) found.push(document);
    }
    return found;
  }

  async #serverKind(): Promise<'mongodb' | 'ferretdb'> {
    this.#kind ??= 'ferretdbVersion' in (await this.#db.command({ buildInfo: 1 })) ? 'ferretdb' : 'mongodb';
    return this.#kind;
  }

  async #write(command: Document): Promise<void> {
    const whole = { ...command, ordered: false, writeConcern: WRITE_CONCERN };
    const kind = await this.#try(() => this.#serverKind());
    const carryOut = (): Promise<Document> => this.#try(() => this.#db.command(whole));
    const failure = firstWriteFailure(await (kind === 'ferretdb' ? this.#writes.pass(carryOut) : carryOut()));
    if (failure !== undefined) throw failure;
  }

  async #create(name: string): Promise<void> {
    try {
      await this.#db.createCollection(name);
    } catch (error) {
      if ((error as { code?: unknown }).code !== NAMESPACE_EXISTS) throw this.#mapped(error);
    }
  }

  #collection(name: string) {
    return this.#db.collection<StoredBson>(name);
  }

  async #try<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await operation();
    } catch (error) {
      throw this.#mapped(error);
    }
  }

  /** A driver whose first connection fails closes itself for good: it has to be told to connect until one stands. */
  async #connect(): Promise<void> {
    while (!this.#isClosed) {
      try {
        await this.#client.connect();
        this.#connectFailure = undefined;
        if (this.#isClosed) await this.#client.close();
        return;
      } catch (error) {
        this.#connectFailure = error;
        await delay(CONNECT_AGAIN_MS);
      }
    }
  }

  /** What an operation met while no connection ever stood says nothing; why none stands does. */
  #mapped(error: unknown): Error {
    return mapError(this.#connectFailure ?? error);
  }

  #noteReachable(servers: readonly ServerDescription[]): void {
    const isReachable = servers.some(({ type }) => WRITABLE.has(type));
    const isUnasked = servers.some(({ error }) => error === null);
    if (isReachable === this.#isReachable || (this.#isReachable === undefined && !isReachable && isUnasked))
      return;
    this.#isReachable = isReachable;
    if (isReachable) this.#logger.info('store.reachable');
    else
      this.#logger.warn('store.unreachable', { error: servers.find(({ error }) => error !== null)?.error });
  }
}

function* batchesOf(documents: readonly Sized[], countMax: number): Generator<readonly Sized[]> {
  let batch: Sized[] = [];
  let bytes = 0;
  for (const sized of documents) {
    if (batch.length === countMax || bytes + sized.sizeBytes > COMMAND_BYTES_MAX) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(sized);
    bytes += sized.sizeBytes;
  }
  if (batch.length > 0) yield batch;
}

function tooLarge({ _id }: StoredDocument, sizeBytes: number): InputError {
  return new InputError(
    'BATON_INPUT_TOO_LARGE',
    `document ${_id} has ${sizeBytes} bytes; at most ${DOCUMENT_BYTES_MAX} are allowed`,
    { details: { id: _id, sizeBytes, bytesMax: DOCUMENT_BYTES_MAX } },
  );
}
