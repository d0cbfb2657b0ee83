/**
 * Random routed flows: a few pieces one behind the other, each a way to wait, to choose, to repeat, or to leave the work to others. They are made of the same
 * one task as ordered flows, so that what a call does follows from the definition here, too.
 */
import type { JsonValue, Random } from '@baton/core';
import type { AnyDefinition } from '@baton/engine';
import { waitEventTask, withFlows } from '@baton/flow';
import type {
  ClauseDefinition,
  RoutedAtomDefinition,
  RoutedDefinition,
  RoutedFlowDefinition,
  TransitionDefinition,
} from '@baton/flow';
import { below, chance, pick } from './choices.js';
import { answerPlans, taskName, type PlannedJob } from './workload.js';

/** Of either shape. */
export type AnyJob = PlannedJob<AnyDefinition>;

/** Of three runs in ten, more than half of the jobs. The others stay what they were. */
export function withRouted(jobs: readonly PlannedJob[], random: Random): readonly AnyJob[] {
  if (!chance(random, 0.3)) return jobs;
  return jobs.map((job) => (chance(random, 0.6) ? { ...job, definition: routedFlow(random) } : job));
}

/** What somebody outside makes of a wait for an event: it is the name of that. */
const eventPlans = ['event', 'event', 'event-twice', 'event-late', 'never'] as const;

/** @param piecesMax of the flow itself; those that it runs have fewer */
export function routedFlow(random: Random, piecesMax = 4): RoutedFlowDefinition {
  const children: RoutedFlowDefinition[] = [];
  const root = new RouteMaker(random, { name: 'routed', children }).flow(1 + below(random, piecesMax));
  return withFlows({ schemaVersion: 1, root: { ...root, requires: ['pin'] } }, children);
}

/** A piece gives the name of its first atom; `next`: where control goes on when it went well. */
type Piece = (next: string | undefined) => string;

/** Flows below the root. */
const depthMax = 2;

