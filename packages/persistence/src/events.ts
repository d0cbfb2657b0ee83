/**
 * Purpose: which runs wait for which events from outside, and events that are kept for runs that do not wait yet (C-1113).
 * States of a wait: noted by the owner of its run → deleted by it once nobody waits any more, or by whoever finds that its run is over. Of a kept
 *   event: kept → over; then nobody finds it any more, and it is deleted by those who keep others.
 * What is authoritative: the journal for what waits, the commands of a run for what it was told; these two are how they find each other. Who waits
 *   notes that first and looks for kept events then; who keeps an event does that first and looks for waits then: one of the two finds the other.
 * On failure: as GroupInsert; what could not be deleted costs a look.
 * Not here: telling a run of an event, which is a command of it.
 */
import {
  ConflictError,
  type DocumentStore,
  type EventName,
  type JsonValue,
  type Runtime,
  type StoredDocument,
  type Value,
} from '@baton/core';
import { collectionNames } from './collections.js';
import { isSameOrder, type OperatorCommand } from './commands.js';
import { GroupInsert } from './group-insert.js';
import { digestOf } from './parted-text.js';
import { readPatiently } from './patience.js';

/** An event as a run is told of it. */
export interface SentEvent extends EventName {
  /** Tells it apart from others: a run is told of it once. */
  readonly eventId: string;
  /** Its data, as a journal has them. */
  readonly value: Value;
  readonly by?: string;
}

export interface KeptEvent extends SentEvent {
  /** Cluster time: when it was sent, and until when it is kept. */
  readonly atMs: number;
  readonly untilMs: number;
}

export interface EventWait {
  /** Of the attempt that waits. */
  readonly requestId: string;
  readonly flowId: string;
}

/** Events of one board. */
export interface BoardEvent extends EventName {
  readonly board: string;
}

const PAGE = 200;
/** So many that are over are deleted for each that is kept. */
const SWEPT = 10;
const TIME_DIGITS = 15;

export class Events {
  readonly #store: DocumentStore;
  readonly #runtime: Runtime;
  readonly #waits: GroupInsert;
  readonly #kept: GroupInsert;

  constructor(options: { store: DocumentStore; runtime: Runtime }) {
    this.#store = options.store;
    this.#runtime = options.runtime;
    this.#waits = new GroupInsert({ ...options, collection: collectionNames.eventWaits });
    this.#kept = new GroupInsert({ ...options, collection: collectionNames.keptEvents });
  }

  /** Notes a wait, once. @throws UnavailableError */
  async note(event: BoardEvent, { requestId, flowId }: EventWait): Promise<void> {
    await this.#waits.insert({ _id: requestId, flowId, subject: subjectOf(event) });
  }

  /** Nobody waits any more. @throws UnavailableError */
  async forget(requestIds: readonly string[]): Promise<void> {
    if (requestIds.length > 0) await this.#store.delete(collectionNames.eventWaits, requestIds);
  }

  /** Waits for an event, a page at a time; some of them may be over. @throws UnavailableError */
  async *waits(event: BoardEvent): AsyncGenerator<readonly EventWait[], void> {
    for (let after: string | undefined; ;) {
      const page = await this.#find(collectionNames.eventWaits, event, after);
      yield page.map(({ _id, flowId }) => ({ requestId: _id, flowId: String(flowId) }));
      if (page.length < PAGE) return;
      after = page.at(-1)?._id;
    }
  }

  /** Keeps an event until its time is over. @throws InputError `BATON_INPUT_TOO_LARGE`; UnavailableError */
  async keep(event: BoardEvent, kept: KeptEvent): Promise<void> {
    const _id = `${timeText(kept.untilMs)}:${kept.eventId}`;
    const given = givenOf(event, kept);
    await this.#kept.insert({ _id, subject: subjectOf(event), given, body: JSON.stringify(kept) });
    // what is left is found by who keeps the next one
    await this.#sweep(kept.atMs).catch(() => undefined);
  }

  /** No other event is kept under the id of this one. @throws ConflictError `BATON_CONFLICT_KEY_REUSED`; UnavailableError */
  async checkSame(event: BoardEvent, sent: SentEvent): Promise<void> {
    const where = { field: 'given', oneOf: [givenOf(event, sent)] };
    const [known] = await readPatiently(this.#runtime, () =>
      this.#store.find(collectionNames.keptEvents, { where, limit: 1 }),
    );
    if (known === undefined) return;
    const kept = JSON.parse(String(known['body'])) as KeptEvent;
    if (isSameOrder(toldOf(kept).command, toldOf(sent).command)) return;
    throw new ConflictError(
      'BATON_CONFLICT_KEY_REUSED',
      `another event was sent under the id ${sent.eventId}, and is kept`,
    );
  }

  /** Events that are kept still, in the order in which they were sent. @throws UnavailableError */
  async kept(event: BoardEvent, nowMs: number): Promise<readonly KeptEvent[]> {
    const found: KeptEvent[] = [];
    // from now on: the ids begin with the time until which they are kept
    for (let after = timeText(nowMs); ;) {
      const page = await this.#find(collectionNames.keptEvents, event, after);
      for (const { body } of page) found.push(JSON.parse(String(body)) as KeptEvent);
      if (page.length < PAGE) return found.toSorted((a, b) => a.atMs - b.atMs);
      after = page.at(-1)?._id ?? after;
    }
  }

  close(): void {
    this.#waits.close();
    this.#kept.close();
  }

  #find(
    collection: string,
    event: BoardEvent,
    after: string | undefined,
  ): Promise<readonly StoredDocument[]> {
    const where = { field: 'subject', oneOf: [subjectOf(event)] };
    const query = { where, limit: PAGE, ...(after !== undefined && { after }) };
    return readPatiently(this.#runtime, () => this.#store.find(collection, query));
  }

  async #sweep(nowMs: number): Promise<void> {
    const first = await this.#store.find(collectionNames.keptEvents, { limit: SWEPT });
    const over = first.flatMap(({ _id }) => (_id < timeText(nowMs) ? [_id] : []));
    if (over.length > 0) await this.#store.delete(collectionNames.keptEvents, over);
  }
}

/** The command by which a run is told, and the key under which it is told once. */
export function toldOf({ eventId, name, key, value, by }: SentEvent): {
  readonly command: OperatorCommand;
  readonly key: string;
} {
  const given = { name, key, value: { ...value } as JsonValue };
  const who = by === undefined ? {} : { by };
  return { command: { command: 'event', arguments: given, ...who }, key: `event ${eventId}` };
}

/** In the order of the times. */
const timeText = (ms: number): string => String(ms).padStart(TIME_DIGITS, '0');

const givenOf = ({ board }: BoardEvent, { eventId }: SentEvent): string => `${board}:${eventId}`;

const subjectOf = ({ board, name, key }: BoardEvent): string => digestOf(JSON.stringify([board, name, key]));
