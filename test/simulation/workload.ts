/**
 * Random flows, and the one task they are made of. What a call does depends on its definition and its round and attempt alone, so a repetition does
 * the same.
 */
import { task, type FlowDefinition, type NodeDefinition, type RetryDefinition } from '@baton/flow';
import type { Random } from '@baton/core';
import { z } from 'zod';
import type { Effects } from './effects.js';
import type { SimulatedProcess } from './process.js';

export interface PlannedJob {
  readonly jobId: string;
  readonly definition: FlowDefinition;
  /** Virtual ms. */
  readonly atMs: number;
  /** Cancelled so long after its post; undefined = not at all. */
  readonly cancelAfterMs: number | undefined;
}

export const taskName = 'sim.step';

const bits = z.number().int();

/** The task as a worker process offers it. */
export function stepTask(process: SimulatedProcess, effects: Effects) {
  const work = ({ atom, round }: { readonly atom: string; readonly round: number }): string =>
    `${atom}/${round}`;
  const passes = (ms: number): Promise<void> => new Promise((resolve) => process.clock.setTimer(ms, resolve));
  return task(taskName, {
    requires: { fails: bits, revertFails: z.boolean(), ms: z.number() },
    provides: 'done',
    execute: async ({ fails, ms }, context) => {
      const call = effects.started(callOf('execute', context, process));
      await passes(ms);
      call.endedAtMs = process.clock.monotonicMs();
      if (((fails >> (context.round + context.attempt - 2)) & 1) === 1) {
        call.failed = true;
        throw new Error(`${context.atom} fails in ${context.round}.${context.attempt}`);
      }
      effects.done(context.flowId, work(context));
      return `${context.atom} ${context.round}`;
    },
    revert: async ({ revertFails, ms }, context) => {
      const call = effects.started(callOf('revert', context, process));
      await passes(ms);
      call.endedAtMs = process.clock.monotonicMs();
      if (revertFails) {
        call.failed = true;
        throw new Error(`${context.atom} cannot be undone`);
      }
      effects.undone(context.flowId, work(context));
    },
  });
}

function callOf(
  action: 'execute' | 'revert',
  context: {
    readonly flowId: string;
    readonly atom: string;
    readonly idempotencyKey: string;
    readonly requestId: string;
    readonly delivery: number;
  },
  process: SimulatedProcess,
) {
  const { flowId, atom, idempotencyKey, requestId, delivery } = context;
  return {
    flowId,
    atom,
    action,
    key: idempotencyKey,
    requestId,
    delivery,
    process: process.name,
    startedAtMs: process.clock.monotonicMs(),
  };
}

/** Up to `countMax` jobs, posted in the first seconds. */
export function planJobs(random: Random, countMax: number): readonly PlannedJob[] {
  const count = 1 + below(random, countMax);
  return Array.from({ length: count }, (_, index) => ({
    jobId: `job-${index + 1}`,
    definition: randomFlow(random),
    atMs: random.fraction() * 4_000,
    cancelAfterMs: random.fraction() < 0.1 ? random.fraction() * 3_000 : undefined,
  }));
}

const retries: readonly (RetryDefinition | undefined)[] = [
  undefined,
  undefined,
  undefined,
  { kind: 'times', attempts: 2 },
  { kind: 'times', attempts: 3, backoff: { kind: 'constant', initialMs: 200 } },
  { kind: 'forEach', values: [1, 2], revertAll: true },
  { kind: 'alwaysRevert' },
  { kind: 'alwaysRevertAll' },
];

function randomFlow(random: Random): FlowDefinition {
  let tasks = 0;
  let patterns = 0;
  const leaf = (): NodeDefinition => ({
    kind: 'task',
    name: `t${++tasks}`,
    task: taskName,
    requires: ['fails', 'ms', 'revertFails'],
    inject: {
      fails: random.fraction() < 0.2 ? 1 + below(random, 15) : 0,
      ms: random.fraction() < 0.1 ? 3_000 * random.fraction() : 200 * random.fraction(),
      revertFails: random.fraction() < 0.01,
    },
    ...(random.fraction() < 0.2 && { attempts: { max: 2, delayMs: below(random, 2) * 100 } }),
  });
  const pattern = (depth: number): NodeDefinition => {
    const kind = pick(random, ['linear', 'unordered', 'graph'] as const);
    const retry = pick(random, retries);
    const children = Array.from({ length: 1 + below(random, 4) }, () =>
      depth < 3 && random.fraction() < 0.3 ? pattern(depth + 1) : leaf(),
    );
    const links = children.slice(2).map((_, index) => ({ from: index, to: index + 2 }));
    return {
      kind,
      name: `f${++patterns}`,
      children,
      ...(retry && { retry }),
      ...(kind === 'graph' && { links }),
    };
  };
  return { schemaVersion: 1, root: pattern(0) } as FlowDefinition;
}

export function below(random: Random, limit: number): number {
  return Math.floor(random.fraction() * limit);
}

export function pick<T>(random: Random, items: readonly T[]): T {
  return items[below(random, items.length)] as T;
}
