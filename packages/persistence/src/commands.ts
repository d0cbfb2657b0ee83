/**
 * Purpose: operator commands to a flow, numbered without gaps from 1, read by its owner (P-1108).
 * States: none; stored or not.
 * What is authoritative: the insert: the number in the id is the place in the order.
 * On failure: as GroupInsert. A stale read finds fewer; the next reading finds the rest.
 * Not here: applying a command, and remembering which were applied (`command` facts in the journal).
 */
import { ConflictError, InputError } from '@baton/core';
import type { DocumentStore, JsonValue, Runtime, StoredDocument } from '@baton/core';
import { collectionNames } from './collections.js';
import { GroupGet } from './group-get.js';
import { GroupInsert } from './group-insert.js';
import { gaveUp, readPatiently } from './patience.js';

/** Flows asked about in one query: owners ask for all of theirs at once, and mostly there is nothing. */
const FLOWS_PER_QUERY_MAX = 500;
const PAGE = 1_000;
/** Of each text that the owner writes into the journal beside the command. */
const TEXT_BYTES_MAX = 1_024;

interface Asked {
  readonly flowId: string;
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

export class Commands {
  readonly #runtime: Runtime;
  readonly #inserts: GroupInsert;
  readonly #documents: GroupGet;
  readonly #store: DocumentStore;
  readonly #queue: Asked[] = [];
  #isReading = false;

  constructor(options: { store: DocumentStore; runtime: Runtime }) {
    const commands = { ...options, collection: collectionNames.commands };
    this.#runtime = options.runtime;
    this.#store = options.store;
    this.#inserts = new GroupInsert(commands);
    this.#documents = new GroupGet(commands);
  }

  /**
   * Stores a command behind those there are and gives its number. With a key of its giver: the same command under the same key is stored once.
   * @throws InputError `BATON_INPUT_TOO_LARGE`; ConflictError `BATON_CONFLICT_KEY_REUSED`; UnavailableError
   */
  async append(flowId: string, command: OperatorCommand, key?: string): Promise<number> {
    for (const text of ['by', 'reason'] as const) checkSize(text, command[text] ?? '');
    checkSize('key', key ?? '');
    const opId = key === undefined ? this.#runtime.random.nonce() : opIdOf(key);
    const atMs = this.#runtime.clock.wallMs();
    const known = await this.#inOrder(flowId, 0);
    const before = known.find((document) => document['opId'] === opId);
    if (before !== undefined) return sameCommand(before, command);
    for (let n = known.length + 1; ; n++) {
      const _id = idOf(flowId, n);
      const document = { _id, flowId, n, opId, at: atMs, body: JSON.stringify(command) };
      if ((await this.#inserts.insert(document)) === 'stored') return n;
      const taken = await this.#documents.getStored(_id);
      if (taken === undefined) throw gaveUp(`command ${n} of ${flowId}`, undefined);
      if (taken['opId'] === opId) return sameCommand(taken, command);
    }
  }

  /** The number of the command that was stored under this key; undefined when there is none. @throws as `append` */
  async find(flowId: string, command: OperatorCommand, key: string): Promise<number | undefined> {
    const known = await this.#inOrder(flowId, 0);
    const before = known.find((document) => document['opId'] === opIdOf(key));
    return before && sameCommand(before, command);
  }

  /** Commands with a number above `n`, in order, up to the first that is not there. Flows asked about together are one query. @throws UnavailableError */
  async after(flowId: string, n: number): Promise<readonly NumberedCommand[]> {
    return (await this.#inOrder(flowId, n)).map(decode);
  }

  async #inOrder(flowId: string, n: number): Promise<readonly StoredDocument[]> {
    const documents = await new Promise<readonly StoredDocument[]>((resolve, reject) => {
      this.#queue.push({ flowId, resolve, reject });
      if (this.#isReading) return;
      this.#isReading = true;
      this.#runtime.clock.setImmediate(() => void this.#drain());
    });
    const byNumber = new Map(documents.map((document) => [Number(document['n']), document]));
    const found: StoredDocument[] = [];
    for (let next = n + 1; ; next++) {
      const document = byNumber.get(next);
      if (document === undefined) return found;
      found.push(document);
    }
  }

  close(): void {
    this.#inserts.close();
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, FLOWS_PER_QUERY_MAX);
      try {
        const found = await this.#of([...new Set(batch.map((asked) => asked.flowId))]);
        for (const { flowId, resolve } of batch) resolve(found.get(flowId) ?? []);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#isReading = false;
  }

  async #of(flowIds: readonly string[]): Promise<Map<string, StoredDocument[]>> {
    const flows = new Map<string, StoredDocument[]>();
    const where = { field: 'flowId', oneOf: flowIds };
    for (let after: string | undefined; ;) {
      const query = { where, limit: PAGE, ...(after === undefined ? {} : { after }) };
      const page = await readPatiently(this.#runtime, () =>
        this.#store.find(collectionNames.commands, query),
      );
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

function sameCommand(stored: StoredDocument, command: OperatorCommand): number {
  if (isSameOrder(JSON.parse(String(stored['body'])) as OperatorCommand, command)) return Number(stored['n']);
  throw new ConflictError(
    'BATON_CONFLICT_KEY_REUSED',
    `command ${String(stored['n'])} of job ${String(stored['flowId'])} was given under this key, with other content`,
  );
}

/** Who repeats it, and why, makes no difference; nor does the order of keys. */
function isSameOrder(one: OperatorCommand, other: OperatorCommand): boolean {
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

const idOf = (flowId: string, n: number): string => `${flowId}:cmd:${n}`;

function decode(document: StoredDocument): NumberedCommand {
  const command = JSON.parse(String(document['body'])) as OperatorCommand;
  return { ...command, n: Number(document['n']), atMs: Number(document['at']) };
}
