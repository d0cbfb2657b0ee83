/** A conductor that was asleep past its session wakes up in the middle of its work: what it still writes is refused. */
import { afterEach, expect, it } from '@jest/globals';
import { linear } from '@baton/flow';
import { Cluster } from '../support/cluster/cluster.js';
import { brokenRules } from '../support/cluster/journal-checks.js';
import { realServices } from '../support/services/endpoints.js';
import { step } from '../fixtures/tasks.mjs';

const JOBS = 200;
const STEPS = 10;
/** Whether a write is under way in the very moment of the stop is chance, and likely: it is tried until it was. */
const ROUNDS_MAX = 10;
/** For each thing waited for: a deadline for defects, that a busy machine does not reach. A round takes seconds. */
const withinMs = 120_000;

let cluster: Cluster;
afterEach(() => cluster.dispose());

it('the writes of a conductor that slept past its session are refused', async () => {
  // no guard: it would kill the sleeper
  cluster = new Cluster(realServices(), { env: { BATON_GUARD_ENABLED: 'false' } });
  const { conductors } = await cluster.start({ conductors: 2, workers: 2 });
  const flow = linear('steps').addAll(Array.from({ length: STEPS }, (_, index) => step.as(`s${index}`)));
  let fenced = 0;
  for (let round = 1; round <= ROUNDS_MAX && fenced === 0; round++) {
    const done = cluster.ledger({ phase: 'end' }).length;
    const posts = Promise.all(Array.from({ length: JOBS }, () => cluster.client.post(flow)));
    await cluster.didAtLeast(done + JOBS, withinMs);
    const [sleeper, heir] = round % 2 === 1 ? conductors : conductors.toReversed();
    if (sleeper === undefined || heir === undefined) throw new Error('two conductors were started');
    const from = sleeper.lines.length;
    const heirFrom = heir.lines.length;
    sleeper.pause();
    await heir.logged('job.taken-over', () => true, { from: heirFrom, withinMs });
    const jobIds = await posts;
    for (const { outcome } of await Promise.all(jobIds.map((jobId) => cluster.ended(jobId, withinMs))))
      expect(outcome).toBe('SUCCESS');
    sleeper.resume();
    // it notices, and joins again as somebody new
    await sleeper.logged('conductor.ready', () => true, { from, withinMs });
    fenced += sleeper.lines.slice(from).filter(({ message }) => message === 'job.fenced').length;
    const journals = await cluster.journals(jobIds);
    expect(brokenRules(journals)).toEqual([]);
    expect(journals.some((entries) => entries.filter(({ kind }) => kind === 'claim').length === 2)).toBe(
      true,
    );
  }
  expect(fenced).toBeGreaterThanOrEqual(1);
}, 600_000);
