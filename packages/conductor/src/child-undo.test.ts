/** C-1209: a run that is undone has what its child runs did undone. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { childIdOf, type InlineValue, requestIdOf, type TaskRequest, UnavailableError } from '@baton/core';
import { linear, type RoutedAtomDefinition, type RoutedFlowDefinition, task, withFlows } from '@baton/flow';
import { SimulatedDocumentStore } from '@baton/testkit';
import { Cluster } from './fixtures/cluster.js';
import { mortalConductor } from './fixtures/mortal-conductor.js';
import { never, StuckCoordination } from './fixtures/stuck-coordination.js';

type Atoms = Readonly<Record<string, Omit<RoutedAtomDefinition, 'name'>>>;
const flow = (
  name: string,
  atoms: Atoms,
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
const childOf = (atom: string, attempt = 1, parentId = 'p') =>
  childIdOf(requestIdOf({ flowId: parentId, atom, action: 'execute', round: 0, attempt }), 'p');

/** A child in the middle, with one of its own. */
const inner = flow('inner', { i: { task: 'quick' } });
const child = flow('child', {
  x: { task: 'quick', onSuccess: to('y') },
  ...{ y: { flow: 'inner', onSuccess: to('z') }, z: { task: 'quick' } },
});
const root = flow('root', {
  a: { task: 'quick', onSuccess: to('b') },
  ...{ b: { flow: 'child', onSuccess: to('c') }, c: { task: 'quick' } },
});
const tree = withFlows(root, [child, inner]);
const undone = ['p/c', `${childOf('b')}/z`, `${childOf('y', 1, childOf('b'))}/i`, `${childOf('b')}/x`, 'p/a'];

const quick = (): InlineValue => ({ data: null });
/** Flow and atom of each revert, in the order in which a worker was asked for them. */
const reverts = (seen: readonly TaskRequest[]): string[] =>
  seen.flatMap(({ action, flowId, atom }) => (action === 'revert' ? [`${flowId}/${atom}`] : []));

