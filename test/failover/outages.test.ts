/**
 * Each service is killed in mid-flow and is away for 20 s; then it comes back on the same data, and everything goes on by itself. Three
 * clusters at the same time, each with one service of its own to lose.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { linear } from '@baton/flow';
import { eventually } from '@baton/testkit';
import { Cluster, type Effect } from '../support/cluster/cluster.js';
import type { MemberProcess } from '../support/cluster/member-process.js';
import { brokenRules, repeatedDeliveries } from '../support/cluster/journal-checks.js';
import { realServices } from '../support/services/endpoints.js';
import { startServices, type ServiceName, type Services } from '../support/services/start-services.js';
import { gated, step, work } from '../fixtures/tasks.mjs';

const OUTAGE_MS = 20_000;
const WORKS = 60;

interface Outage {
  readonly outcomes: readonly string[];
  readonly broken: readonly string[];
  readonly starts: readonly Effect[];
  readonly requests: number;
  /** What was wrong in the eyes of the members themselves, before the service came back. */
  readonly unready: { readonly conductors: readonly string[]; readonly worker: readonly string[] };
}

describe.each<{ name: ServiceName; runsTwice: boolean; unready: Outage['unready'] }>([
  // its worker loses its session, and with it the right to its answers
  { name: 'zookeeper', runsTwice: true, unready: { conductors: ['member'], worker: ['member'] } },
  { name: 'kafka', runsTwice: false, unready: { conductors: ['log'], worker: ['log'] } },
  { name: 'mongodb', runsTwice: false, unready: { conductors: ['store'], worker: [] } },
])('while $name is away for 20 s', ({ name, runsTwice, unready }) => {
  let outage: Promise<Outage>;
  beforeAll(() => {
    outage = outages[name] as Promise<Outage>;
  });

  it('flows wait, and end well when it is back', async () => {
    const { outcomes, broken } = await outage;
    expect(outcomes).toEqual(['SUCCESS', 'SUCCESS', 'SUCCESS']);
    expect(broken).toEqual([]);
  }, 120_000);

  it('its members say that they are not ready, and why, until it is back', async () => {
    expect((await outage).unready).toEqual(unready);
  }, 120_000);

  it('nothing is executed more often than delivered', async () => {
    const { starts, requests } = await outage;
    expect(repeatedDeliveries(starts)).toEqual([]);
    expect(new Set(starts.map(({ requestId }) => requestId)).size).toBe(requests);
    if (!runsTwice) expect(starts).toHaveLength(requests);
  }, 120_000);
});

const outages: Partial<Record<ServiceName, Promise<Outage>>> = {};
const cleanups: (() => Promise<void>)[] = [];
beforeAll(() => {
  for (const name of ['zookeeper', 'kafka', 'mongodb'] as const) {
    outages[name] = loseAndRegain(name);
    outages[name].catch(() => undefined); // told by the tests
  }
});
afterAll(async () => {
  await Promise.allSettled(Object.values(outages));
  for (const cleanup of cleanups) await cleanup();
}, 150_000);

async function loseAndRegain(name: ServiceName): Promise<Outage> {
  const services: Services = await startServices({ only: [name] });
  cleanups.push(() => services.stop());
  const { zookeeper, kafka, mongodb } = { ...shared(), ...services.endpoints };
  const cluster = new Cluster({ zookeeper, kafka, mongodb }, { env: { BATON_HEALTH_LISTEN: '127.0.0.1:0' } });
  cleanups.unshift(() => cluster.dispose());
  const { conductors, workers } = await cluster.start({ conductors: 2, workers: 1 });
  const { client } = cluster;
  // one hangs at a gate that opens during the outage, one is busy all the time, one is posted when all is well again
  const held = await client.post(linear('held').add(step.as('before'), gated, step.as('after')));
  const works = Array.from({ length: WORKS }, (_, index) => work.as(`w${index}`));
  const busy = await client.post(linear('busy').addAll(works));
  await cluster.did({ flowId: held, atom: 'gated', phase: 'start' });
  await cluster.did({ flowId: busy, atom: 'w5', phase: 'start' });

  const service = services[name];
  await service.kill();
  cluster.openGate(held);
  await delay(OUTAGE_MS); // being away for so long is the subject of this test
  const unready = { conductors: await problemsOf(conductors), worker: await problemsOf(workers) };
  await service.start();

  const ends = [await cluster.ended(held, 60_000), await cluster.ended(busy, 60_000)];
  const later = await client.post(linear('later').add(step));
  ends.push(await cluster.ended(later));
  await eventually(async () => (await problemsOf(cluster.members)).length === 0, {
    withinMs: 30_000,
    what: 'all members are ready again',
  });
  const journals = await cluster.journals([held, busy, later]);
  return {
    outcomes: ends.map(({ outcome }) => outcome),
    broken: brokenRules(journals),
    starts: cluster.ledger({ phase: 'start' }),
    requests: 3 + WORKS + 1,
    unready,
  };
}

/** Names of what is wrong with any of them. */
async function problemsOf(members: readonly MemberProcess[]): Promise<readonly string[]> {
  const checks = await Promise.all(members.map(async (member) => (await member.readiness()).checks));
  const problems = checks.flatMap((check) => Object.entries(check).filter(([, found]) => found !== 'ok'));
  return [...new Set(problems.map(([name]) => name))];
}

function shared() {
  const { zookeeper, kafka, mongodb } = realServices();
  return { zookeeper, kafka, mongodb };
}
