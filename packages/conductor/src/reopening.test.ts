/** Runs that have ended and go on because a person wants that (P-604, C-1308 to C-1311). */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { InlineValue, JournalEntry, TaskRequest } from '@baton/core';
import { linear, task, type RoutedAtomDefinition, type RoutedFlowDefinition } from '@baton/flow';
import { commandIdOf, openPersistence } from '@baton/persistence';
import { SimulatedDocumentStore } from '@baton/testkit';
import { Cluster, noop } from './fixtures/cluster.js';
import { mortalConductor } from './fixtures/mortal-conductor.js';

const routed = (
  atoms: Readonly<Record<string, Omit<RoutedAtomDefinition, 'name'>>>,
): RoutedFlowDefinition => ({
  schemaVersion: 1,
  root: {
    kind: 'routed',
    name: 'f',
    atoms: Object.entries(atoms).map(([name, atom]) => ({ name, ...atom })),
  },
});
const flow = routed({
  a: { task: 'once', provides: { n: null }, onSuccess: { next: [{ to: 'b' }] } },
  b: { task: 'echo' },
});

/** Fails in its first attempt. */
const once = ({ requestId, attempt }: TaskRequest): InlineValue => {
  if (requestId.endsWith('/execute/0.1')) throw new Error('not yet');
  return { data: attempt };
};

describe('a job that has ended', () => {
  let cluster: Cluster;
  beforeEach(() => void (cluster = new Cluster()));
  afterEach(() => cluster.dispose());

  const ended = async (
    definition: Parameters<Cluster['client']['post']>[0] = flow,
  ): Promise<string | undefined> => {
    cluster.conductor('c1');
    await cluster.drive(
      cluster.worker('w1', { once: async (request) => once(request), echo: () => ({ data: null }) }),
    );
    await cluster.drive(cluster.client.post(definition, { key: 'j' }));
    return outcome();
  };
  const outcome = async () => (await cluster.drive(cluster.client.wait('j', { timeoutMs: 120_000 }))).outcome;
  const report = () => cluster.drive(cluster.client.job('j'));
  const rerun = (options = {}) => cluster.drive(cluster.client.rerun('j', options));
  const kinds = async () =>
    (await cluster.drive(cluster.client.history('j'))).map(({ kind }: JournalEntry) => kind);

  it('is shown as soon as it goes on, though somebody deleted it at that moment', async () => {
    await ended();
    const persistence = await cluster.drive(
      openPersistence({
        store: new SimulatedDocumentStore(cluster.runtime, { service: cluster.documents }),
        runtime: cluster.runtime,
      }),
    );
    const record = await cluster.drive(persistence.jobs.get('j'));
    if (record === undefined) throw new Error('there is no record of j');
    const { seq: lastSeq } = await report();
    await rerun({ from: 'a' });
    await cluster.drive(persistence.retention.delete([{ record, lastSeq }], cluster.runtime.clock.wallMs()));
    await cluster.runtime.clock.advance(2_000);
    expect((await report()).outcome).toBe('SUCCESS');
    persistence.close();
  });

  it('goes on in a life of its own, and ends again', async () => {
    expect(await ended()).toBe('FAILURE');
    await cluster.runtime.clock.advance(30_000);
    await rerun({ from: 'a', by: 'mo', reason: 'it was full' });
    expect(await outcome()).toBe('SUCCESS');
    expect(await report()).toMatchObject({
      ...{ outcome: 'SUCCESS', jobState: 'COMPLETE', pending: [] },
      atoms: [
        { name: 'a', state: 'SUCCESS', attempt: 2 },
        { name: 'b', state: 'SUCCESS' },
      ],
      commands: [{ n: 1, command: 'rerun', by: 'mo', reason: 'it was full' }],
    });
    const entries = await kinds();
    expect(entries.filter((kind) => kind !== 'turn')).toEqual([
      'post',
      'claim',
      'terminal',
      'claim',
      'reopen',
      'terminal',
    ]);
    const [flowEnded, ...others] = await cluster.drive(cluster.client.flows({ of: 'ended', limit: 10 }));
    expect([flowEnded?.outcome, others]).toEqual(['SUCCESS', []]);
    expect(await cluster.drive(cluster.client.jobs())).toEqual([]);
  });

  it('is not said to have ended while it runs again', async () => {
    await ended(routed({ a: { task: 'once', onSuccess: { next: [{ to: 'b' }] } }, b: { delegate: 'ask' } }));
    await rerun();
    await cluster.runtime.clock.advance(10_000);
    expect((await report()).outcome).toBeUndefined();
    expect(await cluster.drive(cluster.client.flows({ of: 'ended', limit: 10 }))).toEqual([]);
    const running = await cluster.drive(cluster.client.flows({ of: 'running', limit: 10 }));
    expect(running.map(({ flowId, state }) => [flowId, state])).toEqual([['j', 'RUNNING']]);
    await cluster.drive(cluster.client.answerDelegate('j', { atom: 'b', value: 1 }));
    expect(await outcome()).toBe('SUCCESS');
  });

  it('goes on once, however many want it, and however often', async () => {
    await ended();
    const keyed = { from: 'a', key: 'k' };
    const [one, other] = await cluster.drive(
      Promise.all([cluster.client.rerun('j', keyed), cluster.client.rerun('j', { from: 'a' })]),
    );
    expect(await outcome()).toBe('SUCCESS');
    expect(await rerun(keyed)).toBe(one);
    await cluster.runtime.clock.advance(60_000);
    expect(one).not.toBe(other);
    expect((await kinds()).filter((kind) => kind === 'reopen').length).toBe(1);
    await expect(rerun({ from: 'a' })).rejects.toMatchObject({ code: 'BATON_CONFLICT_NOT_REPAIRABLE' });
    await expect(rerun({ from: 'x' })).rejects.toMatchObject({ code: 'BATON_NOT_FOUND_ATOM' });
    await expect(cluster.drive(cluster.client.cancel('j'))).rejects.toMatchObject({
      code: 'BATON_CONFLICT_ENDED',
    });
  });

  it('is put on the board by whoever finishes posts, when its client died', async () => {
    await ended();
    await cluster.runtime.clock.advance(30_000);
    const store = new SimulatedDocumentStore(cluster.runtime, { service: cluster.documents });
    const [record] = await cluster.drive(store.get('jobs', ['j']));
    const body = JSON.stringify({ command: 'rerun', arguments: { from: 'a' } });
    await cluster.drive(
      store.insert('commands', [{ _id: commandIdOf('j', 1), flowId: 'j', n: 1, opId: 'x', at: 0, body }]),
    );
    await cluster.drive(store.replace('jobs', [{ _id: 'j', ...record, state: 'REOPENING' }]));
    await cluster.runtime.clock.advance(120_000);
    expect(await outcome()).toBe('SUCCESS');
    await cluster.runtime.clock.advance(120_000);
    expect((await cluster.drive(store.get('jobs', ['j'])))[0]?.['state']).toBe('POSTED');
  });

  it('is skipped past, and undone', async () => {
    expect(await ended()).toBe('FAILURE');
    await cluster.drive(cluster.client.skip('j', { atom: 'a' }));
    expect(await outcome()).toBe('SUCCESS');
    await cluster.drive(cluster.client.revert('j'));
    expect(await outcome()).toBe('REVERTED');
    await expect(cluster.drive(cluster.client.revert('j'))).rejects.toMatchObject({
      code: 'BATON_CONFLICT_NOT_REPAIRABLE',
    });
  });

  it('of an ordered flow: from an atom on, past a failed one, undone', async () => {
    const step = (name: string) => task(name, { execute: () => undefined });
    const ordered = linear('f').add(step('echo'), step('once'));
    expect(await ended(ordered)).toBe('REVERTED');
    await rerun();
    expect(await outcome()).toBe('SUCCESS');
    await rerun({ from: 'once' });
    expect(await outcome()).toBe('SUCCESS');
    await cluster.drive(cluster.client.revert('j'));
    expect(await outcome()).toBe('REVERTED');
  });
});

