/**
 * Purpose: the world outside that tasks change, as a system that knows idempotency keys would: the same work twice is done once.
 * What is authoritative: what stands here, against what the run says of itself (checker/).
 * Not here: which calls there were (history.ts).
 */
import { task, type TaskContext } from '@baton/flow';
import { z } from 'zod';
import type { Call, History } from './history.js';
import type { SimulatedProcess } from './process.js';
import { taskName } from './workload.js';

export class World {
  /** Key of an execution → atom, while its effect stands. */
  readonly #standing = new Map<string, Map<string, string>>();
  /** Undone: a late repetition of the same work changes nothing any more, as with any system that remembers keys. */
  readonly #undone = new Set<string>();
  /** What tasks saw that cannot be. */
  readonly oddities: string[] = [];

  do(flowId: string, atom: string, key: string): void {
    if (this.#undone.has(key)) return;
    const standing = this.#standing.get(flowId) ?? new Map<string, string>();
    this.#standing.set(flowId, standing.set(key, atom));
  }

  undo(flowId: string, key: string): void {
    this.#undone.add(key);
    this.#standing.get(flowId)?.delete(key);
  }

  /** Atoms whose effect stands; one that stands twice is there twice. */
  standing(flowId: string): readonly string[] {
    return [...(this.#standing.get(flowId)?.values() ?? [])].sort();
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
export function stepTask({ process, memberId, sessionIds }: WorkerSide, history: History, world: World) {
  const passes = (ms: number): Promise<void> => new Promise((resolve) => process.clock.setTimer(ms, resolve));
  const begin = (action: Call['action'], context: TaskContext): Call => {
    const { flowId, atom, round, attempt, idempotencyKey: key, requestId, delivery } = context;
    const call = { flowId, atom, action, round, attempt, key, requestId, delivery, process: process.name };
    return history.started(call, { id: memberId, sessionIds: sessionIds() });
  };
  const resultOf = ({ flowId, atom, round }: TaskContext): string => `${flowId}/${atom}/${round}`;
  return task(taskName, {
    requires: { fails: z.number().int(), revertFails: z.boolean(), ms: z.number(), bytes: z.number() },
    optional: { input: z.string() },
    provides: 'done',
    execute: async ({ fails, ms, bytes, input }, context) => {
      if (!process.alive) return forEver;
      const call = begin('execute', context);
      if (input !== undefined && !input.startsWith(`${context.flowId}/`))
        world.oddities.push(`${context.requestId} was given ${input}, a result of another flow`);
      await passes(ms);
      const isFailing = ((fails >> (context.round + context.attempt - 2)) & 1) === 1;
      history.ended(call, isFailing);
      if (isFailing) throw new Error(`${context.atom} fails in ${context.round}.${context.attempt}`);
      world.do(context.flowId, context.atom, context.idempotencyKey);
      return resultOf(context).padEnd(bytes, '.');
    },
    revert: async ({ revertFails, ms }, context) => {
      if (!process.alive) return forEver;
      const call = begin('revert', context);
      const { result } = context;
      if (typeof result === 'string' && !result.startsWith(resultOf(context)))
        world.oddities.push(`${context.requestId} was given ${result.slice(0, 40)}, not its own result`);
      await passes(ms);
      history.ended(call, revertFails);
      if (revertFails) throw new Error(`${context.atom} cannot be undone`);
      world.undo(context.flowId, context.idempotencyKey.replace(/revert\/(\d+)$/, 'execute/$1'));
    },
  });
}
