import { describe, expect, it } from '@jest/globals';
import { fakeRuntime } from '@baton/testkit';
import { InFlight } from './in-flight.js';
import { RequestTable } from './request-table.js';
import type { TaskCommand } from './task-command.js';
import type { LiveWorker } from './worker-roster.js';
import { WorkerRoster } from './worker-roster.js';

const inbox = { replyPartition: 0, replyFrom: 0 };

function commandOf(atom: string, task = 't'): TaskCommand {
  return {
    type: 'execute',
    requestId: `job/${atom}/execute/1.1`,
    atom,
    task,
    taskVersion: '1.0',
    attempt: 1,
    round: 1,
    args: {},
    onWorkerLoss: 'resend',
  };
}

function workerOf(id: string, concurrency: number, tasks = ['t']): LiveWorker {
  return {
    kind: 'worker',
    id,
    epoch: `epoch-${id}`,
    host: 'here',
    pid: 1,
    version: '0',
    startedAtMs: 0,
    requestPartition: 0,
    concurrency,
    tasks: tasks.map((name) => ({ name, version: '1.0' })),
  };
}

class CountedRoster extends WorkerRoster {
  calls = 0;
  override acquire(...args: Parameters<WorkerRoster['acquire']>): LiveWorker | undefined {
    this.calls++;
    return super.acquire(...args);
  }
}

function world(table = new RequestTable()): {
  table: RequestTable;
  roster: CountedRoster;
  flight: InFlight;
} {
  const roster = new CountedRoster(fakeRuntime().random);
  return { table, roster, flight: new InFlight(roster, table) };
}

describe('requests in flight', () => {
  it('asks for a worker once per request and once more per turn, however many wait', () => {
    const { roster, flight } = world();
    roster.join(workerOf('w', 50));
    for (let n = 0; n < 10_000; n++) flight.begin(commandOf(`a${n}`), 0);
    let turns = 0;
    while (flight.waiting > 0) {
      turns++;
      for (const { fact } of flight.assign(inbox, Infinity)) flight.answer(fact.requestId);
    }
    expect(turns).toBe(100);
    expect(roster.calls).toBeLessThanOrEqual(10_000 + turns);
  });

  it('does not let a task without a worker hold up the others', () => {
    const { roster, flight } = world();
    roster.join(workerOf('w', 50));
    for (let n = 0; n < 10; n++) flight.begin(commandOf(`nobody${n}`, 'nobody'), 0);
    for (let n = 0; n < 10; n++) flight.begin(commandOf(`a${n}`), 0);
    expect(flight.assign(inbox, Infinity)).toHaveLength(10);
    expect(flight.waiting).toBe(10);
  });

  it('shares places between the tasks of a flow, oldest first in each', () => {
    const { roster, flight } = world();
    roster.join(workerOf('w', 2, ['t', 'u']));
    for (const atom of ['t1', 't2', 't3', 't4']) flight.begin(commandOf(atom), 0);
    for (const atom of ['u1', 'u2']) flight.begin(commandOf(atom, 'u'), 0);
    expect(flight.assign(inbox, 3).map(({ fact }) => fact.atom)).toEqual(['t1', 'u1', 't2']);
    expect(flight.assign(inbox, 3).map(({ fact }) => fact.atom)).toEqual(['t3']);
  });

  it('takes no place for a request of a former owner that waits again before its worker was asked', () => {
    const { table, flight: former, roster: formers } = world();
    formers.join(workerOf('w', 1));
    const both = [commandOf('a'), commandOf('b')];
    for (const command of both) former.begin(command, 0);
    table.apply({ facts: former.assign(inbox, 2).map(({ fact }) => fact), atMs: 0 });
    const { roster, flight } = world(table);
    roster.join(workerOf('w', 1));
    for (const command of both) {
      flight.begin(command, 0);
      // another flow's reading of the former inbox found that the worker does not know it
      flight.again(command.requestId, { lost: false });
      flight.hold(command.requestId, 'epoch-w', 0);
    }
    expect(flight.assign(inbox, 2)).toHaveLength(2);
  });

  it('passes over a request that was answered while it waited', () => {
    const { roster, flight } = world();
    for (const atom of ['a', 'b', 'c']) flight.begin(commandOf(atom), 0);
    expect(flight.assign(inbox, Infinity)).toEqual([]);
    flight.answer(commandOf('a').requestId);
    roster.join(workerOf('w', 2));
    expect(flight.assign(inbox, Infinity).map(({ fact }) => fact.atom)).toEqual(['b', 'c']);
  });
});
