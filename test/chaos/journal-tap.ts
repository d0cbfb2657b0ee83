/**
 * Purpose: who tried to write which journal entry, and what the store answered: read from the bytes of the MongoDB protocol where they arrive at the store.
 *   It knows of writes that were refused, and of stored ones whose writer never heard of it.
 * What is authoritative: the store; what it answered is recorded, what it holds is read at the end (gather.ts).
 * On failure: an attempt without an answer stays without one.
 * Not here: bodies. The store has those that it took; of the others nobody needs them.
 */
import type { Tap } from '@baton/testkit';
import { BSON } from 'mongodb';

/** One insert of one journal document. */
export interface Attempt {
  readonly flowId: string;
  readonly seq: number;
  readonly kind: string;
  readonly opId: string;
  readonly fence: string;
  /** Who came by that way. */
  readonly by: string;
  /** Wall time when it reached the store. */
  readonly sentAtMs: number;
  answeredAtMs: number | undefined;
  verdict: 'stored' | 'duplicate' | 'refused' | undefined;
}

export interface StoredText {
  readonly flowId: string;
  readonly seq: number;
  readonly body: string;
}

interface InsertCommand {
  readonly insert: string;
  readonly documents: readonly Record<string, unknown>[];
}

interface InsertAnswer {
  readonly ok?: number;
  readonly writeErrors?: readonly { readonly index: number; readonly code: number }[];
}

const DUPLICATE_KEY = 11_000;
const OP_MSG = 2013;
const HEADER_BYTES = 16;
/** Of the first document, behind the flags and the kind of its section. */
const BODY_AT = HEADER_BYTES + 5;
/** How a document begins whose first field is `insert: 'journal'`, behind its length. */
const insertIntoJournal = Buffer.from('\x02insert\0\x08\0\0\0journal\0', 'latin1');

export class JournalTap {
  readonly attempts: Attempt[] = [];
  /** Told of each entry when the store has said that it has it. */
  onStored: (entry: StoredText) => void = () => undefined;

  /** For each connection of `by`. */
  connection(by: string): Tap {
    const open = new Map<
      number,
      { readonly attempts: readonly Attempt[]; readonly command: InsertCommand }
    >();
    const toService = messages((message) => {
      if (!startsInsert(message)) return;
      const command = BSON.deserialize(message.subarray(BODY_AT)) as unknown as InsertCommand;
      const attempts = command.documents.map((document) => attemptOf(document, by));
      this.attempts.push(...attempts);
      open.set(message.readInt32LE(4), { attempts, command });
    });
    const toClient = messages((message) => {
      const asked = open.get(message.readInt32LE(8));
      if (asked === undefined) return;
      open.delete(message.readInt32LE(8));
      this.#answered(asked, BSON.deserialize(message.subarray(BODY_AT)) as InsertAnswer);
    });
    return { toService, toClient };
  }

  #answered(
    { attempts, command }: { readonly attempts: readonly Attempt[]; readonly command: InsertCommand },
    { ok, writeErrors = [] }: InsertAnswer,
  ): void {
    const errors = new Map(writeErrors.map(({ index, code }) => [index, code]));
    for (const [index, attempt] of attempts.entries()) {
      const code = errors.get(index);
      attempt.answeredAtMs = Date.now();
      attempt.verdict =
        code === DUPLICATE_KEY ? 'duplicate' : code !== undefined || ok !== 1 ? 'refused' : 'stored';
      const { flowId, seq } = attempt;
      const body = String(command.documents[index]?.['body'] ?? '');
      if (attempt.verdict === 'stored') this.onStored({ flowId, seq, body });
    }
  }
}

function startsInsert(message: Buffer): boolean {
  const from = BODY_AT + 4;
  return (
    message.readInt32LE(12) === OP_MSG &&
    message.subarray(from, from + insertIntoJournal.length).equals(insertIntoJournal)
  );
}

function attemptOf(document: Record<string, unknown>, by: string): Attempt {
  const { flowId, seq, kind, opId, fence } = document;
  return {
    flowId: String(flowId),
    seq: Number(seq),
    kind: String(kind),
    opId: String(opId),
    fence: String(fence),
    by,
    sentAtMs: Date.now(),
    answeredAtMs: undefined,
    verdict: undefined,
  };
}

/** Whole messages out of chunks: each begins with its length. */
function messages(take: (message: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= HEADER_BYTES) {
      const size = rest.readInt32LE(0);
      if (rest.length < size) return;
      take(rest.subarray(0, size));
      rest = rest.subarray(size);
    }
  };
}
