/**
 * Purpose: the world outside that tasks change, as a system that knows idempotency keys would: the same work twice is done once.
 * What is authoritative: what stands here, against what the run says of itself (checker/).
 * Not here: which calls there were (history.ts).
 */
import type { Call, History } from './history.js';
import type { SimulatedProcess } from './process.js';
import { stepTask } from './step-task.mjs';

/** One call, as far as it is seen from outside. */
type Work = Pick<Call, 'action' | 'flowId' | 'atom' | 'key'>;

export class World {
  /** Key of an execution → atom, while its effect stands. */
  readonly #standing = new Map<string, Map<string, string>>();
  /** Done at some time: what was undone since, a late repetition of the same work does not do again, as with any system that remembers keys. */
  readonly #done = new Set<string>();
  readonly #undone = new Set<string>();
  /** Work that was done for the first time after it had been undone: nothing here takes it back. */
  readonly late: Work[] = [];
  /** What tasks saw that cannot be. */
  readonly oddities: string[] = [];

  /** What a call that went well does to it. */
  take(work: Work): void {
    const { action, flowId, key } = work;
    if (action === 'execute') this.#do(work);
    else this.#undo(flowId, key.replace(/revert\/(\d+)$/, 'execute/$1'));
  }

  /** Atoms whose effect stands; one that stands twice is there twice. */
  standing(flowId: string): readonly string[] {
    return [...(this.#standing.get(flowId)?.values() ?? [])].sort();
  }

  #do(work: Work): void {
    const { flowId, atom, key } = work;
    const isFirst = !this.#done.has(key);
    this.#done.add(key);
    if (this.#undone.has(key)) {
      if (isFirst) this.late.push(work);
      return;
    }
    const standing = this.#standing.get(flowId) ?? new Map<string, string>();
    this.#standing.set(flowId, standing.set(key, atom));
  }

  #undo(flowId: string, key: string): void {
    this.#undone.add(key);
    this.#standing.get(flowId)?.delete(key);
  }
}

/** What a process waits for that was killed in this very moment. */
const forEver = new Promise<never>(() => undefined);

export interface WorkerSide {
  readonly process: SimulatedProcess;
  readonly memberId: string;
  /** Ids of all sessions this process had. */
  readonly sessionIds: () => readonly bigint[];
}

/** The task as a worker process offers it. */
export function worldTask({ process, memberId, sessionIds }: WorkerSide, history: History, world: World) {
  return stepTask<Call>({
    begin: (action, context) => {
      if (!process.alive) return forEver;
      const { flowId, atom, round, attempt, idempotencyKey: key, requestId, delivery } = context;
      const call = { flowId, atom, action, round, attempt, key, requestId, delivery, process: process.name };
      return history.started(call, { id: memberId, sessionIds: sessionIds() });
    },
    pass: (ms) => new Promise((resolve) => process.clock.setTimer(ms, resolve)),
    end: (call, failed) => {
      history.ended(call, failed);
      if (!failed) world.take(call);
    },
    odd: (what) => world.oddities.push(what),
  });
}