describe('a job of which an atom could not be undone', () => {
  let cluster: Cluster;
  beforeEach(() => void (cluster = new Cluster()));
  afterEach(() => cluster.dispose());

  const outcome = async () => (await cluster.drive(cluster.client.wait('j', { timeoutMs: 120_000 }))).outcome;
  const decide = (decision: 'retry' | 'accept', atom = 'disk') =>
    cluster.drive(cluster.client.decideRevert('j', { atom, decision, by: 'mo', reason: 'unmounted' }));
  const states = async () => (await cluster.drive(cluster.client.job('j'))).atoms.map(({ state }) => state);

  /** `boot` fails, and then so often the revert of `disk`; `net` is before it. */
  async function halfUndone(failing: number) {
    const disk = async ({ action }: TaskRequest): Promise<InlineValue> => {
      if (action === 'revert' && failing-- > 0) throw new Error('busy');
      return { data: 'd1' };
    };
    const boot = async ({ action }: TaskRequest): Promise<InlineValue> => {
      if (action === 'execute') throw new Error('no kernel');
      return { data: null };
    };
    cluster.conductor('c1');
    const net = () => ({ data: 1 });
    const worker = await cluster.drive(cluster.worker('w1', { net, disk, boot }));
    const flow = linear('f').add(noop('net'), noop('disk'), noop('boot'));
    await cluster.drive(cluster.client.post(flow, { key: 'j' }));
    expect(await outcome()).toBe('FAILURE');
    return () => worker.seen.filter(({ action }) => action === 'revert').map(({ atom }) => atom);
  }

  it('has its revert called again, as often as a person wants, and is undone from there (E-1321)', async () => {
    const reverts = await halfUndone(2);
    const seen = reverts().length;
    expect(await states()).toEqual(['SUCCESS', 'REVERT_FAILURE', 'REVERTED']);
    await expect(cluster.drive(cluster.client.rerun('j'))).rejects.toMatchObject({
      code: 'BATON_CONFLICT_HALF_UNDONE',
    });
    expect(await decide('retry')).toBe(1);
    expect(await outcome()).toBe('FAILURE');
    expect(await decide('retry')).toBe(2);
    expect(await outcome()).toBe('REVERTED');
    expect(reverts().slice(seen)).toEqual(['disk', 'disk', 'net']);
    expect((await cluster.drive(cluster.client.job('j'))).commands).toMatchObject(
      [1, 2].map((n) => ({ n, command: 'revert-retry', by: 'mo', reason: 'unmounted' })),
    );
  });

  it('is taken for undone by hand, and what is before it is undone (E-1322)', async () => {
    const reverts = await halfUndone(1);
    const seen = reverts().length;
    await decide('accept');
    expect(await outcome()).toBe('REVERTED');
    expect(reverts().slice(seen)).toEqual(['net']);
    expect(await states()).toEqual(['REVERTED', 'REVERTED', 'REVERTED']);
  });

  it('is decided about by the atom that failed, and no other', async () => {
    await halfUndone(1);
    await expect(decide('accept', 'net')).rejects.toMatchObject({ code: 'BATON_CONFLICT_NOT_REPAIRABLE' });
    await expect(decide('retry', 'dsk')).rejects.toMatchObject({ code: 'BATON_NOT_FOUND_ATOM' });
  });
});