describe('undoing a run with child runs', () => {
  let cluster: Cluster;
  beforeEach(() => void (cluster = new Cluster()));
  afterEach(() => cluster.dispose());

  const ended = async (jobId: string) =>
    (await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 240_000 }))).outcome;
  const post = (definition: RoutedFlowDefinition) =>
    cluster.drive(cluster.client.post(definition, { key: 'p' }));
  const report = (jobId: string) => cluster.drive(cluster.client.job(jobId));

  it('leaves the job of another poster alone that has the id of a child', async () => {
    cluster.conductor('c1');
    const worker = await cluster.drive(cluster.worker('w1', { quick }));
    await cluster.drive(cluster.client.post(flow('other', { x: { task: 'quick' } }), { key: childOf('b') }));
    expect(await ended(childOf('b'))).toBe('SUCCESS');
    await post(withFlows(flow('root', { b: { flow: 'inner' } }, { rollback: 'completed' }), [inner]));
    expect(await ended('p')).toBe('REVERTED');
    expect(await report(childOf('b'))).toMatchObject({ outcome: 'SUCCESS', commands: [] });
    expect(reverts(worker.seen)).toEqual([]);
  });

  it('undoes what is left of one that was cancelled because its time was over', async () => {
    cluster.conductor('c1');
    const worker = await cluster.drive(cluster.worker('w1', { quick }));
    const slow = flow('slow', { x: { task: 'quick', onSuccess: to('y') }, y: { delegate: 'nobody' } });
    const asking = flow(
      'root',
      { b: { flow: 'slow', timeout: { totalMs: 5_000 }, onError: to('c') }, c: { delegate: 'nobody' } },
      { rollback: 'completed' },
    );
    await post(withFlows(asking, [slow]));
    await cluster.runtime.clock.advance(20_000);
    expect((await report(childOf('b'))).outcome).toBe('CANCELLED');
    await cluster.drive(cluster.client.cancel('p'));
    expect(await ended('p')).toBe('REVERTED');
    expect((await report(childOf('b'))).outcome).toBe('REVERTED');
    expect(reverts(worker.seen)).toEqual([`${childOf('b')}/x`]);
  });

  it('ends though the post of a child was half done when its owner died', async () => {
    // the child never comes to the board by this one
    const stuck = new StuckCoordination(cluster, (call, [path]) =>
      call === 'create' && String(path).includes(childOf('b')) ? never : undefined,
    );
    const c1 = cluster.conductor('c1', {}, { coordination: stuck });
    await cluster.drive(cluster.worker('w1', { quick }));
    await post(withFlows(flow('root', { b: { flow: 'inner' } }, { rollback: 'completed' }), [inner]));
    await cluster.runtime.clock.advance(2_000);
    await cluster.drive(cluster.client.cancel('p'));
    await cluster.runtime.clock.advance(2_000);
    expect(cluster.documents.documentsOf('jobs')).toContainEqual(
      expect.objectContaining({ _id: childOf('b'), state: 'POSTING' }),
    );
    void c1.stop();
    stuck.expire();
    cluster.conductor('c2');
    expect(await ended('p')).toBe('REVERTED');
  });

  it('is told how a child ended that was undone before it had left the board', async () => {
    // the child is over, its parent knows that, and its owner dies before it takes it off the board
    const isTakenOff = (given: unknown): boolean =>
      ['"delete"', childOf('b')].every((part) => JSON.stringify(given).includes(part));
    const stuck = new StuckCoordination(cluster, (call, [operations]) =>
      call === 'multi' && isTakenOff(operations) ? never : undefined,
    );
    const c1 = cluster.conductor('c1', {}, { coordination: stuck });
    const fail = async ({ action }: TaskRequest): Promise<InlineValue> => {
      if (action === 'execute') throw new Error('it fails');
      return quick();
    };
    const worker = await cluster.drive(cluster.worker('w1', { quick, fail }));
    const failing = { b: { flow: 'inner', onSuccess: to('c') }, c: { task: 'fail' } };
    await post(withFlows(flow('root', failing, { rollback: 'completed' }), [inner]));
    await cluster.runtime.clock.advance(1_000);
    expect((await report(childOf('b'))).pending).toMatchObject([{ command: 'revert' }]);
    void c1.stop();
    stuck.expire();
    cluster.conductor('c2');
    expect(await ended('p')).toBe('REVERTED');
    expect(reverts(worker.seen)).toEqual(['p/c', `${childOf('b')}/i`]);
  });

  it('goes on soon though the board was away when a child was to go back to it', async () => {
    const { clock } = cluster.runtime;
    let [failures, backAtMs] = [0, -Infinity];
    const away = new StuckCoordination(cluster, (call, [path]) => {
      const isAway = clock.monotonicMs() < backAtMs;
      if (!isAway || call !== 'create' || !String(path).includes(childOf('b'))) return undefined;
      failures++;
      return Promise.reject(new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'it was cut'));
    });
    cluster.conductor('c1', {}, { coordination: away });
    await cluster.drive(cluster.worker('w1', { quick }));
    await post(withFlows(flow('root', { b: { flow: 'inner' } }), [inner]));
    expect(await ended('p')).toBe('SUCCESS');
    // as long as possible before the look for what was left half done
    await clock.advance(31_000);
    backAtMs = clock.monotonicMs() + 1_000;
    await cluster.drive(cluster.client.revert('p'));
    await clock.advance(10_000);
    expect((await report('p')).outcome).toBe('REVERTED');
    expect(failures).toBeGreaterThan(0);
  });

  it('undoes them in their place, the last first, at every level', async () => {
    cluster.conductor('c1');
    const worker = await cluster.drive(cluster.worker('w1', { quick }));
    await post(tree);
    expect(await ended('p')).toBe('SUCCESS');
    await cluster.drive(cluster.client.revert('p', { by: 'mo' }));
    expect(await ended('p')).toBe('REVERTED');
    expect(reverts(worker.seen)).toEqual(undone);
    expect((await report('p')).atoms).toMatchObject([
      {},
      { name: 'b', state: 'REVERTED', child: childOf('b') },
      {},
    ]);
    expect(await report(childOf('b'))).toMatchObject({
      outcome: 'REVERTED',
      commands: [{}, { command: 'revert', reason: 'its parent is undone' }, {}],
    });
    await cluster.runtime.clock.advance(30_000);
    expect(await cluster.drive(cluster.client.jobs())).toEqual([]);
  });

  it('undoes an ordered child, and one that runs when the run is cancelled', async () => {
    cluster.conductor('c1');
    const never = () => new Promise<InlineValue>(() => undefined);
    const worker = await cluster.drive(
      cluster.worker('w1', { quick, slow: ({ action }) => (action === 'revert' ? quick() : never()) }),
    );
    const chain = linear('chain')
      .add(task('quick', { execute: () => undefined }))
      .toJSON();
    const running = flow('running', { x: { task: 'quick', onSuccess: to('y') }, y: { delegate: 'ask' } });
    await post(
      withFlows(
        flow(
          'root',
          { a: { flow: 'chain', onSuccess: to('b') }, b: { flow: 'running' } },
          { rollback: 'completed' },
        ),
        [chain, running],
      ),
    );
    await cluster.runtime.clock.advance(5_000);
    await cluster.drive(cluster.client.cancel('p'));
    expect(await ended('p')).toBe('REVERTED');
    expect(reverts(worker.seen)).toEqual([`${childOf('b')}/x`, `${childOf('a')}/quick`]);
    expect((await report(childOf('b'))).outcome).toBe('REVERTED');
  });

  it('fails when one of them cannot be undone, as with a task, and says why', async () => {
    cluster.conductor('c1');
    await cluster.drive(
      cluster.worker('w1', {
        quick: async ({ action, atom }) => {
          if (action === 'revert' && atom === 'i') throw new Error('it sticks');
          return quick();
        },
      }),
    );
    await post(tree);
    await ended('p');
    await cluster.drive(cluster.client.revert('p'));
    expect(await ended('p')).toBe('FAILURE');
    const { atoms } = await report('p');
    expect(atoms).toMatchObject([{ state: 'SUCCESS' }, { state: 'REVERT_FAILURE' }, { state: 'REVERTED' }]);
    const { failures } = await cluster.drive(cluster.client.wait('p'));
    expect(failures).toMatchObject([
      { code: 'CHILD_FAILED', message: 'flow child: flow inner: it sticks', atom: 'b' },
    ]);
  });

  it('is retried at the word of a person, in the child that failed, and undone in the end', async () => {
    cluster.conductor('c1');
    let sticks = true;
    const worker = await cluster.drive(
      cluster.worker('w1', {
        quick: async ({ action, atom }) => {
          if (sticks && action === 'revert' && atom === 'i') throw new Error('it sticks');
          return quick();
        },
      }),
    );
    await post(tree);
    await ended('p');
    await cluster.drive(cluster.client.revert('p'));
    const repair = async (): Promise<string> => {
      await cluster.drive(cluster.client.decideRevert('p', { atom: 'b', decision: 'retry' }));
      await cluster.runtime.clock.advance(1_000);
      return ended('p');
    };
    expect(await ended('p')).toBe('FAILURE');
    expect(await repair()).toBe('FAILURE');
    sticks = false;
    expect(await repair()).toBe('REVERTED');
    expect([...new Set(reverts(worker.seen))]).toEqual(undone);
    const inDepth = worker.seen.flatMap(({ action, atom, requestId }) =>
      action === 'revert' && atom === 'i' ? [requestId.split('/').at(-1)] : [],
    );
    expect(inDepth).toEqual(['0.1', '0.2', '0.3']);
  });

  it.each([
    ['nobody can read', (body: string) => body.slice(0, 9)],
    ['is of another flow', (body: string) => body.replaceAll('"x"', '"nosuch"')],
  ])('fails when the journal of one of them %s', async (_, damage) => {
    const first = cluster.conductor('c1');
    await cluster.drive(cluster.worker('w1', { quick }));
    await post(tree);
    await ended('p');
    await cluster.drive(first.stop());
    const store = new SimulatedDocumentStore(cluster.runtime, { service: cluster.documents });
    const ids = Array.from({ length: 9 }, (_each, seq) => `${childOf('b')}:${seq}`);
    const entries = (await cluster.drive(store.get('journal', ids))).filter((entry) => entry !== undefined);
    await cluster.drive(
      store.replace(
        'journal',
        entries.map((entry) => ({ ...entry, body: damage(String(entry['body'])) })),
      ),
    );
    cluster.conductor('c2');
    await cluster.drive(cluster.client.revert('p'));
    expect(await ended('p')).toBe('FAILURE');
    const { failures } = await cluster.drive(cluster.client.wait('p'));
    expect(failures).toMatchObject([{ code: 'CHILD_FAILED', atom: 'b' }]);
  });
});

