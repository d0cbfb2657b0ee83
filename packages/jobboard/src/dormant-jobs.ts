/**
 * Purpose: jobs that wait for a timer, an answer or a person, and belong to nobody meanwhile: finding and waking them (P-1101 to P-1103).
 * States of a job: awake (a job node of life n) → dormant (a dormant node of life n) → awake in life n + 1.
 * What is authoritative: the nodes. A waker names the life it found: one that has slept over it does nothing.
 * On failure: a transaction whose answer was lost is repeated; it happens once, whoever repeats it.
 * Not here: putting to sleep, which takes a claim (`claims.ts`); what a job waits for.
 */
import { codeOf, type CoordinationSession, type NodeOperation, type NodeWatcher } from '@baton/core';
import type { Waits } from './claims.js';
import { lives } from './gone-watch.js';
import { fromBytes, toBytes } from './json-bytes.js';
import { parseJobName, type BoardPaths, type JobKey } from './layout.js';
import type { Posting } from './posting.js';
import { getIfAny, readDecided, whenConnected } from './session-reads.js';

export interface DormantJob extends JobKey, Waits {
  readonly posting: Posting;
  /** When it fell asleep, by the board's clock (`JobBoard.timeMs`). */
  readonly sinceMs: number;
}

export class DormantJobs {
  readonly #session: CoordinationSession;
  readonly #paths: BoardPaths;

  constructor(o: { readonly session: CoordinationSession; readonly paths: BoardPaths }) {
    this.#session = o.session;
    this.#paths = o.paths;
  }

  /** Those of one bucket; `watcher` is called at the next change of it, or of the session. */
  async list(bucket: number, watcher?: NodeWatcher): Promise<JobKey[]> {
    const names = await this.#session.children(this.#paths.bucket('dormant', bucket), watcher);
    return names.flatMap((name) => parseJobName(name) ?? []);
  }

  /** Undefined: it is awake, or no Baton wrote it. */
  async find(key: JobKey): Promise<DormantJob | undefined> {
    const node = await getIfAny(this.#session, this.#paths.dormant(key));
    if (node === undefined) return undefined;
    const content = fromBytes(node.data) as Partial<Waits & { posting: Posting }> | undefined;
    const { posting, due, lastCommand } = content ?? {};
    if (posting === undefined || typeof lastCommand !== 'number') return undefined;
    return { ...key, posting, lastCommand, ...(due && { due }), sinceMs: node.stat.mtimeMs };
  }

  /** Wakes a job in whatever life it sleeps. What was in flight in this session before is decided first. */
  async wakeAny(jobId: string): Promise<void> {
    const bucket = this.#paths.bucketOf('dormant', jobId);
    const asleep = await readDecided(this.#session, () => lives(this.#session, bucket, jobId));
    await Promise.all(asleep.map((life) => this.wake({ jobId, life })));
  }

  /** Wakes a job of one life; no effect when it is over. `isDue`: its earliest timer is. */
  async wake(key: JobKey, { isDue = false } = {}): Promise<void> {
    const { jobId, life } = key;
    for (;;) {
      const found = await this.find(key);
      if (found === undefined) return;
      const dueTimer = isDue ? found.due?.timer : undefined;
      const posting = { ...found.posting, ...(dueTimer !== undefined && { dueTimer }) };
      const operations: NodeOperation[] = [
        { type: 'create', path: this.#paths.job({ jobId, life: life + 1 }), data: toBytes(posting) },
        { type: 'delete', path: this.#paths.dormant(key) },
      ];
      try {
        await this.#session.multi(operations);
        return;
      } catch (error) {
        const code = codeOf(error);
        if (code === 'BATON_CONFLICT_NODE_EXISTS' || code === 'BATON_NOT_FOUND_NODE') return;
        if (code !== 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN') throw error;
      }
      await whenConnected(this.#session);
    }
  }
}