it('a job that was cancelled, and undone, runs again', async () => {
  const cluster = new Cluster();
  let answer: (value: InlineValue) => void = () => undefined;
  const held = new Promise<InlineValue>((resolve) => (answer = resolve));
  cluster.conductor('c1');
  await cluster.drive(cluster.worker('w1', { held: () => held }));
  await cluster.drive(cluster.client.post(linear('f').add(noop('held')), { key: 'j' }));
  await cluster.runtime.clock.advance(1_000);
  await cluster.drive(cluster.client.cancel('j'));
  await cluster.runtime.clock.advance(1_000);
  answer({ data: 1 });
  const outcome = async () => (await cluster.drive(cluster.client.wait('j', { timeoutMs: 120_000 }))).outcome;
  expect(await outcome()).toBe('REVERTED');
  await cluster.drive(cluster.client.rerun('j'));
  expect(await outcome()).toBe('SUCCESS');
  await cluster.dispose();
});

describe('a job that is rerun while its owners are killed at any write', () => {
  it.each([
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ])(
    'ends once more, and each request is made once (landed: %s, two owners: %s)',
    async (isLanded, isShared) => {
      let deaths = 0;
      for (let write = 0; ; write++) {
        const cluster = new Cluster();
        const worker = await cluster.drive(
          cluster.worker('w1', { once: async (request) => once(request), echo: () => ({ data: null }) }),
        );
        const mortal = mortalConductor(cluster, { isLanded });
        await cluster.runtime.clock.advance(1_000);
        await cluster.drive(cluster.client.post(flow, { key: 'j' }));
        await cluster.drive(cluster.client.wait('j', { timeoutMs: 120_000 }));
        if (isShared) cluster.conductor('c2');
        await cluster.runtime.clock.advance(20_000);
        mortal.writesLeft = write;
        await cluster.drive(cluster.client.rerun('j', { from: 'a' }));
        await cluster.runtime.clock.advance(1_000);
        if (!isShared) cluster.conductor('c2');
        const now = async () => {
          const [archived] = await cluster.drive(cluster.client.flows({ of: 'ended', limit: 1 }));
          return { archived: archived?.outcome, left: await cluster.drive(cluster.client.jobs()) };
        };
        for (let s = 0; s < 120 && (await now()).archived !== 'SUCCESS'; s++)
          await cluster.runtime.clock.advance(1_000);
        await cluster.runtime.clock.advance(5_000);
        const { outcome } = await cluster.drive(cluster.client.wait('j', { timeoutMs: 120_000 }));
        const asked = worker.seen.map(({ requestId }) => requestId);
        expect({ write, outcome, ...(await now()), asked: asked.length }).toEqual({
          ...{ write, outcome: 'SUCCESS', archived: 'SUCCESS', left: [] },
          asked: new Set(asked).size,
        });
        await cluster.dispose();
        if (!mortal.isStruck) break;
        deaths++;
      }
      expect(deaths).toBeGreaterThan(isShared ? 0 : 3);
    },
  );
});
