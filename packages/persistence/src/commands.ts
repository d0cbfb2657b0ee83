/**
 * Purpose: operator commands to a flow, numbered without gaps from 1, read by its owner (P-1108).
 * States: none; stored or not.
 * What is authoritative: the insert: the number in the id is the place in the order.
 * On failure: as GroupInsert. A stale read finds fewer; the next reading finds the rest.
 * Not here: applying a command, and remembering which were applied (`command` facts in the journal).
 */
import type { DocumentStore, JsonValue, Runtime, StoredDocument } from '@baton/core';
import { collectionNames } from './collections.js';
import { GroupGet } from './group-get.js';
import { GroupInsert } from './group-insert.js';
import { gaveUp } from './patience.js';

/** Mostly there is no new one, and owners ask for many flows every few seconds: the first look is for one number only. */
const STRETCH_MAX = 16;

export interface OperatorCommand {
  /** `suspend`, `resume`, `cancel`, … */
  readonly command: string;
  readonly arguments?: Readonly<Record<string, JsonValue>>;
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

  constructor(options: { store: DocumentStore; runtime: Runtime }) {
    const commands = { ...options, collection: collectionNames.commands };
    this.#runtime = options.runtime;
    this.#inserts = new GroupInsert(commands);
    this.#documents = new GroupGet(commands);
  }

  /** Stores a command behind those there are and gives its number. @throws UnavailableError */
  async append(flowId: string, command: OperatorCommand): Promise<number> {
    const opId = this.#runtime.random.nonce();
    const atMs = this.#runtime.clock.wallMs();
    const known = await this.after(flowId, 0);
    for (let n = known.length + 1; ; n++) {
      const _id = idOf(flowId, n);
      const document = { _id, flowId, n, opId, at: atMs, body: JSON.stringify(command) };
      if ((await this.#inserts.insert(document)) === 'stored') return n;
      const taken = await this.#documents.getStored(_id);
      if (taken === undefined) throw gaveUp(`command ${n} of ${flowId}`, undefined);
      if (taken['opId'] === opId) return n;
    }
  }

  /** Commands with a number above `n`, in order, up to the first that is not there. @throws UnavailableError */
  async after(flowId: string, n: number): Promise<readonly NumberedCommand[]> {
    const found: NumberedCommand[] = [];
    for (let stretch = 1; ; stretch = Math.min(2 * stretch, STRETCH_MAX)) {
      const from = n + found.length + 1;
      const ids = Array.from({ length: stretch }, (_, index) => idOf(flowId, from + index));
      for (const document of await Promise.all(ids.map((id) => this.#documents.get(id)))) {
        if (document === undefined) return found;
        found.push(decode(document));
      }
    }
  }

  close(): void {
    this.#inserts.close();
  }
}

const idOf = (flowId: string, n: number): string => `${flowId}:cmd:${n}`;

function decode(document: StoredDocument): NumberedCommand {
  const command = JSON.parse(String(document['body'])) as OperatorCommand;
  return { ...command, n: Number(document['n']), atMs: Number(document['at']) };
}
