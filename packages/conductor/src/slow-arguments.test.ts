/** Arguments that were stored apart are read after the assignment is saved: until then no worker can know of it. */
import { linear, task, type } from '@baton/flow';
import { SimulatedDocumentStore } from '@baton/testkit';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Cluster } from './fixtures/cluster.js';

class SlowPayloads extends SimulatedDocumentStore {
  answer: () => void = () => undefined;
  readonly #mayAnswer = new Promise<void>((resolve) => (this.answer = resolve));

  override async get(collection: string, ids: readonly string[]) {
    if (collection === 'payloads') await this.#mayAnswer;
    return super.get(collection, ids);
  }
}

const takesMuch = task('t', { requires: { data: type<string>() }, execute: () => undefined });
const large = 'x'.repeat(20_000);

let cluster: Cluster;
let store: SlowPayloads;
let worker: Awaited<ReturnType<Cluster['worker']>>;
let jobId: string;

/** A job whose request is assigned, while its arguments are being read. */
beforeEach(async () => {
  cluster = new Cluster();
  store = new SlowPayloads(cluster.runtime, { service: cluster.documents });
  cluster.conductor('c1', {}, { store });
  worker = await cluster.drive(cluster.worker('w1', { t: () => ({ data: null }) }));
  jobId = await cluster.drive(cluster.client.post(linear('f').add(takesMuch), { store: { data: large } }));
  await cluster.runtime.clock.advance(1_000);
  expect((await cluster.drive(cluster.client.job(jobId))).atoms).toMatchObject([{ state: 'RUNNING' }]);
  expect(worker.seen).toEqual([]);
});
afterEach(() => cluster.dispose());

it('a task that is cancelled meanwhile is never begun (I14), and ends at once', async () => {
  await cluster.drive(cluster.client.cancel(jobId));
  const end = await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 20_000 }));
  expect(end.outcome).toBe('REVERTED');
  store.answer();
  await cluster.runtime.clock.advance(1_000);
  expect(worker.seen).toEqual([]);
});

it('it is sent when they are there', async () => {
  store.answer();
  expect((await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 20_000 }))).outcome).toBe('SUCCESS');
  expect(worker.seen).toHaveLength(1);
});
