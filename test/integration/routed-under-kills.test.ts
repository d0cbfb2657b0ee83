/**
 * L5: the acceptance cases once more, each again and again, its owner killed, its worker lost or its connection cut at one write after the other, before and
 * after that lands. By default one of these for each case, at one write in `stride`; all with BATON_KILLS=all (test/README.md).
 */
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { repaired } from './fixtures/routed-driver.js';
import { type RunnableTask, task, withFlows } from '@baton/flow';
import { acceptance } from '../../packages/testkit/src/routed-flows/acceptance.js';
import {
  type Answers,
  type Outcome,
  outcomeOf,
  type Repair,
  type Run,
  tasks,
} from '../../packages/testkit/src/routed-flows/routed.js';
import { chain, targets } from '../../packages/testkit/src/routed-flows/target-cases.js';
import { type Blow, blows, MortalCluster } from './fixtures/mortal-cluster.js';

const isWhole = process.env['BATON_KILLS'] === 'all';
const stride = isWhole ? 1 : 60;
/** Most cases have so many writes at least. */
const first = isWhole ? 1 : 5;
/** In virtual ms: how often somebody looks at a job, and how long it may take with all that its owner's death costs. */
const lookMs = 250;
const patienceMs = 600_000;

// cases that measure how long they take do it with the clock of their cluster
let passedMs = 0;
beforeAll(() => {
  jest.spyOn(Date, 'now').mockImplementation(() => passedMs);
});
afterAll(() => {
  jest.restoreAllMocks();
});

/** Those of the cases, in the time of a cluster; `ran`: requests that were executed. */
function tasksOf({ runtime }: MortalCluster, ran: string[]): readonly RunnableTask[] {
  const sleep = task('sleep', {
    execute: ({ ms, value = null }: Readonly<Record<string, unknown>>, { signal }) =>
      new Promise((resolve, reject) => {
        const cancel = runtime.clock.setTimer(Number(ms), () => resolve(value));
        signal.addEventListener('abort', () => {
          cancel();
          reject(new Error('told to stop'));
        });
      }),
  });
  const all = [...tasks.filter(({ name }) => name !== 'sleep'), sleep];
  return all.map((each) => ({
    ...each,
    execute: (given, context) => {
      ran.push(context.requestId);
      return each.execute(given, context);
    },
  }));
}

/** Runs flows as jobs of clusters to which that happens. */
class Driver {
  isStruck = false;
  readonly #blow: Blow;
  readonly #clusters: MortalCluster[] = [];

  constructor(blow: Blow) {
    this.#blow = blow;
  }

  readonly run: Run = async (root, { store = {}, answers = {}, flows = [], ...environment } = {}) => {
    const definition = withFlows({ schemaVersion: 1, root }, flows);
    const options = { store: { ...store }, ...environment };
    return this.drive((cluster) => cluster.client.post(definition, options), answers);
  };

  async drive(post: (cluster: MortalCluster) => Promise<string>, answers: Answers = {}): Promise<Outcome> {
    const ran: string[] = [];
    const cluster = await MortalCluster.open(this.#blow, (opened) => tasksOf(opened, ran));
    this.#clusters.push(cluster);
    const { client } = cluster;
    const rest = async (jobId: string, given: Answers): Promise<Outcome> => {
      const sinceMs = cluster.runtime.clock.monotonicMs();
      const outcome = await restOf(cluster, jobId, given);
      this.isStruck ||= cluster.isStruck;
      // what an owner asked for before it died is not asked for anew
      if (this.#blow.kind !== 'its worker lost') expect(ran.toSorted()).toEqual([...new Set(ran)].toSorted());
      if (outcome.outcome !== 'SUSPENDED') {
        await cluster.pass(60_000);
        expect(await cluster.drive(client.jobs())).toEqual([]);
      }
      passedMs += cluster.runtime.clock.monotonicMs() - sinceMs;
      const resume = async (later: Answers = {}): Promise<Outcome> => {
        await cluster.drive(client.resume(jobId));
        return rest(jobId, later);
      };
      const repair = async (how: Repair): Promise<Outcome> => {
        await cluster.drive(repaired(client, jobId, how));
        return rest(jobId, given);
      };
      return { ...outcome, ...(outcome.outcome === 'SUSPENDED' && { resume }), repair };
    };
    return rest(await cluster.drive(post(cluster)), answers);
  }

  async close(): Promise<void> {
    for (const cluster of this.#clusters) await cluster.close();
  }
}

type Rest = Omit<Outcome, 'resume' | 'repair'>;

/** Ended, or suspended; what asks for an answer has got it, once for each attempt. */
async function restOf(cluster: MortalCluster, jobId: string, answers: Answers): Promise<Rest> {
  const { client } = cluster;
  const answered = new Set<string>();
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += lookMs) {
    await cluster.pass(lookMs);
    const { outcome, flowState, atoms, pending } = await cluster.drive(client.job(jobId));
    for (const { name, delegate, attempt = 1, args = {} } of outcome === undefined ? atoms : []) {
      if (delegate === undefined || answered.has(`${name}.${attempt}`)) continue;
      answered.add(`${name}.${attempt}`);
      const answer = answers[delegate]?.(args, attempt);
      if (!answer) continue;
      const given = 'value' in answer ? answer : { failure: { message: answer.failure } };
      await cluster.drive(client.answerDelegate(jobId, { atom: name, attempt, ...given }));
    }
    if ((outcome !== undefined && pending.length === 0) || flowState === 'SUSPENDED') {
      const report = await cluster.drive(client.job(jobId));
      const entries = await cluster.drive(client.history(jobId));
      return outcomeOf(
        outcome ?? 'SUSPENDED',
        report,
        entries.flatMap(({ facts }) => facts),
      );
    }
  }
  throw new Error(`${jobId} did not end within ${patienceMs} ms`);
}

let blowsStruck = 0;

/** Until it is over before it could be struck. */
async function atEachWrite(
  { kind, index }: { readonly kind: Blow['kind']; readonly index: number },
  body: (driver: Driver) => Promise<void>,
): Promise<void> {
  for (const isLanded of [false, true])
    for (let write = (index + Number(isLanded)) % first; ; write += stride) {
      const driver = new Driver({ kind, write, isLanded });
      try {
        await body(driver);
      } catch (error) {
        const place = `${kind} ${isLanded ? 'after' : 'before'} write ${write}`;
        throw new Error(`${place}: ${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        });
      }
      await driver.close();
      if (!driver.isStruck) break;
      blowsStruck++;
    }
}

const timeoutMs = isWhole ? 3_600_000 : 240_000;

/** Each case with each blow, or one of them. */
function struck<T>(cases: readonly T[]): readonly (T & { index: number; kind: Blow['kind'] })[] {
  return cases.flatMap((each, index) =>
    blows
      .filter((_, nth) => isWhole || nth === index % blows.length)
      .map((kind) => ({ ...each, index, kind })),
  );
}

it.each(struck(acceptance))(
  '$name, $kind at its writes',
  ({ body, ...how }) => atEachWrite(how, ({ run }) => body(run)),
  timeoutMs,
);

it.each(struck(targets.map(([target, results]) => ({ target, results }))))(
  'M32 target selection: $target, $kind at its writes',
  ({ target, results, ...how }) =>
    atEachWrite(how, async (driver) => {
      const { outcome, output } = await driver.drive(({ client }) => client.post(chain, { target }));
      expect([outcome, output]).toEqual(['SUCCESS', results]);
    }),
  timeoutMs,
);

it('strikes most of them', () => {
  expect(blowsStruck).toBeGreaterThan(acceptance.length);
});
