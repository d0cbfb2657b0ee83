import { codeOf, failureOf } from '@baton/core';
import type { Clock } from '@baton/core';
import { graph, linear, retry, task, type, unordered } from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import { runFlow } from '../run-flow.js';
import { LazyEngine } from './lazy-engine.js';
import { capturing } from './listeners.js';
import { MemoryLogBook } from './log-book.js';
import type { Notification } from './notifier.js';
import { TimerQueue } from './timer-queue.js';

const nothing = { store: {} };

async function begins({ begun }: { readonly begun: readonly string[] }): Promise<void> {
  while (begun.length === 0) await new Promise(setImmediate);
}

/** A task that ends when the test says so. */
function held(name: string) {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const made = task(name, {
    execute: async (_args, { requestId }) => {
      begun.push(requestId);
      await new Promise<void>((resolve) => ends.push(resolve));
    },
    revert: () => undefined,
  });
  return { task: made, begun, end: () => ends.shift()?.() };
}

const turns = async (count = 20): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
};

describe('the parallel engine', () => {
  it('runs as many tasks at a time as it may, and takes answers as they come', async () => {
    const parts = ['a', 'b', 'c'].map(held);
    const after = task('after', { execute: () => undefined });
    const [a, b, c] = parts;
    if (!a || !b || !c) throw new Error('three');
    const flow = unordered('f').add(linear('left').add(a.task, after), b.task, c.task);
    const run = runFlow(flow, { ...nothing, engine: 'parallel', concurrency: 2 });
    await turns();
    expect([a, b, c].map(({ begun }) => begun.length)).toEqual([1, 1, 0]);
    b.end();
    await turns();
    expect([a, b, c].map(({ begun }) => begun.length)).toEqual([1, 1, 1]);
    a.end();
    c.end();
    const { outcome, transitions } = await run;
    expect(outcome).toBe('SUCCESS');
    const done = transitions.flatMap((change) =>
      change.of === 'task' && change.to === 'SUCCESS' ? [change.atom] : [],
    );
    expect(done).toEqual(['b', 'a', 'c', 'after']);
  });
});

describe('the serial engine', () => {
  it('runs a whole round before its first result counts (E-1401)', async () => {
    const seen: string[] = [];
    const note = (name: string) => task(name, { execute: () => void seen.push(name) });
    const flow = unordered('f').add(linear('left').add(note('a'), note('after')), note('b'));
    await runFlow(flow, nothing);
    expect(seen).toEqual(['a', 'b', 'after']);
  });
});

describe('stopping', () => {
  it('cancels: tells what runs, and undoes what ran', async () => {
    const stop = new AbortController();
    const undone: string[] = [];
    const first = task('first', { execute: () => undefined, revert: () => void undone.push('first') });
    const waits = task('waits', {
      execute: (_args, { signal }) =>
        new Promise<void>((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason as Error)),
        ),
      revert: () => void undone.push('waits'),
    });
    const run = runFlow(linear('f').add(first, waits), { ...nothing, signal: stop.signal });
    await turns();
    stop.abort();
    const { outcome, failures } = await run;
    expect([outcome, undone]).toEqual(['REVERTED', ['waits', 'first']]);
    expect(failures).toMatchObject([{ atom: 'waits', code: 'BATON_CONFLICT_CANCELLED' }]);
  });

  it('suspends: what runs ends, what waits is taken back, and the next run goes on', async () => {
    const [stop, logBook, a, b] = [new AbortController(), new MemoryLogBook(), held('a'), held('b')];
    const flow = unordered('f').add(a.task, b.task);
    const options = { ...nothing, logBook, engine: 'parallel', concurrency: 1 } as const;
    const first = runFlow(flow, { ...options, suspendSignal: stop.signal });
    await begins(a);
    stop.abort();
    // it is taken in before the next task gets the place of this one
    await new Promise(setImmediate);
    a.end();
    expect((await first).outcome).toBe('SUSPENDED');
    expect([a.begun.length, b.begun.length]).toEqual([1, 0]);
    const second = runFlow(flow, options);
    await begins(b);
    b.end();
    expect((await second).outcome).toBe('SUCCESS');
    expect([a.begun.length, b.begun]).toEqual([1, ['in-process/b/execute/0.1']]);
  });
});

