import { fakeRuntime } from '@baton/testkit';
import { expect, it } from '@jest/globals';
import type { AttachTarget, Dispatcher } from './dispatcher.js';
import { InFlight } from './in-flight.js';
import type { JobRunner } from './job-runner.js';
import { LossWatch } from './loss-watch.js';
import { limits } from './options.js';
import { RequestTable, type LostRequest } from './request-table.js';
import { WorkerRoster } from './worker-roster.js';

/** A flow whose tasks are all given to the two workers there are, five to each. */
function world() {
  const runtime = fakeRuntime();
  const roster = new WorkerRoster(runtime.random);
  for (const name of ['one', 'two'])
    roster.join({
      ...{ kind: 'worker', id: name, epoch: name, host: 'here', pid: 1, version: '0', startedAtMs: 0 },
      ...{ requestPartition: 0, concurrency: 2.5, tasks: [{ name: 't', version: '1.0' }] },
    });
  const table = new RequestTable();
  const flight = new InFlight(roster, table);
  for (let n = 0; n < 12; n++)
    flight.begin(
      {
        ...{
          type: 'execute',
          requestId: `job/a${n}/execute/0.1`,
          atom: `a${n}`,
          task: 't',
          taskVersion: '1.0',
        },
        ...{ attempt: 1, round: 0, args: {}, onWorkerLoss: 'resend' },
      },
      0,
    );
  const assigned = flight
    .assign({ replyPartition: 0, replyFrom: 0 }, Infinity)
    .map(({ outstanding, fact }) => {
      outstanding.heardAtMs = 0; // sent
      return fact;
    });
  table.apply({ facts: assigned, atMs: 0 });
  const of = (name: string) =>
    assigned.flatMap((fact) => (fact.workerEpoch === name ? [fact.requestId] : []));
  const [looked, heard, lost, doubted]: [string[], string[], string[], string[]] = [[], [], [], []];
  const turns = {
    flight,
    heard: (requestId: string) => void heard.push(requestId),
    lost: (requests: Iterable<LostRequest>) =>
      void lost.push(...Array.from(requests, ({ requestId }) => requestId)),
  };
  const runner = { jobId: 'job', turns } as unknown as JobRunner;
  const asked: Record<string, string[]> = {};
  const attach = (epoch: string, targets: readonly AttachTarget[]): void => {
    asked[epoch] = targets.map(({ requestId }) => requestId);
  };
  const watch = new LossWatch({
    ...{
      clock: runtime.clock,
      logger: runtime.logger,
      dispatcher: { attach } as unknown as Dispatcher,
      roster,
    },
    runner: (jobId) => (looked.push(jobId), jobId === 'job' ? runner : undefined),
    inboxCaughtUp: () => Promise.resolve(),
    replay: () => Promise.resolve(),
    doubted: ({ jobId }) => void doubted.push(jobId),
  });
  return { runtime, roster, flight, watch, of, looked, heard, lost, doubted, asked };
}

const heartbeat = (workerEpoch: string, running: readonly string[]) =>
  ({ kind: 'heartbeat', workerEpoch, draining: false, running }) as never;

it('a heartbeat makes look at the requests of its worker alone: those it does not list are asked for', async () => {
  const { runtime, watch, of, looked, heard, asked } = world();
  const [first = '', ...others] = of('one');
  expect([of('one').length, of('two').length]).toEqual([5, 5]);
  await runtime.clock.advance(limits.silenceBeforeProbeMs + 1);
  watch.heartbeat(heartbeat('one', [first]));
  expect({ looked: looked.length, heard, asked }).toEqual({
    looked: 5,
    heard: [first],
    asked: { one: others },
  });
});

it('the sweep looks at what workers have, not at what waits', async () => {
  const { runtime, watch, of, looked, asked } = world();
  await runtime.clock.advance(limits.silenceBeforeProbeMs + 1);
  watch.sweep();
  expect({ looked: looked.length, asked }).toEqual({ looked: 10, asked: { one: of('one'), two: of('two') } });
});

it('a worker that leaves takes its requests with it, without those that were answered', async () => {
  const { roster, flight, watch, of, lost } = world();
  const [first = '', ...others] = of('two');
  flight.answer(first);
  await watch.left('two', roster.leave('two'));
  expect(lost).toEqual(others);
  await watch.left('two', roster.leave('two'));
  expect(lost).toEqual(others);
});

it('who asks a worker that lives three times in vain doubts that the job is still its own', async () => {
  const { runtime, roster, watch, doubted } = world();
  roster.leave('two');
  for (const requestId of [...roster.requests()].slice(1)) roster.release('one', requestId);
  for (const expected of [[], [], ['job'], ['job'], ['job'], ['job', 'job']]) {
    await runtime.clock.advance(limits.silenceBeforeProbeMs + 1);
    watch.sweep();
    expect(doubted).toEqual(expected);
  }
});
