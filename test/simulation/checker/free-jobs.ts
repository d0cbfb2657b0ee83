import type { BoardChange } from '../history.js';
import { nodeOf } from './board-rules.js';

/** A whole listing takes so long at most. */
const listedMs = 1_000;

/** Which jobs anybody may claim, and since when. One that was given back with a pause is not among them until it was claimed again. */
export class FreeJobs {
  readonly sinceMs = new Map<string, number>();
  /** Session → by when its conductor has a whole copy of the board: at its first claim, or that long after it was registered. */
  readonly #readyMs = new Map<bigint, number>();

  *claimedBy({ operations, sessionId }: BoardChange): Generator<{ jobId: string; claimerReadyMs: number }> {
    for (const { type, path } of operations) {
      const node = nodeOf(path);
      if (node?.tree === 'locks' && type === 'create')
        yield { jobId: node.jobId, claimerReadyMs: this.#readyMs.get(sessionId) ?? Infinity };
    }
  }

  apply({ operations, sessionId, atMs }: BoardChange): void {
    for (const { type, path } of operations) {
      if (type === 'create' && path.startsWith('/members/conductors/'))
        this.#readyMs.set(sessionId, atMs + listedMs);
      const node = nodeOf(path);
      if (node?.tree === 'jobs' && type === 'create') this.sinceMs.set(node.jobId, atMs);
      if (node?.tree === 'locks' && type === 'create') {
        this.sinceMs.delete(node.jobId);
        this.#readyMs.set(sessionId, Math.min(atMs, this.#readyMs.get(sessionId) ?? Infinity));
      }
      // alone: its owner's session ended; with the job: it was given back, or has left the board
      const isReleased = operations.every((other) => nodeOf(other.path)?.tree !== 'jobs');
      if (node?.tree === 'locks' && type === 'delete' && isReleased) this.sinceMs.set(node.jobId, atMs);
    }
  }
}