describe('undoing a run with child runs while its owners are killed at any write', () => {
  it.each([
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ])('each is undone once (landed: %s, two owners: %s)', async (isLanded, isShared) => {
    let deaths = 0;
    for (let write = 0; ; write++) {
      const cluster = new Cluster();
      const worker = await cluster.drive(cluster.worker('w1', { quick }));
      const mortal = mortalConductor(cluster, { isLanded });
      await cluster.runtime.clock.advance(1_000);
      await cluster.drive(cluster.client.post(tree, { key: 'p' }));
      await cluster.drive(cluster.client.wait('p', { timeoutMs: 120_000 }));
      if (isShared) cluster.conductor('c2');
      await cluster.runtime.clock.advance(20_000);
      mortal.writesLeft = write;
      await cluster.drive(cluster.client.revert('p'));
      await cluster.runtime.clock.advance(1_000);
      if (!isShared) cluster.conductor('c2');
      const now = async () => {
        const [archived] = (await cluster.drive(cluster.client.flows({ of: 'ended', limit: 10 }))).filter(
          ({ flowId }) => flowId === 'p',
        );
        return { archived: archived?.outcome, left: await cluster.drive(cluster.client.jobs()) };
      };
      for (let s = 0; s < 240 && (await now()).archived !== 'REVERTED'; s++)
        await cluster.runtime.clock.advance(1_000);
      await cluster.runtime.clock.advance(60_000);
      const asked = worker.seen.map(({ requestId }) => requestId);
      expect({
        write,
        ...(await now()),
        undone: [...new Set(reverts(worker.seen))],
        asked: asked.length,
      }).toEqual({
        ...{ write, archived: 'REVERTED', left: [], undone },
        asked: new Set(asked).size,
      });
      await cluster.dispose();
      if (!mortal.isStruck) break;
      deaths++;
    }
    expect(deaths).toBeGreaterThan(isShared ? 0 : 8);
  });
});