describe('time', () => {
  const [slow, quick] = [5_000, 10];
  const wait = (name: string, delay: number, seen: string[]) => {
    let failed = false;
    return task(name, {
      attempts: { max: 2, delay },
      execute: () => {
        seen.push(name);
        if (failed) return;
        failed = true;
        throw new Error('once');
      },
    });
  };

  it('passes at once when nothing else is to do, in the order of delays', async () => {
    const seen: string[] = [];
    const flow = unordered('f').add(wait('slow', slow, seen), wait('quick', quick, seen));
    expect((await runFlow(flow, nothing)).outcome).toBe('SUCCESS');
    expect(seen).toEqual(['slow', 'quick', 'quick', 'slow']);
  });

  it('is that of the clock it is given', async () => {
    const timers: { readonly delayMs: number; readonly fire: () => void }[] = [];
    const clock: Clock = {
      wallMs: () => 0,
      monotonicMs: () => 0,
      setTimer: (delayMs, fire) => {
        const timer = { delayMs, fire };
        timers.push(timer);
        return () => void timers.splice(timers.indexOf(timer), 1);
      },
      setImmediate: (fire) => fire(),
    };
    const late = held('late');
    const limited = task('limited', {
      timeout: { attempt: 70 },
      execute: () => new Promise<void>(() => undefined),
    });
    const run = runFlow(linear('f').add(late.task, limited), { ...nothing, clock });
    await turns();
    late.end();
    await turns();
    expect(timers.map(({ delayMs }) => delayMs)).toEqual([70]);
    timers.shift()?.fire();
    const { outcome, failures } = await run;
    expect(outcome).toBe('REVERTED');
    expect(failures).toMatchObject([{ atom: 'limited', code: 'TIMEOUT' }]);
    expect(timers).toEqual([]);
  });

  it('keeps very many timers in order', () => {
    const queue = new TimerQueue();
    const due = Array.from({ length: 500 }, (_, index) => (index * 7919) % 97);
    due.forEach((dueMs, index) => queue.set(String(index), dueMs));
    due.forEach((_, index) => index % 5 === 0 && queue.cancel(String(index)));
    const expected = due
      .map((dueMs, index) => ({ id: String(index), dueMs }))
      .filter((_, index) => index % 5 !== 0)
      .toSorted((one, other) => one.dueMs - other.dueMs || Number(one.id) - Number(other.id));
    const fired = [];
    for (let timer = queue.next(); timer; timer = queue.next())
      fired.push({ id: timer.id, dueMs: timer.dueMs });
    expect(fired).toEqual(expected);
  });
});

