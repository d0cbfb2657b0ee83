import { beforeEach, expect, it } from '@jest/globals';
import { type Events, openPersistence } from './index.js';
import { fakeRuntime, SimulatedDocumentService, SimulatedDocumentStore } from '@baton/testkit';

const runtime = fakeRuntime();
const drive = runtime.clock.drive.bind(runtime.clock);
const paid = { board: 'default', name: 'paid', key: '7' };
let events: Events;
let store: SimulatedDocumentStore;

beforeEach(async () => {
  store = new SimulatedDocumentStore(runtime, { service: new SimulatedDocumentService(runtime) });
  ({ events } = await drive(openPersistence({ store, runtime, clusterId: 'c' })));
});

async function waitsFor(event: typeof paid): Promise<string[]> {
  const found: string[] = [];
  const read = async (): Promise<void> => {
    for await (const page of events.waits(event)) found.push(...page.map(({ requestId }) => requestId));
  };
  await drive(read());
  return found;
}

it('finds all waits for an event, of its board, name and key alone, until they are forgotten', async () => {
  const ids = Array.from({ length: 450 }, (_, n) => `j/a[${String(n).padStart(3, '0')}]/execute/0.1`);
  for (const requestId of [...ids, ...ids.slice(0, 2)])
    await drive(events.note(paid, { requestId, flowId: 'j' }));
  expect(await waitsFor(paid)).toEqual(ids);
  for (const other of [{ board: 'b' }, { name: 'pai' }, { key: '' }, { name: 'paid7', key: '' }])
    expect(await waitsFor({ ...paid, ...other })).toEqual([]);
  await drive(events.forget(ids.slice(1)));
  expect(await waitsFor(paid)).toEqual(ids.slice(0, 1));
});

it('keeps events until their time is over, in the order in which they were sent', async () => {
  const keep = (eventId: string, ms: number): Promise<void> => {
    const atMs = runtime.clock.wallMs();
    const kept = { ...{ eventId, name: 'paid', key: '7', value: { data: 1 } }, atMs, untilMs: atMs + ms };
    return drive(events.keep(paid, kept));
  };
  await keep('late', 50_000);
  await runtime.clock.advance(10);
  await keep('soon', 20_000);
  const ids = async (): Promise<string[]> =>
    (await drive(events.kept(paid, runtime.clock.wallMs()))).map(({ eventId }) => eventId);
  expect(await ids()).toEqual(['late', 'soon']);
  await runtime.clock.advance(30_000);
  expect(await ids()).toEqual(['late']);
  expect(await drive(store.find('kept_events', { limit: 9 }))).toHaveLength(2);
  await keep('other', 1_000);
  expect(await drive(store.find('kept_events', { limit: 9 }))).toHaveLength(2);
});
