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
  type StoredDocument,
} from '@baton/core';
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

/** An insert that found another writer's entry: a former owner, or a late claimant. */
export interface RefusedEntry extends Happened {
  readonly flowId: string;
  readonly seq: number;
  readonly fence: Fence;
}

export class History {
  readonly entries = new Map<string, StoredEntry[]>();
  readonly refused: RefusedEntry[] = [];
  readonly board: BoardChange[] = [];
  readonly replies: Reply[] = [];
  readonly calls: Call[] = [];
  /** Epoch and id of a request → when that worker read that its result is stored (`toldKey`). */
  readonly told = new Map<string, Happened>();
  /** Jobs whose post was acknowledged. */
  readonly acknowledged = new Set<string>();
  /** Job nodes that are on the board now. */
  jobNodes = 0;
  /** Told of each entry and each call at once; for faults that strike whoever it was. */
  readonly onEntry = new Set<(entry: JournalEntry) => void>();
  readonly onCall = new Set<(call: Call) => void>();
  readonly #time: VirtualTime;
  readonly #hash: Hash = createHash('sha256');
  #order = 0;
  /** Member's path → epoch and session, while it is registered. */
  readonly #registered = new Map<string, { readonly epoch: string; readonly sessionId: bigint }>();

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  /** Of all of it: equal for the same seed and the same sources (I20). */
  digest(): string {
    return this.#hash.copy().digest('hex').slice(0, 16);
  }

  document({
    collection,
    document,
    verdict,
  }: {
    collection: string;
    document: StoredDocument;
    verdict: string;
  }): void {
    const happened = this.#next(`${collection} ${verdict} ${document._id} ${String(document['body'] ?? '')}`);
    if (collection !== 'journal') return;
    const flowId = String(document['flowId']);
    const known = this.entries.get(flowId) ?? [];
    this.entries.set(flowId, known);
    if (verdict === 'stored') {
      const entry = decode(document);
      known.push({ ...happened, entry });
      for (const told of this.onEntry) told(entry);
    } else if (known[Number(document['seq'])]?.entry.opId !== document['opId'])
      this.refused.push({ ...happened, flowId, seq: Number(document['seq']), fence: fenceOf(document) });
  }

  transaction(change: { zxid: bigint; sessionId: bigint; operations: readonly NodeOperation[] }): void {
    const { operations, sessionId, zxid } = change;
    if (operations.length === 0) return;
    this.board.push({ ...this.#next(`${zxid} ${sessionId} ${operations.map(text).join()}`), ...change });
    for (const { type, path } of operations) {
      if (isJobNode(path)) this.jobNodes += Number(type === 'create') - Number(type === 'delete');
      if (!path.startsWith('/members/workers/')) continue;
      if (type === 'create') this.#registered.set(path, { epoch: zxid.toString(16), sessionId });
      else if (type === 'delete') this.#registered.delete(path);
    }
  }

  record(topic: string, partition: number, value: Uint8Array): void {
    const happened = this.#next(topic, value);
    if (!topic.endsWith('.reply')) return;
    const { message } = decodeReply(value);
    const isRegistered =
      this.#registered.get(`/members/workers/${message.worker}`)?.epoch === message.workerEpoch;
    this.replies.push({ ...happened, partition, message, isRegistered });
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
    for (const told of this.onCall) told(entry);
    return entry;
  }

  ended(call: Call, failed: boolean): void {
    call.ended = { ...this.#next(`end ${call.requestId} ${String(failed)}`), failed };
  }

  acknowledge(jobId: string): void {
    this.#next(`ack ${jobId}`);
    this.acknowledged.add(jobId);
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
  return /^\/boards\/[^/]+\/jobs\/[^/]+\//.test(path);
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
