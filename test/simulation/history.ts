/**
 * Purpose: everything that happened in one run and that somebody outside could see, in one order: what the services took, and what tasks did. The checker
 *   reads nothing else; the system under test never reads it.
 * What is authoritative: the order of arrival at the services. `atMs` is true time, whatever a process takes for the time.
 * Not here: judging it (checker/).
 */
import { createHash, type Hash } from 'node:crypto';
import {
  parseFence,
  type Fence,
  type JournalEntry,
  type NodeOperation,
  type ReplyMessage,
  type RequestMessage,
  type StoredDocument,
} from '@baton/core';
import type { OperatorCommand, ScheduleSlot } from '@baton/persistence';
import { decodeReply, decodeRequest } from '@baton/wire';
import type { VirtualTime } from './virtual-time.js';

export interface Happened {
  /** Place in the one order of all that happened. */
  readonly order: number;
  /** True ms since the beginning. */
  readonly atMs: number;
}

export interface StoredEntry extends Happened {
  readonly entry: JournalEntry;
  /** Process that sent it; absent where nobody sees that. */
  readonly writer?: string | undefined;
}

export interface BoardChange extends Happened {
  readonly zxid: bigint;
  /** 0: nobody's. */
  readonly sessionId: bigint;
  readonly operations: readonly NodeOperation[];
}

export interface Reply extends Happened {
  readonly partition: number;
  readonly message: ReplyMessage;
  /** The worker was registered, under the epoch of the message, when it was appended. */
  readonly isRegistered: boolean;
}

/** A record of the request topic. */
export interface Asked extends Happened {
  readonly partition: number;
  readonly message: RequestMessage;
}

/** One call of user code, by a worker's process. */
export interface Call extends Happened {
  readonly flowId: string;
  readonly atom: string;
  readonly action: 'execute' | 'revert';
  readonly round: number;
  readonly attempt: number;
  readonly key: string;
  readonly requestId: string;
  readonly delivery: number;
  readonly process: string;
  /** Epoch under which that process was registered when the call began; undefined: its session was over already. */
  readonly epoch: string | undefined;
  ended: (Happened & { readonly failed: boolean }) | undefined;
}

/** What faults can wait for: something has just reached a service, or a task has begun. */
export type Happening =
  | { readonly kind: 'entry'; readonly entry: JournalEntry }
  | { readonly kind: 'asked'; readonly asked: RequestMessage }
  | { readonly kind: 'reply'; readonly reply: ReplyMessage }
  | { readonly kind: 'call'; readonly call: Call };

/** An insert that found another writer's entry: a former owner, or a late claimant. */
export interface RefusedEntry extends Happened {
  readonly flowId: string;
  readonly seq: number;
  readonly fence: Fence;
}

/** A command in the store. */
export interface StoredCommand extends Happened {
  readonly jobId: string;
  readonly command: OperatorCommand;
}

/** What was decided about a slot of a schedule, when it was for the first time. */
export interface StoredSlot extends Happened {
  readonly slot: ScheduleSlot;
}

/** A command whose number its user was told. */
export interface AcknowledgedCommand extends Happened {
  readonly jobId: string;
  readonly n: number;
}

/** An event of which its sender was told that it is stored: for those that waited, and kept. */
export interface AcknowledgedEvent extends Happened {
  /** Its key. */
  readonly jobId: string;
  readonly name: string;
}

/** A conductor that was killed, and the sessions its process had. */
export interface LostOwner extends Happened {
  readonly sessionIds: readonly bigint[];
  /** By its guard, its session ends at once; else at its timeout. */
  readonly isGuarded: boolean;
}

/**
 * The password of a session is for its member and its guard alone, the token of a delegate for the task that asks for its answer; what users give to their tasks
 * goes through the services, and into no log.
 */
export type Secret = 'password of a session' | 'token of a delegate' | 'value of a user';
type Sight = 'log' | 'board' | 'store' | 'dead letters';

