import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  childIdOf,
  type InlineValue,
  type JsonValue,
  requestIdOf,
  type StoredDocument,
  type TaskRequest,
} from '@baton/core';
import type { RoutedAtomDefinition, RoutedFlowDefinition } from '@baton/flow';
import { withFlows } from '@baton/flow';
import { SimulatedDocumentStore } from '@baton/testkit';
import { Cluster } from './fixtures/cluster.js';
import { mortalConductor } from './fixtures/mortal-conductor.js';

const flow = (
  name: string,
  atoms: Readonly<Record<string, Omit<RoutedAtomDefinition, 'name'>>>,
  more: Partial<RoutedFlowDefinition['root']> = {},
): RoutedFlowDefinition => ({
  schemaVersion: 1,
  root: {
    kind: 'routed',
    name,
    ...more,
    atoms: Object.entries(atoms).map(([atom, rest]) => ({ name: atom, ...rest })),
  },
});
const to = (name: string) => ({ next: [{ to: name }] });

/** A parent whose child asks a worker once, between two questions of its own. */
const child = flow(
  'child',
  { c: { task: 'echo', input: { value: '${n + 1}' }, publish: { branch: { n: '${self.result}' } } } },
  { requires: ['n'], output: { n: '${n}' } },
);
const parent = withFlows(
  flow(
    'parent',
    {
      a: { task: 'echo', input: { value: 1 }, provides: { n: null }, onSuccess: to('b') },
      b: { flow: 'child', publish: { branch: { n: '${self.result.n}' } }, onSuccess: to('z') },
      z: { task: 'echo', input: { value: '${n * 10}' }, provides: { end: null } },
    },
    { output: { end: '${end}' } },
  ),
  [child],
);

/** Notes what is inserted where. */
class CountedInserts extends SimulatedDocumentStore {
  readonly collections: string[] = [];

  constructor({ runtime, documents: service }: Cluster) {
    super(runtime, { service });
  }

  override insert(collection: string, documents: readonly StoredDocument[]) {
    this.collections.push(collection);
    return super.insert(collection, documents);
  }
}