class RouteMaker {
  readonly #random: Random;
  readonly #name: string;
  readonly #depth: number;
  /** Flows that this one and those below it run. */
  readonly #children: RoutedFlowDefinition[];
  readonly #atoms: RoutedAtomDefinition[] = [];
  readonly #pieces: readonly Piece[] = [
    (next) => this.#one(next),
    (next) => this.#one(next),
    (next) => this.#delayed(next),
    (next) => this.#cycle(next),
    (next) => this.#fork(next),
    (next) => this.#each(next),
    (next) => this.#delegate(next),
    (next) => this.#delegate(next),
    (next) => this.#event(next),
    (next) => this.#child(next),
    (next) => this.#child(next),
    (next) => this.#held(next),
  ];

  constructor(
    random: Random,
    {
      name,
      children,
      depth = 0,
    }: { readonly name: string; readonly children: RoutedFlowDefinition[]; readonly depth?: number },
  ) {
    this.#random = random;
    this.#name = name;
    this.#children = children;
    this.#depth = depth;
  }

  flow(pieces: number): RoutedDefinition {
    let next: string | undefined;
    for (let left = pieces; left > 0; left--) next = pick(this.#random, this.#pieces)(next);
    return {
      kind: 'routed',
      name: this.#name,
      atoms: this.#atoms,
      // in a cycle nothing is without something before it
      ...(next !== undefined && { start: [next] }),
      ...(chance(this.#random, 0.25) && { rollback: 'completed' }),
    };
  }

  /** `more` has the last word. */
  #add(name: string, next: string | undefined, more: Partial<RoutedAtomDefinition>): string {
    const then: Partial<RoutedAtomDefinition> = next === undefined ? {} : { onSuccess: to(next) };
    this.#atoms.push({ name, ...then, ...more });
    return name;
  }

  #nameOf(kind: string): string {
    return `${kind}${this.#atoms.length + 1}`;
  }

  /** A call of the task; what it gives is there for the next one. */
  #task(mayFail = 0.2): Partial<RoutedAtomDefinition> {
    const random = this.#random;
    const attempts = chance(random, 0.4) ? 1 + below(random, 3) : undefined;
    return {
      task: taskName,
      optional: ['input'],
      rebind: { input: 'last' },
      input: {
        fails: chance(random, mayFail) ? failing(random, attempts ?? 1) : 0,
        ms: chance(random, 0.1) ? 3_000 * random.fraction() : 200 * random.fraction() ** 2,
        revertFails: chance(random, 0.02),
        bytes: chance(random, 0.02) ? 20_000 : 0,
      },
      provides: { last: null },
      ...(attempts !== undefined && {
        attempts: {
          max: attempts,
          delayMs: pick(random, [0, 100, 8_000]),
          backoff: pick(random, ['constant', 'linear', 'exponential'] as const),
        },
      }),
      ...(chance(random, 0.2) && { onWorkerLoss: pick(random, ['fail', 'park'] as const) }),
      ...(chance(random, 0.05) && { timeout: { queueMs: 500 + below(random, 3_000) } }),
      ...(chance(random, 0.05) && { timeout: { totalMs: 500 + below(random, 5_000) } }),
    };
  }

  /** What becomes of a failure: mostly nothing. */
  #handled(next: string | undefined): Partial<RoutedAtomDefinition> {
    const random = this.#random;
    if (!chance(random, 0.4)) return {};
    return { onError: to(next !== undefined && chance(random, 0.5) ? next : 'noop') };
  }

  #one(next: string | undefined): string {
    return this.#add(this.#nameOf('t'), next, { ...this.#task(), ...this.#handled(next) });
  }

  #delayed(next: string | undefined): string {
    const random = this.#random;
    const ms = pick(random, [50, 700, 8_000, 12_000]);
    if (chance(random, 0.3))
      return this.#add(this.#nameOf('s'), next, { task: 'std.sleep', input: { duration: ms } });
    const wait = chance(random, 0.5) ? { waitBeforeMs: ms } : { waitAfterMs: ms };
    return this.#add(this.#nameOf('d'), next, { ...this.#task(), ...wait });
  }

  #cycle(next: string | undefined): string {
    const random = this.#random;
    const name = this.#nameOf('c');
    const turns = 2 + below(random, 3);
    const count = `get(ctx, 'n_${name}', 0)`;
    const again = { to: name, when: `${count} < ${turns}` };
    const onwards = next === undefined ? [] : [{ to: next, when: `${count} >= ${turns}` }];
    return this.#add(name, undefined, {
      ...this.#task(0.1),
      publish: { branch: { [`n_${name}`]: `\${${count} + 1}` } },
      onSuccess: { next: [again, ...onwards] },
    });
  }

  /** Branches that meet, or do not. */
  #fork(next: string | undefined): string {
    const random = this.#random;
    const kinds = ['all', 'all', 'reached', 1] as const;
    const join = this.#nameOf('j');
    this.#add(join, next, {
      join: pick(random, kinds),
      ...(chance(random, 0.5) && this.#task()),
      ...this.#handled(next),
    });
    const branches = Array.from({ length: 2 + below(random, 2) }, () => {
      const guard = chance(random, 0.1) ? { when: 'self.attempt > 1' } : {};
      const waits = chance(random, 0.3) ? { waitBeforeMs: pick(random, [20, 500, 6_000]) } : {};
      return this.#add(this.#nameOf('b'), undefined, {
        ...this.#task(),
        ...waits,
        [chance(random, 0.3) ? 'onComplete' : 'onSuccess']: { next: [{ to: join, ...guard }] },
      });
    });
    return this.#add(this.#nameOf('f'), undefined, { onSuccess: to(...branches) });
  }

  #each(next: string | undefined): string {
    const { provides: _, attempts, timeout: __, ...task } = this.#task();
    const byItem = attempts && chance(this.#random, 0.5) ? { scope: 'item' as const } : {};
    return this.#add(this.#nameOf('e'), next, {
      ...task,
      ...this.#items(),
      ...(attempts && { attempts: { ...attempts, ...byItem } }),
      ...this.#handled(next),
    });
  }

  #items(): Partial<RoutedAtomDefinition> {
    const random = this.#random;
    const parallel = pick(random, [undefined, 1, 2]);
    return {
      forEach: { item: Array.from({ length: 1 + below(random, 4) }, (_, index) => index) },
      ...(parallel !== undefined && { parallel }),
      ...(chance(random, 0.2) && { onItemError: 'stop' }),
    };
  }

  #delegate(next: string | undefined): string {
    const random = this.#random;
    const { input } = this.#task();
    const plan: JsonValue = pick(random, answerPlans);
    const isAsked = chance(random, 0.6);
    return this.#add(this.#nameOf('a'), next, {
      delegate: 'approve',
      ...(isAsked && { open: taskName }),
      input: { ...(input as object), plan },
      ...(chance(random, 0.2) && this.#items()),
      // of what nobody answers the time is over some day, and so it is of what is answered in vain by somebody whose clock is ahead by minutes (README)
      timeout: { waitMs: plan === 'never' ? 2_000 + below(random, 10_000) : pick(random, [20_000, 60_000]) },
      ...(chance(random, 0.3) && { attempts: { max: 2, delayMs: pick(random, [0, 6_000]) } }),
      ...this.#handled(next),
    });
  }

  #event(next: string | undefined): string {
    const random = this.#random;
    const name = pick(random, eventPlans);
    return this.#add(this.#nameOf('v'), next, {
      ...{ task: waitEventTask, input: { name, key: '${run.id}' } },
      ...(chance(random, 0.2) && this.#items()),
      timeout: { waitMs: name === 'never' ? 2_000 + below(random, 10_000) : 60_000 },
      ...(chance(random, 0.2) && { attempts: { max: 2, delayMs: pick(random, [0, 6_000]) } }),
      ...this.#handled(next),
    });
  }

  #child(next: string | undefined): string {
    const random = this.#random;
    if (this.#depth === depthMax) return this.#one(next);
    const name = `child${this.#children.length + 1}`;
    const place = this.#children.push({ schemaVersion: 1, root: { kind: 'routed', name, atoms: [] } }) - 1;
    const maker = new RouteMaker(random, { name, children: this.#children, depth: this.#depth + 1 });
    const root: RoutedDefinition = { ...maker.flow(1 + below(random, 2)), requires: ['given'] };
    this.#children[place] = { schemaVersion: 1, root };
    return this.#add(this.#nameOf('r'), next, {
      flow: name,
      input: { given: '${run.id}' },
      ...(chance(random, 0.2) && this.#items()),
      ...(chance(random, 0.2) && { attempts: { max: 2, delayMs: pick(random, [0, 6_000]) } }),
      ...(chance(random, 0.1) && { timeout: { totalMs: 500 + below(random, 10_000) } }),
      ...this.#handled(next),
    });
  }

  /** It waits until a person lets it go on. */
  #held(next: string | undefined): string {
    if (chance(this.#random, 0.5)) return this.#one(next);
    return this.#add(this.#nameOf('h'), next, { ...this.#task(), pauseBefore: true });
  }
}

function to(...names: readonly string[]): ClauseDefinition {
  return { next: names.map((name): TransitionDefinition => ({ to: name })) };
}

/** Bits as the task reads them (step-task.mjs); nothing of a routed flow has a round above 0, so that the first attempt is the highest bit. */
function failing(random: Random, attempts: number): number {
  let bits = 0;
  for (let attempt = 1; attempt <= attempts; attempt++) if (chance(random, 0.7)) bits |= 1 << (attempt - 2);
  return bits;
}
