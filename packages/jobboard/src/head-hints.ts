/**
 * Purpose: how far the jobs of a conductor were when it died, as its guard left word (`/boards/<board>/heads`): whoever takes them over
 *   need not search for the newest entries of their journals.
 * States: unread → read; unread again when the node has changed, which a session is told before it is told that a lock has vanished.
 * What is authoritative: the journal. A hint that is old, missing or wrong costs a claimant reads, never the right entry.
 * On failure: no hints; a claim neither waits nor fails for them.
 * Not here: what a hint is good for (`Journal.head` of @baton/persistence).
 *
 * One node a board, overwritten by the guard that speaks last: nothing has to be cleaned up, and of two conductors that die at the same
 * moment the jobs of one are searched for.
 */
import type { CoordinationSession, LastWords, Logger } from '@baton/core';
import { fromBytes } from './json-bytes.js';
import { BoardPaths } from './layout.js';
import { getIfAny } from './session-reads.js';

/** Ten thousand ids of ours; ZooKeeper refuses what is above 1 MiB. */
const bytesMax = 512 * 1024;

/**
 * What the guard of a dead conductor says with the end of its session (`Coordination.endSession`). `heads`: newest journal entry by job,
 * the most useful first: what does not fit into 512 KiB is left out. Undefined: nothing to say, and what others said stays.
 */
export function headHintWords(
  board: string,
  heads: Iterable<readonly [jobId: string, seq: number]>,
): LastWords | undefined {
  const parts: string[] = [];
  let size = 1;
  for (const [jobId, seq] of heads) {
    const part = `${JSON.stringify(jobId)}:${seq}`;
    size += Buffer.byteLength(part) + 1;
    if (size > bytesMax) break;
    parts.push(part);
  }
  if (parts.length === 0) return undefined;
  return { path: new BoardPaths(board).heads, data: Buffer.from(`{${parts.join(',')}}`) };
}

type Hints = Readonly<Record<string, unknown>>;
const none: Hints = {};

export class HeadHints {
  readonly #session: CoordinationSession;
  readonly #path: string;
  readonly #logger: Logger;
  #hints: Promise<Hints> | undefined;

  constructor(o: { session: CoordinationSession; paths: BoardPaths; logger: Logger }) {
    this.#session = o.session;
    this.#path = o.paths.heads;
    this.#logger = o.logger;
  }

  /** An entry that the job's journal most probably holds. One read for all jobs that are asked for until the node changes. Never rejects. */
  async of(jobId: string): Promise<number | undefined> {
    this.#hints ??= this.#read();
    const hints = await this.#hints;
    const hint = Object.hasOwn(hints, jobId) ? hints[jobId] : undefined;
    return Number.isSafeInteger(hint) && Number(hint) >= 0 ? Number(hint) : undefined;
  }

  async #read(): Promise<Hints> {
    try {
      const node = await getIfAny(this.#session, this.#path, this.#forget);
      if (node === undefined || node.data.length === 0 || node.data.length > bytesMax) return none;
      const hints = fromBytes(node.data);
      return typeof hints === 'object' && hints !== null ? (hints as Hints) : none;
    } catch (error) {
      this.#logger.debug('board.head-hints-unread', { error });
      this.#forget();
      return none;
    }
  }

  readonly #forget = (): void => {
    this.#hints = undefined;
  };
}