describe('a child run is a job of its own (C-1206)', () => {
  let cluster: Cluster;
  beforeEach(() => void (cluster = new Cluster()));
  afterEach(() => cluster.dispose());

  const echo = ({ args: { value } }: TaskRequest): InlineValue => value ?? { data: null };
  const working = () =>
    cluster.drive(cluster.worker('w1', { echo, never: () => new Promise(() => undefined) }));
  const post = (definition: RoutedFlowDefinition, store: Readonly<Record<string, JsonValue>> = {}) =>
    cluster.drive(cluster.client.post(definition, { key: 'p', store }));
  const ended = async (jobId: string) =>
    (await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 120_000 }))).outcome;
  const childOf = (atom: string, attempt = 1, parentId = 'p') =>
    childIdOf(requestIdOf({ flowId: parentId, atom, action: 'execute', round: 0, attempt }), 'p');
  const report = (jobId: string) => cluster.drive(cluster.client.job(jobId));

  it('is given its input, and gives its output to its parent', async () => {
    cluster.conductor('c1');
    const worker = await working();
    expect(await ended(await post(parent))).toBe('SUCCESS');
    expect((await report('p')).results).toEqual({ end: 20 });
    expect(await report(childOf('b'))).toMatchObject({
      ...{ name: 'child', outcome: 'SUCCESS', results: { n: 2 } },
      lineage: { rootId: 'p', parentId: 'p', depth: 1 },
    });
    expect(worker.seen.length).toBe(3);
    expect(await cluster.drive(cluster.client.jobs())).toEqual([]);
  });

  it('shows in its parent while it runs, and is cancelled with it', async () => {
    cluster.conductor('c1');
    await working();
    const waits = flow('child', { c: { task: 'never' } });
    await post(withFlows(flow('parent', { b: { flow: 'child' }, d: { flow: 'child' } }), [waits]));
    await cluster.runtime.clock.advance(1_000);
    const [b, d] = [childOf('b'), childOf('d')];
    expect((await report('p')).atoms).toMatchObject([
      { name: 'b', state: 'RUNNING', child: b },
      { name: 'd', state: 'RUNNING', child: d },
    ]);
    await cluster.drive(cluster.client.cancel(b, { reason: 'enough' }));
    for (const jobId of [b, 'p', d]) expect(await ended(jobId)).toBe('CANCELLED');
    await cluster.runtime.clock.advance(10_000);
    expect(await cluster.drive(cluster.client.jobs())).toEqual([]);
  });

  it('fails its activation alone, with what failed as the cause', async () => {
    cluster.conductor('c1');
    await cluster.drive(cluster.worker('w1', { echo: () => Promise.reject(new Error('no room')) }));
    await post(withFlows(flow('parent', { b: { flow: 'child', input: { n: 1 } }, c: {} }), [child]));
    expect(await ended('p')).toBe('FAILURE');
    const [b, c] = (await report('p')).atoms;
    expect(b?.failure).toMatchObject({
      ...{ code: 'CHILD_FAILED', message: 'flow child: no room', atom: 'b' },
      causes: [{ message: 'no room', atom: 'c' }],
    });
    expect(c?.state).toBe('SUCCESS');
  });

  it('is not started under the id of a job that somebody else posted', async () => {
    cluster.conductor('c1');
    await working();
    const other = flow('other', { x: {} });
    await cluster.drive(cluster.client.post(other, { key: childOf('b') }));
    await post(parent);
    expect(await ended('p')).toBe('FAILURE');
    expect((await report('p')).atoms).toMatchObject([{}, { failure: { code: 'CHILD_NOT_STARTED' } }]);
  });

  it('is not started again by the next owner of its parent', async () => {
    const first = cluster.conductor('c1');
    await working();
    const each = flow('parent', { b: { flow: 'child', forEach: { n: '${range(20)}' } } });
    await post(withFlows(each, [flow('child', { c: { task: 'never' } }, { requires: ['n'] })]));
    await cluster.runtime.clock.advance(2_000);
    cluster.coordination.expire(first.session());
    void first.stop();
    const writes = new CountedInserts(cluster);
    cluster.conductor('c2', {}, { store: writes });
    await cluster.runtime.clock.advance(5_000);
    expect((await report('p')).atoms.filter(({ child }) => child !== undefined)).toHaveLength(20);
    expect(writes.collections.filter((name) => !['journal', 'meta'].includes(name))).toEqual([]);
  });

  it('has one place for each item of a fan-out, whatever its size', async () => {
    cluster.conductor('c1', { maxJobs: 2 });
    await working();
    const each = flow('parent', {
      b: {
        flow: 'child',
        forEach: { n: '${range(50)}' },
        parallel: 20,
        publish: { branch: { all: '${self.result}' } },
      },
    });
    await post(withFlows(each, [child]));
    expect(await ended('p')).toBe('SUCCESS');
    const { all } = (await report('p')).results as { all: readonly { n: number }[] };
    expect(all.map(({ n }) => n)).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
  });
});