export class History {
  readonly entries = new Map<string, StoredEntry[]>();
  readonly refused: RefusedEntry[] = [];
  readonly board: BoardChange[] = [];
  readonly asked: Asked[] = [];
  readonly replies: Reply[] = [];
  readonly calls: Call[] = [];
  /** Epoch and id of a request → when that worker read that its result is stored (`toldKey`). */
  readonly told = new Map<string, Happened>();
  /** Jobs whose post was acknowledged, and when for the first time. */
  readonly acknowledged = new Map<string, Happened>();
  /** By the id of their documents. */
  readonly commands = new Map<string, StoredCommand>();
  /** In the order in which they were stored. */
  readonly slots: StoredSlot[] = [];
  readonly acknowledgedCommands: AcknowledgedCommand[] = [];
  readonly acknowledgedEvents: AcknowledgedEvent[] = [];
  /** Session → process that opened it. */
  readonly sessions = new Map<bigint, string>();
  /** Conductors that were killed. */
  readonly lost: LostOwner[] = [];
  /** Where a secret was seen by somebody it is not meant for. */
  readonly exposed: string[] = [];
  /** Jobs that are on the board now, awake or dormant: their nodes. */
  jobNodes = 0;
  /** Times that one fell asleep. */
  sleeps = 0;
  /** Told at once, for faults that strike whoever it was. */
  readonly onHappening = new Set<(what: Happening) => void>();
  readonly #time: Pick<VirtualTime, 'nowMs'>;
  readonly #hash: Hash = createHash('sha256');
  #order = 0;
  /** Secret → what it is. */
  readonly #secrets = new Map<string, Secret>();
  /** Member's path → epoch and session, while it is registered. */
  readonly #registered = new Map<string, { readonly epoch: string; readonly sessionId: bigint }>();

  constructor(time: Pick<VirtualTime, 'nowMs'>) {
    this.#time = time;
  }

  /** Of all of it: equal for the same seed and the same sources (I20). */
  digest(): string {
    return this.#hash.copy().digest('hex').slice(0, 16);
  }

  /** From now on it is looked for in all that passes. */
  keep(text: string, what: Secret): void {
    this.#secrets.set(text, what);
  }

  see(where: Sight, text: string): void {
    for (const [secret, what] of this.#secrets) {
      const isMeantFor = what === 'value of a user' && (where === 'board' || where === 'store');
      const at = isMeantFor ? -1 : text.indexOf(secret);
      if (at >= 0) this.exposed.push(`${what} in ${where}: ${text.slice(Math.max(0, at - 120), at)}…`);
    }
  }

