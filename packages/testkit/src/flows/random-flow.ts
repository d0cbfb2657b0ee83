/** Flows for property tests: any nesting, with tasks whose every execution succeeds or fails as drawn. */
import type { RunnableFlow } from '@baton/engine';
import {
  type FlowDefinition,
  type NodeDefinition,
  type RetryDefinition,
  type RunnableTask,
  task,
} from '@baton/flow';
import fc from 'fast-check';

export interface RandomFlow {
  readonly definition: FlowDefinition;
  readonly names: readonly string[];
  /** The same flow with tasks that have never run. */
  fresh(): RunnableFlow;
}

export interface RandomFlowOptions {
  /** Whether executions may fail. Default true. */
  readonly failures?: boolean;
  /** Whether reverts may. Default false. */
  readonly revertFailures?: boolean;
  /** Whether siblings may run in any order. Default true. */
  readonly siblings?: boolean;
}

type Shape = Leaf | Branch;

interface Leaf {
  /** In which rounds it fails: bit n for round n. */
  readonly fails: number;
  readonly revertFails: boolean;
  readonly attempts: number;
  readonly delayed: boolean;
}

interface Branch {
  readonly kind: 'linear' | 'unordered' | 'graph';
  readonly retry: RetryDefinition | undefined;
  readonly children: readonly Shape[];
}

const retries = fc.constantFrom<RetryDefinition | undefined>(
  undefined,
  undefined,
  { kind: 'times', attempts: 2 },
  { kind: 'times', attempts: 3, backoff: { kind: 'constant', initialMs: 5 } },
  { kind: 'forEach', values: [1, 2], revertAll: true },
  { kind: 'alwaysRevert' },
  { kind: 'alwaysRevertAll' },
);

/** Draws flows of up to about 30 atoms. */
export function randomFlows({
  failures = true,
  revertFailures = false,
  siblings = true,
}: RandomFlowOptions = {}): fc.Arbitrary<RandomFlow> {
  const leaf = fc.record<Leaf>({
    fails: failures ? fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(15)) : fc.constant(0),
    revertFails: revertFailures ? fc.integer({ min: 0, max: 9 }).map((n) => n === 0) : fc.constant(false),
    attempts: fc.integer({ min: 1, max: 2 }),
    delayed: fc.boolean(),
  });
  const kinds = siblings ? (['linear', 'unordered', 'graph'] as const) : (['linear'] as const);
  const { branch } = fc.letrec<{ branch: Branch }>((tie) => ({
    branch: fc.record({
      kind: fc.constantFrom(...kinds),
      retry: retries,
      children: fc.array(fc.oneof({ maxDepth: 3 }, leaf, tie('branch')), { maxLength: 4 }),
    }),
  }));
  return branch.map(flowOf);
}

function flowOf(root: Branch): RandomFlow {
  const leaves = new Map<string, Leaf>();
  let flows = 0;
  const node = (shape: Shape): NodeDefinition => {
    if (!('children' in shape)) {
      const name = `t${leaves.size}`;
      leaves.set(name, shape);
      return taskOf(name, shape).toNode() as NodeDefinition;
    }
    const { kind, retry } = shape;
    const name = `f${flows++}`;
    const children = shape.children.map(node);
    // every second child of a graph waits for the one before the last
    const links = children.slice(2).map((_, index) => ({ from: index, to: index + 2 }));
    return { kind, name, children, ...(retry && { retry }), ...(kind === 'graph' && { links }) };
  };
  const definition = { schemaVersion: 1, root: node(root) } as const;
  const fresh = (): RunnableFlow => ({
    definition,
    tasks: Array.from(leaves, ([name, shape]) => taskOf(name, shape) as RunnableTask),
    store: {},
  });
  return { definition, names: [...leaves.keys()], fresh };
}

/** What it does depends on the request alone, so a repeated call does the same. */
function taskOf(name: string, { fails, revertFails, attempts, delayed }: Leaf) {
  return task(name, {
    provides: name,
    ...(attempts > 1 && { attempts: { max: attempts, delay: delayed ? 5 : 0 } }),
    execute: async (_args, { round, attempt }) => {
      await Promise.resolve();
      if ((fails >> (round + attempt - 1)) % 2 === 1) throw new Error(`${name} fails in ${round}.${attempt}`);
      return `${name} ${round}`;
    },
    revert: () => {
      if (revertFails) throw new Error(`${name} cannot be undone`);
    },
  });
}