describe('suspending and cancelling what runs others', () => {
  let cluster: Cluster;
  beforeEach(() => void (cluster = new Cluster()));
  afterEach(() => cluster.dispose());

  const states = async (...jobIds: readonly string[]) => {
    await cluster.runtime.clock.advance(1_000);
    const reports = await cluster.drive(Promise.all(jobIds.map((jobId) => cluster.client.job(jobId))));
    return reports.map(({ flowState }) => flowState);
  };
  const give = (what: 'suspend' | 'resume' | 'cancel', jobId: string) =>
    cluster.drive(cluster.client[what](jobId));
  const childOf = (atom: string, parentId: string) =>
    childIdOf(requestIdOf({ flowId: parentId, atom, action: 'execute', round: 0, attempt: 1 }), 'p');
  const [b, d] = [childOf('b', 'p'), childOf('d', 'p')];
  const [inB, inD] = [childOf('m', b), childOf('m', d)];
  const all = ['p', b, d, inB, inD];
  let finish: (() => void)[] = [];

  /** Two children, which have one each; those ask a worker, whose answer is in the hands of the test, and then once more. */
  async function tree(conductors = 1) {
    finish = [];
    for (let n = 1; n <= conductors; n++) cluster.conductor(`c${n}`);
    const slow = () => new Promise<InlineValue>((resolve) => finish.push(() => resolve({ data: null })));
    const worker = await cluster.drive(cluster.worker('w1', { slow, quick: () => ({ data: null }) }));
    const inner = flow('inner', { s: { task: 'slow', onSuccess: to('q') }, q: { task: 'quick' } });
    const middle = flow('middle', { m: { flow: 'inner' } });
    const root = flow('root', { b: { flow: 'middle' }, d: { flow: 'middle' } });
    await cluster.drive(cluster.client.post(withFlows(root, [middle, inner]), { key: 'p' }));
    await cluster.runtime.clock.advanceUntil(() => finish.length === 2);
    return worker;
  }
  const answer = (): void => finish.forEach((end) => end());
  const every = (state: string) => all.map(() => state);

  it.each([1, 3])(
    'M38 suspend and sub-flows: the parent and all below it (%s conductors)',
    async (conductors) => {
      const worker = await tree(conductors);
      await give('suspend', 'p');
      expect(await states(...all)).toEqual(every('SUSPENDING'));
      answer();
      expect(await states(...all)).toEqual(every('SUSPENDED'));
      await cluster.runtime.clock.advance(60_000);
      expect(worker.seen.length).toBe(2);
      await give('resume', 'p');
      expect(await states(...all)).toEqual(every('SUCCESS'));
      expect(worker.seen.length).toBe(4);
    },
  );

  it('M38 suspend and sub-flows: one child suspends its parent and its siblings; the parent resumes last', async () => {
    const worker = await tree();
    const [first] = worker.seen;
    await give('suspend', first?.flowId ?? '');
    finish[0]?.();
    const [own, other] = first?.flowId === inB ? [b, d] : [d, b];
    const [inOwn, inOther] = [childOf('m', own), childOf('m', other)];
    const tops = ['p', own, other, inOwn, inOther];
    expect(await states(...tops)).toEqual([
      'SUSPENDING',
      'SUSPENDED',
      'SUSPENDING',
      'SUSPENDED',
      'SUSPENDING',
    ]);
    finish[1]?.();
    expect(await states(...tops)).toEqual(every('SUSPENDED'));
    await give('resume', inOther);
    expect(await states(...tops)).toEqual(['SUSPENDED', 'SUSPENDED', 'SUCCESS', 'SUSPENDED', 'SUCCESS']);
    await give('resume', own);
    expect(await states(...tops)).toEqual(every('SUCCESS'));
  });

  it('M38 suspend and sub-flows: a child that suspends itself with its first step, while nobody holds them', async () => {
    cluster.conductor('c1');
    await cluster.drive(cluster.worker('w1', { quick: () => ({ data: null }) }));
    const inner = flow('inner', { s: { task: 'quick', pauseBefore: true } });
    await cluster.drive(
      cluster.client.post(withFlows(flow('root', { b: { flow: 'inner' } }), [inner]), { key: 'p' }),
    );
    await cluster.runtime.clock.advance(60_000);
    expect(await states('p', b)).toEqual(['SUSPENDED', 'SUSPENDED']);
    await give('resume', 'p');
    expect(await states('p', b)).toEqual(['SUCCESS', 'SUCCESS']);
  });

  it('M38 suspend and sub-flows: resumed at once, all go on, however late they hear of it', async () => {
    await tree(2);
    for (const what of ['suspend', 'resume', 'suspend', 'resume'] as const) await give(what, 'p');
    await cluster.runtime.clock.advance(1_000);
    answer();
    expect(await states(...all)).toEqual(every('SUCCESS'));
  });

  it.each(['p', b, inB])('M39 cancel: at %s, of a tree that runs', async (jobId) => {
    await tree();
    await give('cancel', jobId);
    expect(await states(...all)).toEqual(every('CANCELLED'));
    await cluster.runtime.clock.advance(10_000);
    expect(await cluster.drive(cluster.client.jobs())).toEqual([]);
  });

  it('M39 cancel: while suspended, and when it is complete', async () => {
    await tree();
    await give('suspend', 'p');
    finish[0]?.();
    await states('p');
    await give('cancel', 'p');
    expect(await states(...all)).toEqual(every('CANCELLED'));
    await expect(give('cancel', b)).rejects.toMatchObject({ code: 'BATON_CONFLICT_ENDED' });
  });
});

