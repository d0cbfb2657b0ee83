/**
 * Purpose: the world outside that tasks change: what a key-idempotent system would do with their calls, and a ledger of every call, which nothing
 *   under test ever reads (reliability 14).
 * What is authoritative: `calls` for what was started and ended, `present` for what stands now.
 * Not here: whether that is right (checker.ts).
 */
import type { Action } from '@baton/core';

export interface Call {
  readonly flowId: string;
  readonly atom: string;
  readonly action: Action;
  /** Same key = same work. */
  readonly key: string;
  readonly requestId: string;
  readonly delivery: number;
  /** Process that ran it: an incarnation of a worker. */
  readonly process: string;
  readonly startedAtMs: number;
  endedAtMs: number | undefined;
  failed: boolean;
}

export class Effects {
  readonly calls: Call[] = [];
  /** Flow → atom and round whose effect stands. */
  readonly #present = new Map<string, Set<string>>();
  /** Undone: a late repetition of the same work changes nothing any more, as with any system that remembers keys. */
  readonly #undone = new Set<string>();

  started(call: Omit<Call, 'endedAtMs' | 'failed'>): Call {
    const entry: Call = { ...call, endedAtMs: undefined, failed: false };
    this.calls.push(entry);
    return entry;
  }

  done(flowId: string, work: string): void {
    if (this.#undone.has(`${flowId}/${work}`)) return;
    const present = this.#present.get(flowId) ?? new Set();
    this.#present.set(flowId, present.add(work));
  }

  undone(flowId: string, work: string): void {
    this.#undone.add(`${flowId}/${work}`);
    this.#present.get(flowId)?.delete(work);
  }

  /** Atom and round, `t3/2`, of what stands. */
  standing(flowId: string): readonly string[] {
    return [...(this.#present.get(flowId) ?? [])].sort();
  }
}
