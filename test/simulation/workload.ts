/**
 * Random flows, and the one task they are made of. What a call does depends on its definition and its round and attempt alone, so a repetition does
 * the same.
 */
import type { Random } from '@baton/core';
import type { AnyDefinition } from '@baton/engine';
import { isRouted } from '@baton/flow';
import type {
  NodeDefinition,
  RetryDefinition,
  FlowDefinition,
  TaskDefinition,
  LinkDefinition,
} from '@baton/flow';
import { below, chance, pick } from './choices.js';

export interface PlannedJob<D = FlowDefinition> {
  readonly jobId: string;
  readonly definition: D;
  readonly priority: 'HIGH' | 'NORMAL' | 'LOW';
  /** True ms. */
  readonly atMs: number;
  /** Cancelled so long after its post was acknowledged, with or without undoing what ran; undefined = not at all. */
  readonly cancel: { readonly afterMs: number; readonly revert: boolean } | undefined;
  /** Suspended so long after that, or after it was resumed the last time, and for how long. */
  readonly pauses: readonly { readonly afterMs: number; readonly forMs: number }[];
  /** When it has ended it is run again, or, after a success, undone. */
  readonly isRepaired?: boolean;
}

export const taskName = 'sim.step'; // as in step-task.mjs

export interface WorkloadSize {
  readonly jobsMax: number;
  /** Jobs are posted until then. */
  readonly untilMs: number;
  readonly tasksMax: number;
}

/** Without `ofPauses` no job is suspended. */
export function planJobs(
  random: Random,
  { jobsMax, untilMs, tasksMax }: WorkloadSize,
  ofPauses?: Random,
): readonly PlannedJob[] {
  const pausing = ofPauses && chance(ofPauses, 0.4) ? ofPauses : undefined;
  return Array.from({ length: 1 + below(random, jobsMax) }, (_, index) => ({
    jobId: `job-${index + 1}`,
    definition: randomFlow(random, 1 + below(random, tasksMax)),
    priority: pick(random, ['HIGH', 'NORMAL', 'NORMAL', 'LOW'] as const),
    atMs: random.fraction() * untilMs,
    cancel: chance(random, 0.1)
      ? { afterMs: random.fraction() * 3_000, revert: chance(random, 0.8) }
      : undefined,
    pauses: pausing && chance(pausing, 0.5) ? randomPauses(pausing) : [],
  }));
}

/** In three runs of ten, half of the jobs; routed ones are undone alone. The others stay what they were. */
export function withRepairs<J extends PlannedJob<AnyDefinition>>(
  jobs: readonly J[],
  random: Random,
): readonly J[] {
  if (!chance(random, 0.3)) return jobs;
  return jobs.map((job) => (chance(random, 0.5) ? { ...job, isRepaired: true } : job));
}

/** What somebody outside makes of a delegate; it stands in what that was given, or in its name (`planIn`). */
export const answerPlans = [
  ...(['value', 'value', 'failure', 'cancelled', 'never', 'twice', 'late', 'extended'] as const),
];

/** In three runs of ten, in more than half of the ordered jobs some tasks are answered from outside, and some sleep. The others stay what they were. */
export function withWaits<J extends PlannedJob<AnyDefinition>>(
  jobs: readonly J[],
  random: Random,
): readonly J[] {
  if (!chance(random, 0.3)) return jobs;
  return jobs.map((job) => {
    const { definition } = job;
    if (isRouted(definition) || !chance(random, 0.6)) return job;
    return { ...job, definition: { ...definition, root: waitingNode(definition.root, random) } };
  });
}

function waitingNode(node: NodeDefinition, random: Random): NodeDefinition {
  if (node.kind !== 'task')
    return {
      ...node,
      ...(node.children && { children: node.children.map((child) => waitingNode(child, random)) }),
    };
  if (!chance(random, 0.3)) return node;
  const { name, provides, attempts } = node;
  if (chance(random, 0.2))
    return {
      ...{ kind: 'task', name: `${name}-sleep`, task: 'std.sleep', requires: ['duration'] },
      inject: { duration: pick(random, [50, 700, 8_000, 12_000]) },
    };
  const plan = pick(random, answerPlans);
  return {
    ...{ kind: 'task', name: `${name}-${plan}`, delegate: 'approve' },
    ...(provides && { provides }),
    ...(attempts && { attempts }),
    ...(chance(random, 0.5) && { open: taskName, ...askedWith(node) }),
    // of what nobody answers the time is over some day (routed-workload.ts)
    timeout: { waitMs: plan === 'never' ? 2_000 + below(random, 10_000) : pick(random, [20_000, 60_000]) },
  };
}

function askedWith({ requires = [], inject = {} }: TaskDefinition): Partial<TaskDefinition> {
  return { requires, inject };
}

