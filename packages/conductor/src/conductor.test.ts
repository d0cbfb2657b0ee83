import { afterEach, describe, expect, it } from '@jest/globals';
import type { InlineValue, RequestMessage, TaskRequest } from '@baton/core';
import { UnavailableError } from '@baton/core';
import { linear, retry, type RoutedFlowDefinition, task, unordered } from '@baton/flow';
import { SimulatedDocumentStore, SimulatedPartitionLog } from '@baton/testkit';
import { Cluster, noop, ok } from './fixtures/cluster.js';
import type { Behaviour } from './fixtures/cluster.js';

describe('conductor', () => {
  let cluster: Cluster;
  afterEach(() => cluster.dispose());

  it('runs a flow that was posted before it started, and settles it', async () => {
    cluster = new Cluster();
    const jobId = await cluster.drive(
      cluster.client.post(linear('three').add(noop('a'), noop('b'), noop('c')), {}),
    );
    cluster.conductor('c1');
    const worker = await cluster.drive(cluster.worker('w1', { a: ok, b: ok, c: ok }));
    const end = await cluster.drive(cluster.client.wait(jobId));
    expect(end.outcome).toBe('SUCCESS');
    expect(worker.seen.map((request) => [request.task, request.delivery])).toEqual([
      ['a', 1],
      ['b', 1],
      ['c', 1],
    ]);
    const report = await cluster.drive(cluster.client.job(jobId));
    expect(report).toMatchObject({
      jobState: 'COMPLETE',
      outcome: 'SUCCESS',
      results: { a: 'a', b: 'b', c: 'c' },
      owners: [{ member: 'c1' }],
    });
    // the claim entry carries the first turn and the terminal entry is the last: four entries after the post
    expect(report.seq).toBe(4);
  });

  it('retries, then reverts in reverse order when the controller gives up', async () => {
    cluster = new Cluster();
    cluster.conductor('c1');
    const worker = await cluster.drive(
      cluster.worker('w1', {
        a: ok,
        b: ({ action }) => (action === 'revert' ? { data: null } : Promise.reject(new Error('no'))),
      }),
    );
    const flow = linear('twice', { retry: retry.times(2) }).add(noop('a'), noop('b'));
    const jobId = await cluster.drive(cluster.client.post(flow, {}));
    const end = await cluster.drive(cluster.client.wait(jobId));
    expect(end.outcome).toBe('REVERTED');
    expect(worker.seen.map((request) => `${request.task}.${request.action}`)).toEqual([
      'a.execute',
      'b.execute',
      'b.revert',
      'a.revert',
      'a.execute',
      'b.execute',
      'b.revert',
      'a.revert',
    ]);
    expect(new Set(worker.seen.map((request) => request.requestId)).size).toBe(8);
  });

  it('takes over when a session is lost, adopts what runs, and refuses what the former owner writes', async () => {
    cluster = new Cluster();
    const first = cluster.conductor('c1');
    let finish: (value: InlineValue) => void = () => undefined;
    const worker = await cluster.drive(
      cluster.worker('w1', { slow: () => new Promise((resolve) => (finish = resolve)), after: ok }),
    );
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('slow'), noop('after')), {}));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    const second = cluster.conductor('c2');
    await cluster.runtime.clock.advance(500);
    // a zombie: its bytes to the board vanish, the service ends its session, it still hears the worker
    cluster.coordination.partition(first.session());
    cluster.coordination.expire(first.session());
    await cluster.runtime.clock.advanceUntil(() => second.conductor.counters.adopted === 1);
    finish({ data: 'done' });
    expect((await cluster.drive(cluster.client.wait(jobId))).outcome).toBe('SUCCESS');
    expect(worker.seen.map((request) => request.task)).toEqual(['slow', 'after']);
    const report = await cluster.drive(cluster.client.job(jobId));
    expect(report.owners.map((owner) => owner.member)).toEqual(['c1', 'c2']);
  });

  it('ends a run that its former owner had brought to an end, but not told so', async () => {
    cluster = new Cluster();
    const store = new SimulatedDocumentStore(cluster.runtime, { service: cluster.documents });
    const insert = store.insert.bind(store);
    let isTerminalDue = false;
    // a run that ends in its first turn: the claim entry holds it, and the terminal entry is the one after it
    store.insert = (collection, documents) => {
      if (collection !== 'journal' || !documents.some(({ _id }) => _id.endsWith(':2')))
        return insert(collection, documents);
      isTerminalDue = true;
      return new Promise(() => undefined);
    };
    const first = cluster.conductor('c1', {}, { store });
    const jobId = await cluster.drive(cluster.client.post(linear('idle', { retry: retry.times(1) })));
    await cluster.runtime.clock.advanceUntil(() => isTerminalDue);
    cluster.coordination.partition(first.session());
    cluster.coordination.expire(first.session());
    cluster.conductor('c2');
    const end = await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 5_000 }));
    expect(end).toEqual({ jobId, outcome: 'SUCCESS', failures: [] });
    const report = await cluster.drive(cluster.client.job(jobId));
    expect(report).toMatchObject({ jobState: 'COMPLETE', owners: [{ member: 'c1' }, { member: 'c2' }] });
  });

  it('is fenced when it decides after another took over', async () => {
    cluster = new Cluster();
    const first = cluster.conductor('c1');
    const workers: Behaviour[] = [];
    const worker = await cluster.drive(
      cluster.worker(
        'w1',
        {
          slow: (request) =>
            new Promise((resolve) => workers.push(() => (resolve({ data: request.atom }), { data: null }))),
        },
        { answersFormerOwner: true },
      ),
    );
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('slow')), {}));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    const request = worker.seen[0] as TaskRequest;
    cluster.coordination.partition(first.session());
    cluster.coordination.expire(first.session());
    const second = cluster.conductor('c2');
    await cluster.runtime.clock.advanceUntil(() => second.conductor.counters.takenOver === 1);
    // the worker's answer reaches the former owner first
    void workers[0]?.(request);
    await cluster.runtime.clock.advance(20);
    expect(first.conductor.counters.fenced).toBe(1);
    expect((await cluster.drive(cluster.client.wait(jobId))).outcome).toBe('SUCCESS');
    const report = await cluster.drive(cluster.client.job(jobId));
    expect(report.owners.map((owner) => owner.member)).toEqual(['c1', 'c2']);
  });

  it('hands its jobs over when it is told to stop', async () => {
    cluster = new Cluster();
    const first = cluster.conductor('c1');
    let finish: (value: InlineValue) => void = () => undefined;
    const worker = await cluster.drive(
      cluster.worker('w1', { slow: () => new Promise((resolve) => (finish = resolve)) }),
    );
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('slow')), {}));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    const second = cluster.conductor('c2');
    await cluster.runtime.clock.advance(500);
    expect(await cluster.drive(first.stop())).toEqual({ left: 1 });
    await cluster.runtime.clock.advanceUntil(() => second.conductor.counters.adopted === 1, {
      withinMs: 1_000,
    });
    finish({ data: null });
    expect((await cluster.drive(cluster.client.wait(jobId))).outcome).toBe('SUCCESS');
    expect(worker.seen).toHaveLength(1);
  });

  it('holds a fresh job that no worker can take, and runs it as soon as one can', async () => {
    cluster = new Cluster();
    const { conductor } = cluster.conductor('c1');
    const jobId = await cluster.drive(cluster.client.post(linear('early').add(noop('a')), {}));
    await cluster.runtime.clock.advanceUntil(() => conductor.counters.claimed === 1);
    await cluster.runtime.clock.advance(10_000);
    await cluster.drive(cluster.worker('w1', { a: ok }));
    const end = await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 5_000 }));
    expect(end.outcome).toBe('SUCCESS');
  });

  it('cancels a job that no worker can take at once: nothing ran, so there is nothing to undo', async () => {
    cluster = new Cluster();
    const { conductor } = cluster.conductor('c1');
    const jobId = await cluster.drive(cluster.client.post(linear('early').add(noop('a')), {}));
    await cluster.runtime.clock.advanceUntil(() => conductor.counters.claimed === 1);
    await cluster.drive(cluster.client.cancel(jobId));
    expect((await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 30_000 }))).outcome).toBe('REVERTED');
    const report = await cluster.drive(cluster.client.job(jobId));
    expect(report.atoms[0]).toMatchObject({
      state: 'REVERTED',
      failure: { code: 'CANCELLED', phase: 'queue' },
    });
    // post, claim, the command, the end: a command is applied once
    expect(report.seq).toBe(3);
  });

  it('cancels: what runs is told to stop, what ran is undone', async () => {
    cluster = new Cluster();
    cluster.conductor('c1');
    let abort: (error: Error) => void = () => undefined;
    const blocks: Behaviour = ({ action }) =>
      action === 'revert' ? { data: null } : new Promise((_, reject) => (abort = reject));
    const worker = await cluster.drive(cluster.worker('w1', { a: ok, b: blocks }));
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('a'), noop('b')), {}));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 2);
    await cluster.drive(cluster.client.cancel(jobId, { reason: 'changed my mind' }));
    const isCancel = (message: RequestMessage) => message.kind === 'control' && message.command === 'cancel';
    await cluster.runtime.clock.advanceUntil(() => worker.messages.some(isCancel), { withinMs: 1_000 });
    abort(new Error('aborted'));
    expect((await cluster.drive(cluster.client.wait(jobId))).outcome).not.toBe('SUCCESS');
    expect(worker.seen.map(({ task: name, action }) => `${name}.${action}`)).toEqual([
      'a.execute',
      'b.execute',
      'b.revert',
      'a.revert',
    ]);
  });

  it('ends a job whose definition cannot be run, and goes on', async () => {
    cluster = new Cluster();
    const { documents, runtime } = cluster;
    const store = new SimulatedDocumentStore(runtime, { service: documents });
    const worker = await cluster.drive(cluster.worker('w1', { a: ok }));
    const bad = await cluster.drive(
      cluster.client.post(linear('f').add(noop('a'), noop('b')), { key: 'bad' }),
    );
    const { definitionHash } = await cluster.drive(cluster.client.job(bad));
    await cluster.drive(store.delete('definitions', [definitionHash]));
    cluster.conductor('c1');
    expect(await cluster.drive(cluster.client.wait(bad))).toMatchObject({ outcome: 'FAILURE' });
    const good = await cluster.drive(cluster.client.post(linear('f').add(noop('a')), {}));
    expect((await cluster.drive(cluster.client.wait(good))).outcome).toBe('SUCCESS');
    expect(worker.seen).toHaveLength(1);
  });

  it('does not take a job for poison because its owners die while a healthy task runs', async () => {
    cluster = new Cluster();
    const { conductor, session } = cluster.conductor('c1');
    let finish: (value: InlineValue) => void = () => undefined;
    const slow: Behaviour = () => new Promise((resolve) => (finish = resolve));
    const worker = await cluster.drive(cluster.worker('w1', { slow }));
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('slow')), {}));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    for (let deaths = 1; deaths <= 6; deaths++) {
      cluster.coordination.expire(session());
      await cluster.runtime.clock.advanceUntil(() => conductor.counters.adopted === deaths, {
        withinMs: 9_000,
      });
    }
    finish({ data: null });
    expect((await cluster.drive(cluster.client.wait(jobId))).outcome).toBe('SUCCESS');
    expect(worker.seen).toHaveLength(1);
  });

  const long = Array.from({ length: 230 }, (_, index) => noop('quick').as(`q${index}`));
  /** As long, in a circle. */
  const turning: RoutedFlowDefinition = {
    schemaVersion: 1,
    root: {
      ...{ kind: 'routed', name: 'long', start: ['q'] },
      atoms: [
        {
          name: 'q',
          task: 'quick',
          publish: { branch: { turns: "${get(ctx, 'turns', 0) + 1}" } },
          onSuccess: {
            next: [
              { to: 'q', when: 'ctx.turns < 230' },
              { to: 'slow', when: 'ctx.turns == 230' },
            ],
          },
        },
        { name: 'slow', task: 'slow' },
      ],
    },
  };
  it.each([
    ['ordered', linear('long').addAll([...long, noop('slow')])],
    ['routed', turning],
  ])('writes a snapshot of a long run (%s), and the next owner goes on from it', async (_, flow) => {
    cluster = new Cluster();
    const { conductor, session } = cluster.conductor('c1');
    let finish: (value: InlineValue) => void = () => undefined;
    const slow: Behaviour = () => new Promise((resolve) => (finish = resolve));
    const worker = await cluster.drive(cluster.worker('w1', { quick: ok, slow }));
    const jobId = await cluster.drive(cluster.client.post(flow, {}));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 231);
    const store = new SimulatedDocumentStore(cluster.runtime, { service: cluster.documents });
    // the beginning of the journal is emptied, as compaction does: only the snapshot knows it
    const first = await cluster.drive(store.get('journal', [`${jobId}:0`, `${jobId}:1`]));
    await cluster.drive(
      store.replace(
        'journal',
        first.map((document) => ({ ...document, _id: document?._id ?? '', body: '' })),
      ),
    );
    cluster.coordination.expire(session());
    await cluster.runtime.clock.advanceUntil(() => conductor.counters.adopted === 1);
    finish({ data: null });
    expect((await cluster.drive(cluster.client.wait(jobId))).outcome).toBe('SUCCESS');
    expect(worker.seen).toHaveLength(231);
  });

  it('finishes a post whose poster died before the job was on the board', async () => {
    cluster = new Cluster();
    const { runtime, documents } = cluster;
    await cluster.drive(cluster.worker('w1', { a: ok }));
    const whole = await cluster.drive(cluster.client.post(linear('f').add(noop('a')), { key: 'whole' }));
    const store = new SimulatedDocumentStore(runtime, { service: documents });
    const [record] = await cluster.drive(store.get('jobs', [whole]));
    const [entry] = await cluster.drive(store.get('journal', [`${whole}:0`]));
    // the same post under another id, as far as it came before its poster died
    await cluster.drive(store.insert('jobs', [{ ...record, _id: 'half', state: 'POSTING' }]));
    await cluster.drive(store.insert('journal', [{ ...entry, _id: 'half:0', flowId: 'half' }]));
    const { conductor } = cluster.conductor('c1');
    await runtime.clock.advanceUntil(() => conductor.counters.settled === 2, { withinMs: 60_000 });
    expect((await cluster.drive(cluster.client.wait('half'))).outcome).toBe('SUCCESS');
  });

  it('sends a request again when its worker is lost', async () => {
    cluster = new Cluster();
    cluster.conductor('c1');
    const first = await cluster.drive(cluster.worker('w1', { t: () => new Promise(() => undefined) }));
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('t')), {}));
    await cluster.runtime.clock.advanceUntil(() => first.seen.length === 1);
    const second = await cluster.drive(cluster.worker('w2', { t: ok }));
    await cluster.drive(first.die());
    expect((await cluster.drive(cluster.client.wait(jobId))).outcome).toBe('SUCCESS');
    expect(second.seen.map(({ requestId, delivery }) => [requestId, delivery])).toEqual([
      [first.seen[0]?.requestId, 2],
    ]);
  });

  it('fans out beyond the room of its workers', async () => {
    cluster = new Cluster();
    cluster.conductor('c1');
    const worker = await cluster.drive(cluster.worker('w1', { t: ok }, { concurrency: 4 }));
    const atoms = Array.from({ length: 100 }, (_, index) => noop('t').as(`t${index}`));
    const jobId = await cluster.drive(cluster.client.post(unordered('fan').addAll(atoms), {}));
    expect((await cluster.drive(cluster.client.wait(jobId))).outcome).toBe('SUCCESS');
    expect(worker.seen).toHaveLength(100);
  });

  it('takes the next job when it has room again, one by one', async () => {
    cluster = new Cluster();
    for (const key of ['one', 'two', 'three'])
      await cluster.drive(cluster.client.post(linear('f').add(noop('a')), { key }));
    cluster.conductor('c1', { maxJobs: 1 });
    await cluster.drive(cluster.worker('w1', { a: ok }));
    for (const key of ['one', 'two', 'three'])
      expect((await cluster.drive(cluster.client.wait(key, { timeoutMs: 10_000 }))).outcome).toBe('SUCCESS');
  });

  it('cancels a request whose worker is lost and that no other worker can take: it is not sent again', async () => {
    cluster = new Cluster();
    cluster.conductor('c1');
    const first = await cluster.drive(cluster.worker('w1', { t: () => new Promise(() => undefined) }));
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('t')), {}));
    await cluster.runtime.clock.advanceUntil(() => first.seen.length === 1);
    await cluster.drive(first.die());
    await cluster.runtime.clock.advance(100);
    await cluster.drive(cluster.client.cancel(jobId));
    await cluster.runtime.clock.advance(100);
    const second = await cluster.drive(cluster.worker('w2', { t: ok }));
    expect((await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 10_000 }))).outcome).toBe('REVERTED');
    expect(second.seen.map(({ action }) => action)).toEqual(['revert']);
  });

  it('cancels a request of a former owner: when its worker is lost it is not sent again', async () => {
    cluster = new Cluster();
    const owner = cluster.conductor('c1');
    const first = await cluster.drive(cluster.worker('w1', { t: () => new Promise(() => undefined) }));
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('t')), {}));
    await cluster.runtime.clock.advanceUntil(() => first.seen.length === 1);
    await cluster.drive(cluster.client.cancel(jobId));
    await cluster.runtime.clock.advance(500);
    cluster.conductor('c2');
    await cluster.drive(owner.stop());
    await cluster.runtime.clock.advance(500);
    const second = await cluster.drive(cluster.worker('w2', { t: ok }));
    await cluster.drive(first.die());
    expect((await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 10_000 }))).outcome).toBe('REVERTED');
    expect(second.seen.map(({ action }) => action)).toEqual(['revert']);
  });

  it('cancels a request that is parked', async () => {
    cluster = new Cluster();
    cluster.conductor('c1');
    const first = await cluster.drive(cluster.worker('w1', { t: () => new Promise(() => undefined) }));
    const parks = task('t', { provides: 't', onWorkerLoss: 'park', execute: () => 't' });
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(parks), {}));
    await cluster.runtime.clock.advanceUntil(() => first.seen.length === 1);
    await cluster.drive(first.die());
    await cluster.runtime.clock.advance(100);
    await cluster.drive(cluster.client.cancel(jobId));
    await cluster.drive(cluster.worker('w2', { t: ok }));
    expect((await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 10_000 }))).outcome).toBe('REVERTED');
  });

  it('shows the failures of a run that another one began', async () => {
    cluster = new Cluster();
    const first = cluster.conductor('c1');
    let undo: (value: InlineValue) => void = () => undefined;
    const worker = await cluster.drive(
      cluster.worker('w1', {
        a: ({ action }) => (action === 'revert' ? new Promise((resolve) => (undo = resolve)) : { data: 'a' }),
        b: ({ action }) => (action === 'revert' ? { data: null } : Promise.reject(new Error('b failed'))),
      }),
    );
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('a'), noop('b')), {}));
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 4);
    const second = cluster.conductor('c2');
    await cluster.runtime.clock.advance(500);
    await cluster.drive(first.stop());
    await cluster.runtime.clock.advanceUntil(() => second.conductor.counters.adopted === 1);
    undo({ data: null });
    const end = await cluster.drive(cluster.client.wait(jobId));
    expect(end.failures.map(({ message }) => message)).toContain('b failed');
  });

  it('takes no place at a worker for a first turn that could not be stored', async () => {
    cluster = new Cluster();
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('a')), {}));
    const store = new SimulatedDocumentStore(cluster.runtime, { service: cluster.documents });
    let isAway = true;
    const insert = store.insert.bind(store);
    store.insert = (collection, documents) =>
      isAway && collection === 'journal' && documents.some(({ _id }) => _id.endsWith(':1'))
        ? Promise.reject(new Error('away'))
        : insert(collection, documents);
    const worker = await cluster.drive(cluster.worker('w1', { a: ok }, { concurrency: 0.5 }));
    cluster.conductor('c1', {}, { store });
    await cluster.runtime.clock.advance(31_000);
    isAway = false;
    expect((await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 60_000 }))).outcome).toBe('SUCCESS');
    expect(worker.seen).toHaveLength(1);
  });

  it('tries again when it could not open its inbox, and leaves nothing open', async () => {
    cluster = new Cluster();
    const log = new SimulatedPartitionLog(cluster.runtime, { service: cluster.logs });
    const readers: { isOpen: boolean }[] = [];
    let opened = 0;
    const openReader = log.openReader.bind(log);
    log.openReader = async (topic) => {
      if (++opened === 2) throw new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'away');
      const reader = await openReader(topic);
      const state = { isOpen: true };
      readers.push(state);
      const close = reader.close.bind(reader);
      reader.close = () => ((state.isOpen = false), close());
      return reader;
    };
    const { stop } = cluster.conductor('c1', {}, { log });
    await cluster.drive(cluster.worker('w1', { a: ok }));
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('a')), {}));
    expect((await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 10_000 }))).outcome).toBe('SUCCESS');
    await cluster.drive(stop());
    expect(readers.filter(({ isOpen }) => isOpen)).toEqual([]);
  });

  it('does not take a job for poison that was only handed over again and again', async () => {
    cluster = new Cluster();
    let finish: (value: InlineValue) => void = () => undefined;
    const worker = await cluster.drive(
      cluster.worker('w1', { slow: () => new Promise((resolve) => (finish = resolve)) }),
    );
    const jobId = await cluster.drive(cluster.client.post(linear('f').add(noop('slow')), {}));
    let before = cluster.conductor('c0');
    await cluster.runtime.clock.advanceUntil(() => worker.seen.length === 1);
    for (let n = 1; n <= 6; n++) {
      const next = cluster.conductor(`c${n}`);
      await cluster.runtime.clock.advance(500);
      await cluster.drive(before.stop());
      await cluster.runtime.clock.advance(500);
      before = next;
    }
    finish({ data: null });
    expect((await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 10_000 }))).outcome).toBe('SUCCESS');
  });
});