  /** SIGKILL of a conductor. */
  lose(owner: Omit<LostOwner, keyof Happened>): void {
    this.lost.push({ ...this.#next(`lost ${owner.sessionIds.join()}`), ...owner });
  }

  document({
    collection,
    document,
    verdict,
    writer,
  }: {
    readonly collection: string;
    readonly document: StoredDocument;
    readonly verdict: string;
    readonly writer?: string | undefined;
  }): void {
    const happened = this.#next(`${collection} ${verdict} ${document._id} ${String(document['body'] ?? '')}`);
    this.see('store', `${collection} ${String(document['body'])}`);
    if (verdict === 'stored') this.#stored(collection, document, happened);
    if (collection !== 'journal') return;
    const flowId = String(document['flowId']);
    const known = this.entries.get(flowId) ?? [];
    this.entries.set(flowId, known);
    if (verdict === 'stored') {
      const entry = decode(document);
      known.push({ ...happened, entry, writer });
      this.#tell({ kind: 'entry', entry });
    } else if (known[Number(document['seq'])]?.entry.opId !== document['opId'])
      this.refused.push({ ...happened, flowId, seq: Number(document['seq']), fence: fenceOf(document) });
  }

  #stored(collection: string, { _id, flowId, body }: StoredDocument, happened: Happened): void {
    if (collection === 'schedule_slots')
      this.slots.push({ ...happened, slot: JSON.parse(String(body)) as ScheduleSlot });
    if (collection !== 'commands') return;
    const command = JSON.parse(String(body)) as OperatorCommand;
    this.commands.set(_id, { ...happened, jobId: String(flowId), command });
  }

  transaction(change: { zxid: bigint; sessionId: bigint; operations: readonly NodeOperation[] }): void {
    const { operations, sessionId, zxid } = change;
    if (operations.length === 0) return;
    this.board.push({ ...this.#next(`${zxid} ${sessionId} ${operations.map(text).join()}`), ...change });
    for (const operation of operations) {
      const { type, path } = operation;
      if ('data' in operation) this.see('board', `${path} ${textOf(operation.data)}`);
      if (isJobNode(path)) this.sleeps += Number(path.includes('/dormant/') && type !== 'delete');
      if (isJobNode(path)) this.jobNodes += Number(type === 'create') - Number(type === 'delete');
      if (!path.startsWith('/members/workers/')) continue;
      if (type === 'create') this.#registered.set(path, { epoch: zxid.toString(16), sessionId });
      else if (type === 'delete') this.#registered.delete(path);
    }
  }

  record(topic: string, partition: number, value: Uint8Array): void {
    const happened = this.#next(topic, value);
    if (topic.endsWith('.request')) {
      const { message } = decodeRequest(value);
      this.asked.push({ ...happened, partition, message });
      this.#tell({ kind: 'asked', asked: message });
    }
    if (topic.endsWith('.dead')) this.see('dead letters', textOf(value));
    if (!topic.endsWith('.reply')) return;
    const { message } = decodeReply(value);
    const isRegistered =
      this.#registered.get(`/members/workers/${message.worker}`)?.epoch === message.workerEpoch;
    this.replies.push({ ...happened, partition, message, isRegistered });
    this.#tell({ kind: 'reply', reply: message });
  }

  /** A worker has read what was sent to it. */
  read(values: Iterable<Uint8Array>): void {
    for (const value of values) {
      const { message } = decodeRequest(value);
      const stored =
        message.kind === 'request' ? message.forget : message.kind === 'forget' ? message.requestIds : [];
      for (const requestId of stored) {
        const key = toldKey(message.workerEpoch, requestId);
        if (!this.told.has(key)) this.told.set(key, this.#next(`told ${key}`));
      }
    }
  }

  started(
    call: Omit<Call, 'order' | 'atMs' | 'ended' | 'epoch'>,
    member: { id: string; sessionIds: readonly bigint[] },
  ): Call {
    const registered = this.#registered.get(`/members/workers/${member.id}`);
    const isOwn = registered !== undefined && member.sessionIds.includes(registered.sessionId);
    const entry: Call = {
      ...this.#next(`call ${call.requestId} ${call.delivery} ${call.process}`),
      ...call,
      epoch: isOwn ? registered.epoch : undefined,
      ended: undefined,
    };
    this.calls.push(entry);
    this.#tell({ kind: 'call', call: entry });
    return entry;
  }

  ended(call: Call, failed: boolean): void {
    call.ended = { ...this.#next(`end ${call.requestId} ${String(failed)}`), failed };
  }

  acknowledge(jobId: string): void {
    const happened = this.#next(`ack ${jobId}`);
    if (!this.acknowledged.has(jobId)) this.acknowledged.set(jobId, happened);
  }

  acknowledgeCommand(jobId: string, n: number): void {
    this.acknowledgedCommands.push({ ...this.#next(`ack ${jobId} command ${n}`), jobId, n });
  }

  acknowledgeEvent(jobId: string, name: string): void {
    this.acknowledgedEvents.push({ ...this.#next(`ack ${jobId} event ${name}`), jobId, name });
  }

  opened(sessionId: bigint, process: string): void {
    this.sessions.set(sessionId, process);
  }

  #tell(what: Happening): void {
    for (const told of [...this.onHappening]) told(what);
  }

  #next(what: string, bytes?: Uint8Array): Happened {
    const happened = { order: this.#order++, atMs: this.#time.nowMs };
    this.#hash.update(`${happened.atMs} ${what}\n`);
    if (bytes !== undefined) this.#hash.update(bytes);
    return happened;
  }
}

export function toldKey(epoch: string, requestId: string): string {
  return `${epoch} ${requestId}`;
}

function isJobNode(path: string): boolean {
  return /^\/boards\/[^/]+\/(jobs|dormant)\/[^/]+\//.test(path);
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function text(operation: NodeOperation): string {
  return `${operation.type} ${operation.path}`;
}

function fenceOf(document: StoredDocument): Fence {
  return parseFence(String(document['fence'])) as Fence;
}

function decode(document: StoredDocument): JournalEntry {
  const { flowId, seq, kind, opId, at } = document;
  const body = JSON.parse(String(document['body'])) as object;
  return { ...body, flowId, seq, kind, opId, atMs: at, fence: fenceOf(document) } as JournalEntry;
}