/** What is to be made of an atom of an ordered flow; undefined: it is none that waits for somebody. */
export function planIn(atom: string): string | undefined {
  const plan = /^t\d+-(\w+)$/.exec(atom)?.[1];
  return answerPlans.some((known) => known === plan) ? plan : undefined;
}

function randomPauses(random: Random): PlannedJob['pauses'] {
  return Array.from({ length: 1 + below(random, 3) }, () => ({
    afterMs: 2_000 * random.fraction() ** 3,
    forMs: 20_000 * random.fraction() ** 3,
  }));
}

const retries: readonly (RetryDefinition | undefined)[] = [
  undefined,
  undefined,
  undefined,
  undefined,
  { kind: 'times', attempts: 2 },
  { kind: 'times', attempts: 3, backoff: { kind: 'constant', initialMs: 200 } },
  { kind: 'forEach', values: [1, 2], revertAll: true },
  { kind: 'custom', onFailure: { expr: "attempt < 2 ? 'RETRY' : 'REVERT'" } },
  { kind: 'alwaysRevert' },
  { kind: 'alwaysRevertAll' },
];

/** A job that waits for the last of them sleeps. */
const attemptDelaysMs = [0, 100, 8_000];

function randomFlow(random: Random, tasks: number): FlowDefinition {
  const maker = new FlowMaker(random, tasks);
  const root = maker.pattern(0, []);
  const deferReverts = chance(random, 0.8);
  return { schemaVersion: 1, root, ...(deferReverts ? {} : { options: { deferReverts } }) };
}

class FlowMaker {
  readonly #random: Random;
  #left: number;
  #tasks = 0;
  #patterns = 0;

  constructor(random: Random, tasks: number) {
    this.#random = random;
    this.#left = tasks;
  }

  /** `given`: tasks whose results stand before this pattern begins. */
  pattern(depth: number, given: readonly string[]): NodeDefinition {
    const random = this.#random;
    const kind = pick(random, ['linear', 'linear', 'unordered', 'graph'] as const);
    const retry = pick(random, retries);
    const name = `f${++this.#patterns}`;
    const children: NodeDefinition[] = [];
    const known = [...given];
    do {
      const child = depth < 3 && chance(random, 0.3) ? this.pattern(depth + 1, known) : this.#leaf(known);
      children.push(child);
      if (kind === 'linear') known.push(...tasksOf(child));
    } while (this.#left > 0 && children.length < 6 && chance(random, depth === 0 ? 0.9 : 0.6));
    const links = kind === 'graph' ? this.#links(children.length) : undefined;
    return { kind, name, children, ...(retry && { retry }), ...(links && { links }) };
  }

  #leaf(given: readonly string[]): TaskDefinition {
    const random = this.#random;
    const name = `t${++this.#tasks}`;
    this.#left--;
    const from = given.length > 0 && chance(random, 0.5) ? pick(random, given) : undefined;
    const timeout = chance(random, 0.05) ? { queueMs: 500 + below(random, 3_000) } : undefined;
    return {
      kind: 'task',
      name,
      task: taskName,
      requires: ['fails', 'ms', 'revertFails', 'bytes'],
      // optional: its source may have been ignored by a decider, and not every job is given a pin
      optional: ['pin', ...(from ? ['input'] : [])],
      ...(from && { rebind: { input: `of_${from}` } }),
      provides: { [`of_${name}`]: null },
      inject: {
        fails: chance(random, 0.15) ? 1 + below(random, 15) : 0,
        ms: chance(random, 0.1) ? 3_000 * random.fraction() : 200 * random.fraction() ** 2,
        revertFails: chance(random, 0.01),
        bytes: chance(random, 0.02) ? 20_000 : 0,
      },
      ...(chance(random, 0.15) && { attempts: { max: 2, delayMs: pick(random, attemptDelaysMs) } }),
      ...(chance(random, 0.2) && { onWorkerLoss: pick(random, ['fail', 'park'] as const) }),
      ...(timeout && { timeout }),
    };
  }

  #links(count: number): LinkDefinition[] {
    const random = this.#random;
    const links: LinkDefinition[] = [];
    for (let to = 1; to < count; to++)
      for (let from = 0; from < to; from++) {
        if (!chance(random, 0.4)) continue;
        const decider = chance(random, 0.15) ? { expr: chance(random, 0.5) ? 'false' : 'true' } : undefined;
        const depth = pick(random, ['all', 'flow', 'neighbors', 'atom'] as const);
        links.push({ from, to, ...(decider && { decider, depth }) });
      }
    return links;
  }
}

function tasksOf(node: NodeDefinition): string[] {
  return node.kind === 'task' ? [node.name] : (node.children ?? []).flatMap(tasksOf);
}
