/**
 * L5 of control-flow.md section 18 on the real services: 200 runs of the acceptance cases of routed flows, while conductors and workers are killed and their
 * connections are cut. TEST_SEED chooses which cases and faults; without it they are others each time.
 */
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from '@jest/globals';
import { eventually, FaultProxy, fakeRuntime } from '@baton/testkit';
import { acceptance } from '../../packages/testkit/src/routed-flows/acceptance.js';
import { RoutedDriver } from '../integration/fixtures/routed-driver.js';
import { Cluster } from '../support/cluster/cluster.js';
import { brokenRules } from '../support/cluster/journal-checks.js';
import type { MemberProcess } from '../support/cluster/member-process.js';
import { realServices } from '../support/services/endpoints.js';

const RUNS = 200;
const AT_A_TIME = 12;
/** Runs that end between one blow and the next. */
const RUNS_BETWEEN = 4;
const tasksModule = fileURLToPath(new URL('../fixtures/routed-tasks.mjs', import.meta.url));
const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 32));

let cluster: Cluster;
const proxies: FaultProxy[] = [];
afterEach(async () => {
  await cluster.dispose();
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
});

it(`${RUNS} runs of routed flows end as they must, whoever is killed or cut off (TEST_SEED=${seed})`, async () => {
  const { random } = fakeRuntime({ seed });
  const below = (limit: number): number => Math.floor(random.fraction() * limit);
  const services = realServices();
  const { zookeeper, mongodb } = services;
  const board = await FaultProxy.start(zookeeper);
  const store = await FaultProxy.start(new URL(mongodb).host);
  proxies.push(board, store);
  const through = mongodb.replace(new URL(mongodb).host, store.address);
  // killed so often, a job may meet three dead conductors in a row without being poison
  const env = { BATON_POISON_CLAIMS: '1000' };
  cluster = new Cluster(services, { env, ways: { zookeeper: board.address, mongodb: through } });
  const worker = () => cluster.worker('--tasks', tasksModule);
  const start = { conductor: () => cluster.conductor(), worker };
  const { conductors } = await cluster.start({ conductors: 3, workers: 0 });
  const alive = { conductor: [...conductors], worker: await Promise.all([worker(), worker(), worker()]) };

  const jobIds: string[] = [];
  const repaired: string[] = [];
  const failed: string[] = [];
  let begun = 0;
  let ended = 0;
  const lane = async (): Promise<void> => {
    while (begun++ < RUNS) {
      const { name, body } = acceptance[below(acceptance.length)] as (typeof acceptance)[number];
      const driver = new RoutedDriver(cluster, { withinMs: 120_000 });
      await Promise.resolve(body(driver.run)).catch(async (error: unknown) => {
        const reports = await Promise.all(driver.jobIds.map((jobId) => cluster.client.job(jobId)));
        failed.push(`${name}: ${String(error)}\n${JSON.stringify(reports, undefined, 1)}`);
      });
      jobIds.push(...driver.jobIds);
      repaired.push(...driver.repaired);
      ended++;
    }
  };
  let isOver = false;
  const faults = { kills: 0, cuts: 0 };
  const replacements: Promise<unknown>[] = [];
  const trouble = async (): Promise<void> => {
    while (!isOver) {
      const next = ended + RUNS_BETWEEN;
      await eventually(() => ended >= next || isOver, { withinMs: 120_000, what: 'more runs that end' });
      const kind = (['conductor', 'worker', 'cut'] as const)[below(3)] ?? 'cut';
      if (kind === 'cut') {
        [board, store][below(2)]?.cut();
        faults.cuts++;
        continue;
      }
      await eventually(() => alive[kind].length > 1 || isOver, {
        withinMs: 40_000,
        what: `a second ${kind}`,
      });
      const [victim] = alive[kind].splice(below(alive[kind].length), 1) as [MemberProcess];
      victim.killChild();
      faults.kills++;
      replacements.push(start[kind]().then((member) => alive[kind].push(member)));
    }
    await Promise.all(replacements);
  };
  await Promise.all([
    trouble(),
    Promise.all(Array.from({ length: AT_A_TIME }, lane)).finally(() => (isOver = true)),
  ]);

  process.stdout.write(`${RUNS} runs, ${faults.kills} kills, ${faults.cuts} cuts\n`);
  expect(failed).toEqual([]);
  expect(brokenRules(await cluster.journals(jobIds), { repaired })).toEqual([]);
  await eventually(async () => (await cluster.client.jobs()).length === 0, {
    withinMs: 30_000,
    what: 'an empty board',
  });
  expect(faults.kills).toBeGreaterThan(10);
}, 400_000);