describe('the lazy engine', () => {
  const flow = linear('f', { retry: retry.times(2) }).add(
    task('a', { provides: 'x', execute: () => 1 }),
    task('b', { requires: { x: type<number>() }, execute: () => undefined }),
  );
  const detail = { flowId: 'lazy', definition: flow.toJSON(), store: {} };

  it('can be another one at every call', async () => {
    const logBook = new MemoryLogBook();
    const engine = () => new LazyEngine({ logBook });
    const [a] = (await engine().start(detail)).commands;
    if (a?.type !== 'execute') throw new Error('a was to be started');
    const [b] = (await engine().complete(a, { value: { data: 5 } })).commands;
    expect(b).toMatchObject({ type: 'execute', atom: 'b', args: { x: { value: { data: 5 } } } });
    if (b?.type !== 'execute') throw new Error('b was to be started');
    const failed = await engine().complete(b, { failure: failureOf('X', 'no') });
    expect(failed.commands).toMatchObject([{ type: 'revert', atom: 'b' }]);
    // late, and superseded
    expect(await engine().complete(a, { value: { data: 6 } })).toMatchObject({ facts: [], commands: [] });
    const { commands } = await engine().apply('lazy', { type: 'adopt' });
    expect(commands).toMatchObject([{ type: 'revert', atom: 'b' }]);
  });

  it('lets one of two calls at the same time through', async () => {
    const logBook = new MemoryLogBook();
    const engine = new LazyEngine({ logBook });
    const [a] = (await engine.start(detail)).commands;
    if (a?.type !== 'execute') throw new Error('a was to be started');
    const both = await Promise.allSettled([engine.complete(a, {}), engine.complete(a, {})]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    const refused = both.find((call) => call.status === 'rejected');
    expect(codeOf(refused?.reason)).toBe('BATON_CONFLICT_FENCED');
  });

  it('knows flows by their id', async () => {
    const engine = new LazyEngine({ logBook: new MemoryLogBook() });
    const unknown = await engine.apply('nobody', { type: 'run' }).catch(codeOf);
    expect(unknown).toBe('BATON_NOT_FOUND_JOB');
    await engine.start(detail);
    const other = { ...detail, definition: linear('other').toJSON() };
    expect(await engine.start(other).catch(codeOf)).toBe('BATON_CONFLICT_KEY_REUSED');
  });
});

describe('listeners', () => {
  const flow = graph('g').add(
    task('a', {
      provides: 'x',
      execute: (_args, { progress }) => {
        progress(0.5, 'half');
        return { n: 1 };
      },
    }),
  );

  it('hear of every change with its place in the log book, and of progress', async () => {
    const all = capturing();
    const { transitions } = await runFlow(flow, {
      ...nothing,
      listeners: [all],
      logBook: new MemoryLogBook(),
    });
    const changes = all.notifications.filter(({ of }) => of !== 'progress');
    expect(
      changes.map(({ flowId: _flowId, seq: _seq, index: _index, result: _result, ...change }) => change),
    ).toEqual(transitions);
    expect(changes.map(({ seq, index }) => [seq, index])).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ]);
    expect(all.notifications).toContainEqual(
      expect.objectContaining({ of: 'progress', atom: 'a', fraction: 0.5, message: 'half' }),
    );
    expect(changes[2]).toMatchObject({ atom: 'a', to: 'SUCCESS', result: { n: 1 } });
  });

  it('are told in order, those that want everything first; what they throw and how long they take changes nothing', async () => {
    const heard: string[] = [];
    const note = (who: string) => async (notification: Notification) => {
      heard.push(who);
      await Promise.resolve();
      throw new Error(`${who} ${notification.of}`);
    };
    const { outcome } = await runFlow(flow, {
      ...nothing,
      listeners: [
        { of: 'task', to: 'SUCCESS', notify: note('some') },
        { when: ({ of }) => of === 'flow', notify: note('filtered') },
        { notify: note('all') },
      ],
    });
    expect(outcome).toBe('SUCCESS');
    expect(heard.filter((who) => who !== 'all')).toEqual(['filtered', 'some', 'filtered']);
    expect(heard[0]).toBe('all');
  });

  it('are not given twice', async () => {
    const notify = () => undefined;
    const twice = await runFlow(flow, { ...nothing, listeners: [{ notify }, { notify }] }).catch(codeOf);
    expect(twice).toBe('BATON_INPUT_INVALID');
  });
});

describe('a run in a log book', () => {
  it('is not run again when it is done, and not under another definition', async () => {
    let calls = 0;
    const one = linear('f').add(task('a', { provides: 'x', execute: () => ++calls }));
    const options = { ...nothing, logBook: new MemoryLogBook() };
    expect((await runFlow(one, options)).results).toEqual({ x: 1 });
    expect(await runFlow(one, options)).toMatchObject({ outcome: 'SUCCESS', results: { x: 1 } });
    expect(calls).toBe(1);
    const other = linear('f').add(task('b', { execute: () => undefined }));
    expect(await runFlow(other, options).catch(codeOf)).toBe('BATON_CONFLICT_KEY_REUSED');
  });

  it('waits again for what was waited for when it is taken up', async () => {
    const flow = linear('f').add(task('a', { attempts: { max: 2, delay: '1h' }, execute: () => undefined }));
    const engine = new LazyEngine({ logBook: new MemoryLogBook() });
    const detail = { flowId: 'waits', definition: flow.toJSON(), store: {} };
    const [a] = (await engine.start(detail)).commands;
    if (a?.type !== 'execute') throw new Error('a was to be started');
    const [timer] = (await engine.complete(a, { failure: failureOf('X', 'no') })).commands;
    expect(timer).toMatchObject({ type: 'startTimer', delayMs: 3_600_000 });
    expect((await engine.start(detail)).commands).toEqual([timer]);
    expect((await engine.apply('waits', { type: 'adopt' })).commands).toEqual([timer]);
  });

  it('is run by one engine at a time', async () => {
    const [logBook, a] = [new MemoryLogBook(), held('a')];
    const flow = linear('f').add(a.task);
    const first = runFlow(flow, { ...nothing, logBook }).catch(codeOf);
    await turns(60);
    const second = runFlow(flow, { ...nothing, logBook });
    await turns(60);
    a.end();
    a.end();
    expect([await first, (await second).outcome]).toEqual(['BATON_CONFLICT_FENCED', 'SUCCESS']);
  });
});
