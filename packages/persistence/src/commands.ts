/**
 * Purpose: operator commands to a flow, numbered without gaps from 1, read by its owner (P-1108).
 * States: none; stored or not.
 * What is authoritative: the insert: the number in the id is the place in the order. A key is an insert of its own, before that of its command.
 * On failure: as GroupInsert. A stale read finds fewer; the next reading finds the rest.
 * Not here: applying a command, and remembering which were applied (`command` facts in the journal).
 */
import { ConflictError, InputError } from '@baton/core';
import type { DocumentStore, FindQuery, JsonValue, Runtime, StoredDocument } from '@baton/core';
import { BoundedCache } from './bounded-cache.js';
import { collectionNames } from './collections.js';
import { GroupGet } from './group-get.js';
import { GroupInsert } from './group-insert.js';
import { gaveUp, readPatiently } from './patience.js';
import { purgedAfterMs } from './retention.js';

/** Flows asked about in one query: owners ask for all of theirs at once, and mostly there is nothing. */
const FLOWS_PER_QUERY_MAX = 500;
const PAGE = 1_000;
/** So few flows are asked about by exact ids, which costs as much however many commands other flows have. */
const FEW = 16;
/** So many that its owner knows are read again, to ask for many flows at once. */
const KNOWN_READ_MAX = 50;
/** Exact ids of one flow in one round. */
const IDS_MAX = 256;
const NUMBER_DIGITS = 9;
/** Flows. */
const ENDS_MAX = 10_000;
/** Less than a job that was deleted is kept: then another one may have its id. */
const ENDS_KNOWN_MS = purgedAfterMs / 2;
/** Of each text that the owner writes into the journal beside the command. */
const TEXT_BYTES_MAX = 1_024;

interface Asked {
  readonly flowId: string;
  readonly n: number;
  readonly resolve: (documents: readonly StoredDocument[]) => void;
  readonly reject: (error: unknown) => void;
}

export interface OperatorCommand {
  /** `suspend`, `resume`, `cancel`, … */
  readonly command: string;
  readonly arguments?: Readonly<Record<string, JsonValue>>;
  /** These two at most 1 KiB each. */
  readonly by?: string;
  readonly reason?: string;
}

export interface NumberedCommand extends OperatorCommand {
  readonly n: number;
  /** Wall time of who gave it. */
  readonly atMs: number;
}

/** What is known of one flow's commands while one of them is being stored. */
interface Addition {
  readonly flowId: string;
  readonly opId: string;
  readonly body: string;
  /** All up to this one are there. */
  readonly last: number;
}

export class Commands {
  readonly #runtime: Runtime;
  readonly #inserts: GroupInsert;
  readonly #documents: GroupGet;
  readonly #keyInserts: GroupInsert;
  readonly #keys: GroupGet;
  readonly #store: DocumentStore;
  /** By flow: one is stored after the other, or those of one process would race for each number. */
  readonly #appending = new Map<string, Promise<unknown>>();
  /** By flow: a number that is there, at or near the end. */
  readonly #ends = new BoundedCache<{ readonly n: number; readonly sinceMs: number }>(ENDS_MAX);
  readonly #queue: Asked[] = [];
  #isReading = false;

  constructor(options: { store: DocumentStore; runtime: Runtime }) {
    const commands = { ...options, collection: collectionNames.commands };
    const keys = { ...options, collection: collectionNames.commandKeys };
    this.#runtime = options.runtime;
    this.#store = options.store;
    this.#inserts = new GroupInsert(commands);
    this.#documents = new GroupGet(commands);
    this.#keyInserts = new GroupInsert(keys);
    this.#keys = new GroupGet(keys);
  }

