/** Schedules fired by conductors that come and go (C-1401 to C-1403, H55). */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { rendezvousFirst, type InlineValue } from '@baton/core';
import type { ScheduleOptions } from '@baton/client';
import { linear } from '@baton/flow';
import { SimulatedDocumentStore } from '@baton/testkit';
import { Cluster, noop, ok } from './fixtures/cluster.js';
import { HalfStore } from './fixtures/half-store.js';

const flow = linear('nightly').add(noop('t'));
const MINUTE = 60_000;

describe('a schedule', () => {
  let cluster: Cluster;
  beforeEach(() => {
    cluster = new Cluster();
  });
  afterEach(() => cluster.dispose());

  const put = (options: ScheduleOptions) => cluster.drive(cluster.client.schedules.put('s', flow, options));
  const report = () => cluster.drive(cluster.client.schedules.get('s'));
  const advance = (ms: number) => cluster.runtime.clock.advance(ms);
  const start = async (...ids: readonly string[]) => {
    const conductors = ids.map((id) => ({ id, ...cluster.conductor(id) }));
    await cluster.runtime.clock.advanceUntil(() =>
      conductors.every(({ session }) => session() !== undefined),
    );
    await advance(1_000);
    return conductors;
  };
  const store = () => new SimulatedDocumentStore(cluster.runtime, { service: cluster.documents });
  /** All jobs there ever were. */
  const jobs = async () =>
    (await cluster.drive(store().find('jobs', { limit: 1_000 }))).map(({ _id }) => _id);
  const minutes = (...numbers: readonly number[]) =>
    numbers.map((n) => `s-20300101T00${String(n).padStart(2, '0')}00Z`);

  it('posts a job for each slot, in the zone it is read in, with the values it was given, as often as it may', async () => {
    const worker = await cluster.drive(cluster.worker('w1', { t: ok }));
    await start('c1');
    await put({ cron: '*/5 * * * *', timeZone: 'Asia/Kolkata', count: 2, tags: { team: 'ops' } });
    await advance(30 * MINUTE);
    expect(await jobs()).toEqual(minutes(5, 10));
    expect(worker.seen).toHaveLength(2);
    const [record] = await cluster.drive(store().get('jobs', minutes(5)));
    expect(JSON.parse(String(record?.['posting']))).toMatchObject({
      tags: { team: 'ops', schedule: 's', scheduledAt: '2030-01-01T00:05:00.000Z' },
    });
    expect(await report()).toMatchObject({ state: 'OVER', fired: 2, slots: [{ decision: 'fired' }, {}] });
  });

  it('fires by the clock of the board, whatever that of its conductor says (P-1106)', async () => {
    for (const [id, aheadMs] of [
      ['c1', 10 * MINUTE],
      ['c2', -10 * MINUTE],
    ] as const)
      cluster.conductor(id, {}, { aheadMs });
    await advance(1_000);
    await put({ cron: '* * * * *' });
    await advance(3 * MINUTE - 2_000);
    expect(await jobs()).toEqual(minutes(1, 2));
  });

  it('is taken up at once, on every change', async () => {
    await start('c1', 'c2', 'c3');
    await put({ cron: '* * * * * *' });
    await advance(1_200);
    expect(await jobs()).not.toEqual([]);
    await cluster.drive(cluster.client.schedules.pause('s'));
    const before = await jobs();
    await advance(MINUTE);
    expect(await jobs()).toEqual(before);
    await cluster.drive(cluster.client.schedules.resume('s'));
    await advance(1_200);
    expect((await jobs()).length).toBeGreaterThan(before.length);
    expect((await jobs()).length).toBeLessThan(before.length + 5);
    await cluster.drive(cluster.client.schedules.delete('s'));
    const last = await jobs();
    await advance(MINUTE);
    expect(await jobs()).toEqual(last);
  });

  it('with a conductor that dies between two slots, and others that come: one job a slot, and none is left out', async () => {
    const conductors = await start('c1', 'c2', 'c3');
    await put({ cron: '* * * * *' });
    await advance(2 * MINUTE);
    const left = conductors.map(({ id }) => id);
    for (let deaths = 0; deaths < 2; deaths++) {
      const owner = rendezvousFirst('s', left) ?? '';
      left.splice(left.indexOf(owner), 1);
      const { session, stop } = conductors.find(({ id }) => id === owner) as (typeof conductors)[number];
      // a moment before the slot
      await advance(MINUTE - 1_100);
      cluster.coordination.expire(session());
      await cluster.drive(stop());
      await advance(2 * MINUTE);
    }
    await start('c4', 'c5');
    await advance(2 * MINUTE);
    const slots = (await report()).fired;
    expect(await jobs()).toEqual(minutes(...Array.from({ length: slots }, (_, n) => n + 1)));
    const minutesGone = Math.floor((cluster.runtime.clock.wallMs() - Date.UTC(2030, 0, 1)) / MINUTE);
    expect(slots).toBe(minutesGone);
  });

  it('whose slot was decided about, and whose conductor died before its job was posted: the next one posts it', async () => {
    await put({ startAtMs: cluster.runtime.clock.wallMs() + 1_000 });
    const nominalMs = cluster.runtime.clock.wallMs() + 500;
    const slot = {
      ...{ scheduleId: 's', revision: 1 },
      nominalMs,
      decision: 'fired',
      fired: 1,
      missed: 0,
      skipped: 0,
      jobId: 'j',
    };
    const body = JSON.stringify({ ...slot, isDone: false, atMs: nominalMs });
    const _id = `s:${String(nominalMs).padStart(16, '0')}`;
    await cluster.drive(store().insert('schedule_slots', [{ _id, scheduleId: 's', body }]));
    await start('c1');
    await advance(5_000);
    expect(await jobs()).toEqual(expect.arrayContaining(['j']));
    expect((await report()).slots.at(-1)).toMatchObject({ jobId: 'j', isDone: true });
  });

  it('that is changed while a job of it is half posted: what was decided is posted', async () => {
    await cluster.drive(cluster.worker('w1', { t: ok }));
    await put({ cron: '* * * * *', tags: { is: 'first' } });
    /** Stops for ever between the record of a job and its journal. */
    const half = new HalfStore(cluster.runtime, { service: cluster.documents });
    const first = cluster.conductor('c1', {}, { store: half });
    await advance(MINUTE);
    expect(await jobs()).toEqual(minutes(1));
    cluster.coordination.expire(first.session());
    void first.stop();
    await put({ cron: '* * * * *', tags: { is: 'second' } });
    await start('c2');
    await advance(MINUTE);
    for (const [jobId, is] of [
      [minutes(1)[0] ?? '', 'first'],
      [minutes(2)[0] ?? '', 'second'],
    ] as const) {
      const [record] = await cluster.drive(store().get('jobs', [jobId]));
      expect(JSON.parse(String(record?.['posting']))).toMatchObject({ tags: { is } });
      expect((await cluster.drive(cluster.client.job(jobId))).outcome).toBe('SUCCESS');
    }
  });

  it.each([
    ['none', []],
    ['last', minutes(20)],
    ['all', minutes(...Array.from({ length: 20 }, (_, n) => n + 1))],
  ] as const)('after an outage of all conductors, catch-up %s', async (catchUp, caughtUp) => {
    await put({ cron: '* * * * *', catchUp, count: 30 });
    await advance(20 * MINUTE + 40_000);
    await start('c1');
    await advance(5_000);
    expect(await jobs()).toEqual(caughtUp);
    expect((await report()).slots[0]).toMatchObject(
      catchUp === 'none' ? { decision: 'missed', missed: 20 } : { decision: 'fired' },
    );
    await advance(MINUTE);
    expect(await jobs()).toEqual([...caughtUp, ...minutes(21)]);
  });

  it('passes over slots while its job runs, overlap skip', async () => {
    let finish: (value: InlineValue) => void = () => undefined;
    const answer = new Promise<InlineValue>((resolve) => (finish = resolve));
    await cluster.drive(cluster.worker('w1', { t: () => answer }));
    await start('c1');
    await put({ cron: '* * * * *', overlap: 'skip' });
    await advance(4 * MINUTE + 5_000);
    expect(await jobs()).toEqual(minutes(1));
    expect((await report()).slots.map(({ decision }) => decision)).toEqual([
      ...['skipped', 'skipped', 'skipped', 'fired'],
    ]);
    finish({ data: 1 });
    await advance(MINUTE);
    expect(await jobs()).toEqual(minutes(1, 5));
  });

  it('cancels the job before, and posts the next when that has ended, overlap cancel-previous', async () => {
    let answer: (value: InlineValue) => void = () => undefined;
    const answered = new Promise<InlineValue>((resolve) => (answer = resolve));
    await cluster.drive(
      cluster.worker('w1', { t: ({ action }) => (action === 'execute' ? answered : { data: 1 }) }),
    );
    await start('c1');
    await put({ cron: '* * * * *', overlap: 'cancel-previous' });
    await advance(2 * MINUTE + 10_000);
    expect(await jobs()).toEqual(minutes(1));
    const first = await cluster.drive(cluster.client.job(minutes(1)[0] ?? ''));
    expect(first.commands).toMatchObject([{ command: 'cancel', by: 'schedule s' }]);
    answer({ data: 1 });
    await advance(5_000);
    expect(await jobs()).toEqual(minutes(1, 2));
    expect((await cluster.drive(cluster.client.job(minutes(1)[0] ?? ''))).outcome).toBe('REVERTED');
    expect((await report()).slots[0]).toMatchObject({ decision: 'fired', waitsFor: minutes(1)[0] });
  });
});