/** What is done to a flow from outside, once it is posted as `p`. */
type Scenario = (cluster: Cluster) => Promise<void>;

const pausing = flow('pausing', {
  c: { task: 'echo', pauseBefore: true, input: { value: 2 }, provides: { n: null } },
});
const suspended = withFlows(
  flow('parent', {
    a: { flow: 'pausing', onSuccess: to('z') },
    z: { provides: { end: null } },
  }),
  [pausing],
);
const endless = withFlows(flow('parent', { a: { flow: 'endless' } }), [
  flow('endless', { c: { task: 'never' } }),
]);
const pass = async ({ runtime }: Cluster, ms: number): Promise<void> => runtime.clock.advance(ms);

const scenarios: readonly [string, RoutedFlowDefinition, string, Scenario][] = [
  ['runs', parent, 'SUCCESS', () => Promise.resolve()],
  [
    'is suspended by its children, and resumed',
    suspended,
    'SUCCESS',
    async (cluster) => {
      await pass(cluster, 45_000);
      expect((await cluster.drive(cluster.client.job('p'))).flowState).toBe('SUSPENDED');
      await cluster.drive(cluster.client.resume('p'));
    },
  ],
  [
    'is cancelled',
    endless,
    'CANCELLED',
    async (cluster) => {
      await pass(cluster, 1_000);
      await cluster.drive(cluster.client.cancel('p'));
    },
  ],
];

describe('a child run whose owners are killed at any write', () => {
  const places = [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ] as const;
  it.each(
    scenarios.flatMap(([what, ...scenario]) =>
      (what === 'runs' ? places : places.slice(1, 3)).map((place) => [what, ...place, ...scenario] as const),
    ),
  )(
    '%s, once, and so does its parent (landed: %s, two owners: %s)',
    async (_, isLanded, isShared, definition, end, act) => {
      let deaths = 0;
      for (let write = 0; ; write++) {
        const cluster = new Cluster();
        const worker = await cluster.drive(
          cluster.worker('w1', {
            echo: ({ args: { value } }) => value ?? { data: null },
            never: () => new Promise<InlineValue>(() => undefined),
          }),
        );
        const mortal = mortalConductor(cluster, { isLanded });
        if (isShared) cluster.conductor('c2');
        await pass(cluster, 1_000);
        mortal.writesLeft = write;
        await cluster.drive(cluster.client.post(definition, { key: 'p' }));
        await pass(cluster, 1_000);
        if (!isShared) cluster.conductor('c2');
        await act(cluster);
        const { outcome } = await cluster.drive(cluster.client.wait('p', { timeoutMs: 120_000 }));
        await pass(cluster, 60_000);
        const left = await cluster.drive(cluster.client.jobs());
        const asked = worker.seen.map(({ requestId }) => requestId);
        expect({ write, outcome, left, asked: asked.length }).toEqual({
          ...{ write, outcome: end, left: [] },
          asked: new Set(asked).size,
        });
        if (!mortal.isStruck) break;
        deaths++;
        await cluster.dispose();
      }
      expect(deaths).toBeGreaterThan(isShared ? 0 : 3);
    },
  );
});
