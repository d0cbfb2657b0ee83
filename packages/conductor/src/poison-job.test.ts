/** A job that ends whoever loads it (P-506, H16). */
import { afterEach, describe, expect, it } from '@jest/globals';
import type { InlineValue, StoredDocument } from '@baton/core';
import { linear } from '@baton/flow';
import { SimulatedDocumentStore } from '@baton/testkit';
import { Cluster, noop } from './fixtures/cluster.js';

const never = () => new Promise<never>(() => undefined);

/** Of a process that hangs for good as soon as it loads the poison job, its claim entry stored. */
class DeadlyStore extends SimulatedDocumentStore {
  poison: string | undefined;
  /** It ends with the terminal entry of a job, before that is off the board. */
  diesBeforeTrash = false;
  isDead = false;
  onDeath = (): void => undefined;
  #isClaimed = false;

  die(): void {
    this.isDead = true;
    this.onDeath();
  }

  override async insert(collection: string, documents: readonly StoredDocument[]) {
    if (this.isDead) return never();
    const verdicts = await super.insert(collection, documents);
    if (this.diesBeforeTrash && documents.some(({ kind }) => kind === 'terminal')) this.die();
    this.#isClaimed ||= collection === 'journal' && documents.some(({ _id }) => this.#isOfPoison(_id));
    return verdicts;
  }

  override async get(collection: string, ids: readonly string[]) {
    if (this.#isClaimed && !this.isDead && collection === 'journal' && ids.some((id) => this.#isOfPoison(id)))
      this.die();
    return this.isDead ? never() : super.get(collection, ids);
  }

  override async find(...args: Parameters<SimulatedDocumentStore['find']>) {
    return this.isDead ? never() : super.find(...args);
  }

  override async replace(...args: Parameters<SimulatedDocumentStore['replace']>) {
    return this.isDead ? never() : super.replace(...args);
  }

  #isOfPoison(id: string): boolean {
    return this.poison !== undefined && id.startsWith(`${this.poison}:`);
  }
}

describe('a job that ends whoever loads it', () => {
  let cluster: Cluster;
  afterEach(() => cluster.dispose());

  it('ends as poison, and takes none with it that were claimed at the same time', async () => {
    cluster = new Cluster();
    const { clock } = cluster.runtime;
    const finish: ((value: InlineValue) => void)[] = [];
    const slow = () => new Promise<InlineValue>((resolve) => finish.push(resolve));
    await cluster.drive(cluster.worker('w1', { slow }));
    const owner = (name: string, poison?: string) => {
      const store = new DeadlyStore(cluster.runtime, { service: cluster.documents });
      const made = cluster.conductor(name, {}, { store });
      store.poison = poison;
      store.onDeath = () => {
        void made.stop().catch(() => undefined);
        cluster.coordination.expire(made.session()); // what its guard does
      };
      return { ...made, store };
    };
    const first = owner('c0');
    const jobs: string[] = [];
    for (let n = 0; n < 5; n++)
      jobs.push(await cluster.drive(cluster.client.post(linear(`f${n}`).add(noop('slow')), {})));
    await clock.advanceUntil(() => finish.length === 5);
    const [poison = '', ...innocent] = jobs;
    first.store.die();
    for (const name of ['c1', 'c2', 'c3']) {
      const next = owner(name, poison);
      await clock.advanceUntil(() => next.store.isDead, { withinMs: 60_000 });
    }
    const { store } = owner('c4');
    store.diesBeforeTrash = true;
    await clock.advanceUntil(() => store.isDead, { withinMs: 60_000 });
    owner('c5');
    await clock.advance(30_000);
    for (const resolve of finish) resolve({ data: null });
    const outcomeOf = async (jobId: string) =>
      (await cluster.drive(cluster.client.wait(jobId, { timeoutMs: 20_000 }))).outcome;
    for (const jobId of innocent) expect(await outcomeOf(jobId)).toBe('SUCCESS');
    const [failure] = (await cluster.drive(cluster.client.wait(poison))).failures;
    expect(failure?.code).toBe('POISON');
    expect((await cluster.drive(cluster.client.job(poison))).jobState).toBe('TRASHED');
  });
});
