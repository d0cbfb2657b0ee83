/** Twenty kills at random moments over a stream of jobs lose nothing. */
import { afterEach, expect, it } from '@jest/globals';
import { linear, unordered } from '@baton/flow';
import { eventually, fakeRuntime } from '@baton/testkit';
import { Cluster } from '../support/cluster/cluster.js';
import { brokenRules, repeatedDeliveries } from '../support/cluster/journal-checks.js';
import type { MemberProcess } from '../support/cluster/member-process.js';
import { realServices } from '../support/services/endpoints.js';
import { step, work } from '../fixtures/tasks.mjs';

const KILLS = 20;
const OPEN_JOBS = 12;
const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 32));

let cluster: Cluster;
afterEach(() => cluster.dispose());

it(`${KILLS} kills at random moments lose nothing (TEST_SEED=${seed})`, async () => {
  const { random } = fakeRuntime({ seed });
  const below = (limit: number): number => Math.floor(random.fraction() * limit);
  // killed so often, a job may meet three dead conductors in a row without being poison
  cluster = new Cluster(realServices(), { env: { BATON_POISON_CLAIMS: '1000' } });
  const started = await cluster.start({ conductors: 3, workers: 3 });
  const alive = { conductor: [...started.conductors], worker: [...started.workers] };
  const flow = linear('streamed').add(
    work,
    unordered('fan').addAll(Array.from({ length: 4 }, (_, index) => work.as(`w${index}`))),
    step.as('last'),
  );

  const jobIds: string[] = [];
  let isOver = false;
  const stream = async (): Promise<void> => {
    while (!isOver) {
      const jobId = await cluster.client.post(flow);
      jobIds.push(jobId);
      await cluster.ended(jobId);
    }
  };
  const streams = Promise.all(Array.from({ length: OPEN_JOBS }, stream));
  const replacements: Promise<unknown>[] = [];
  const kills = async (): Promise<void> => {
    for (let kill = 0; kill < KILLS; kill++) {
      const kind = kill % 2 === 0 ? 'conductor' : 'worker';
      await eventually(() => alive[kind].length > 1, { withinMs: 40_000, what: `a second ${kind} is ready` });
      await cluster.didAtLeast(cluster.ledger({ phase: 'end' }).length + 1 + below(40));
      const [victim] = alive[kind].splice(below(alive[kind].length), 1) as [MemberProcess];
      // now and then the whole host goes, and only the session's timeout tells
      if (below(5) === 0) victim.killBoth();
      else victim.killChild();
      replacements.push(cluster[kind]().then((member) => alive[kind].push(member)));
    }
    await Promise.all(replacements);
  };
  await Promise.race([kills(), streams]).finally(() => (isOver = true));
  await streams;

  const journals = await cluster.journals(jobIds);
  expect(
    journals
      .map((entries) => entries.at(-1))
      .filter((last) => last?.kind !== 'terminal' || last.outcome !== 'SUCCESS'),
  ).toEqual([]);
  expect(brokenRules(journals)).toEqual([]);
  expect(await cluster.client.jobs()).toEqual([]);
  const starts = cluster.ledger({ phase: 'start' });
  expect(repeatedDeliveries(starts)).toEqual([]);
  const ended = new Set(cluster.ledger({ phase: 'end' }).map(({ requestId }) => requestId));
  expect(ended.size).toBe(6 * jobIds.length);
  // the kills were felt
  const count = (message: string): number =>
    cluster.members.reduce((sum, member) => sum + member.count(message), 0);
  expect(count('job.taken-over')).toBeGreaterThan(0);
  expect(count('worker.lost')).toBeGreaterThan(0);
}, 180_000);