  /**
   * Stores a command behind those there are and gives its number. With a key of its giver: the same command under the same key is stored once.
   * @throws InputError `BATON_INPUT_TOO_LARGE`; ConflictError `BATON_CONFLICT_KEY_REUSED`; UnavailableError
   */
  async append(flowId: string, command: OperatorCommand, key?: string): Promise<number> {
    checkTexts(command, key);
    const before = this.#appending.get(flowId);
    const added = (before ?? Promise.resolve()).then(() => this.#append(flowId, command, key));
    const settled = added.catch(() => undefined);
    this.#appending.set(flowId, settled);
    try {
      return await added;
    } finally {
      if (this.#appending.get(flowId) === settled) this.#appending.delete(flowId);
    }
  }

  /** The number of the command that was stored under this key; undefined when there is none. @throws as `append` */
  async find(flowId: string, command: OperatorCommand, key: string): Promise<number | undefined> {
    const known = await this.#keys.get(keyIdOf(flowId, key));
    if (known === undefined) return undefined;
    checkSame(known, command);
    return (await this.#inOrder(flowId, 0)).find(({ opId }) => opId === opIdOf(key))?.['n'] as
      number | undefined;
  }

  /** Commands with a number above `n`, in order, up to the first that is not there. Flows asked about together are one query. @throws UnavailableError */
  async after(flowId: string, n: number): Promise<readonly NumberedCommand[]> {
    return (await this.#inOrder(flowId, n)).map(decode);
  }

  close(): void {
    this.#inserts.close();
    this.#keyInserts.close();
  }

  async #append(flowId: string, command: OperatorCommand, key: string | undefined): Promise<number> {
    const body = JSON.stringify(command);
    if (key === undefined) {
      const opId = this.#runtime.random.nonce();
      return this.#add({ flowId, opId, body, last: await this.#endOf(flowId) });
    }
    const opId = opIdOf(key);
    // found before the key is there: whoever comes upon the key and stores the command for us stores it behind that
    const last = await this.#endOf(flowId);
    const _id = keyIdOf(flowId, key);
    if ((await this.#keyInserts.insert({ _id, flowId, body })) === 'stored')
      return this.#add({ flowId, opId, body, last });
    const known = await this.#keys.getStored(_id);
    if (known === undefined) throw gaveUp(`command key ${_id}`, undefined);
    checkSame(known, command);
    const all = await this.#inOrder(flowId, 0);
    const stored = all.find((document) => document['opId'] === opId);
    // whoever stored the key may have died before the command
    return stored ? Number(stored['n']) : this.#add({ flowId, opId, body, last: all.length });
  }

  async #add({ flowId, opId, body, last }: Addition): Promise<number> {
    const at = this.#runtime.clock.wallMs();
    for (let n = last + 1; ; n++) {
      const _id = commandIdOf(flowId, n);
      const isStored = (await this.#inserts.insert({ _id, flowId, n, opId, at, body })) === 'stored';
      this.#ends.set(flowId, { n, sinceMs: this.#runtime.clock.monotonicMs() }, 1);
      if (isStored) return n;
      const taken = await this.#documents.getStored(_id);
      if (taken === undefined) throw gaveUp(`command ${n} of ${flowId}`, undefined);
      if (taken['opId'] === opId) return n;
    }
  }

  /** A number up to which all are there: mostly the last one, 0 when there is none. */
  async #endOf(flowId: string): Promise<number> {
    const known = this.#ends.get(flowId);
    if (known && this.#runtime.clock.monotonicMs() - known.sinceMs < ENDS_KNOWN_MS) return known.n;
    // mostly there is none
    if ((await this.#documents.get(commandIdOf(flowId, 1))) === undefined) return 0;
    const where = { field: 'flowId', oneOf: [flowId] };
    const [last] = await this.#find({ where, order: 'descending', limit: 1 });
    return Number(last?.['n'] ?? 0);
  }

  /** Above `n`, up to the first that is not there; flows that are asked about meanwhile are asked about together. */
  #inOrder(flowId: string, n: number): Promise<readonly StoredDocument[]> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ flowId, n, resolve, reject });
      if (this.#isReading) return;
      this.#isReading = true;
      this.#runtime.clock.setImmediate(() => void this.#drain());
    });
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, FLOWS_PER_QUERY_MAX);
      try {
        const alone = batch.length <= FEW ? batch : batch.filter(({ n }) => n > KNOWN_READ_MAX);
        const together = batch.length <= FEW ? [] : batch.filter(({ n }) => n <= KNOWN_READ_MAX);
        await Promise.all([...alone.map((asked) => this.#byIds(asked)), this.#byFlows(together)]);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#isReading = false;
  }

  async #byFlows(batch: readonly Asked[]): Promise<void> {
    if (batch.length === 0) return;
    const flows = await this.#of([...new Set(batch.map((asked) => asked.flowId))]);
    for (const { flowId, n, resolve } of batch) {
      const byNumber = new Map(flows.get(flowId)?.map((document) => [Number(document['n']), document]));
      const found: StoredDocument[] = [];
      for (let next = byNumber.get(n + 1); next !== undefined; next = byNumber.get(n + found.length + 1))
        found.push(next);
      resolve(found);
    }
  }

  /** More and more at once: mostly the first is not there. */
  async #byIds({ flowId, n, resolve }: Asked): Promise<void> {
    const found: StoredDocument[] = [];
    for (let size = 1; ; size = Math.min(2 * size, IDS_MAX)) {
      const ids = Array.from({ length: size }, (_, index) =>
        commandIdOf(flowId, n + found.length + 1 + index),
      );
      const page = await Promise.all(ids.map((id) => this.#documents.get(id)));
      for (const document of page) {
        if (document === undefined) return resolve(found);
        found.push(document);
      }
    }
  }

  async #of(flowIds: readonly string[]): Promise<Map<string, StoredDocument[]>> {
    const flows = new Map<string, StoredDocument[]>();
    const where = { field: 'flowId', oneOf: flowIds };
    for (let after: string | undefined; ;) {
      const page = await this.#find({ where, limit: PAGE, ...(after !== undefined && { after }) });
      for (const document of page) {
        const flowId = String(document['flowId']);
        const commands = flows.get(flowId);
        if (commands === undefined) flows.set(flowId, [document]);
        else commands.push(document);
      }
      if (page.length < PAGE) return flows;
      after = page.at(-1)?._id;
    }
  }

  #find(query: FindQuery): Promise<readonly StoredDocument[]> {
    return readPatiently(this.#runtime, () => this.#store.find(collectionNames.commands, query));
  }
}

/** Of a command that is to be given, before it is. @throws InputError `BATON_INPUT_TOO_LARGE` */
export function checkTexts({ by = '', reason = '' }: Pick<OperatorCommand, 'by' | 'reason'>, key = ''): void {
  for (const [name, text] of Object.entries({ by, reason, key })) checkSize(name, text);
}

function checkSize(name: string, text: string): void {
  const bytes = Buffer.byteLength(text);
  if (bytes > TEXT_BYTES_MAX)
    throw new InputError(
      'BATON_INPUT_TOO_LARGE',
      `${JSON.stringify(name)} of a command has ${bytes} bytes, allowed are ${TEXT_BYTES_MAX}: shorten it`,
    );
}

/** Told apart from the random ones. */
const opIdOf = (key: string): string => `key ${key}`;

/** @throws ConflictError */
function checkSame(stored: StoredDocument, command: OperatorCommand): void {
  if (isSameOrder(JSON.parse(String(stored['body'])) as OperatorCommand, command)) return;
  throw new ConflictError(
    'BATON_CONFLICT_KEY_REUSED',
    `a command with other content was given to job ${String(stored['flowId'])} under this key`,
  );
}

/** Who repeats it, and why, makes no difference; nor does the order of keys. */
export function isSameOrder(one: OperatorCommand, other: OperatorCommand): boolean {
  const [mine, theirs] = [one, other].map(({ command, arguments: given }) =>
    sortedJson([command, given ?? {}]),
  );
  return mine === theirs;
}

function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** In the order of their numbers, so that a flow can be read from one of them on. */
export const commandIdOf = (flowId: string, n: number): string =>
  `${flowId}:cmd:${String(n).padStart(NUMBER_DIGITS, '0')}`;

const keyIdOf = (flowId: string, key: string): string => `${flowId}:key:${key}`;

function decode(document: StoredDocument): NumberedCommand {
  const command = JSON.parse(String(document['body'])) as OperatorCommand;
  return { ...command, n: Number(document['n']), atMs: Number(document['at']) };
}
