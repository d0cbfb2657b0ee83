import { describe, expect, it } from '@jest/globals';
import type { Clock, CoordinationSession } from '@baton/core';
import { SimulatedCoordination, SimulatedCoordinationService, fakeRuntime } from '@baton/testkit';
import { workerOf } from '../../testkit/src/protocols/jobboard/board-world.js';
import { JobBoard } from './job-board.js';

const worker = workerOf('w1');

describe('Registration', () => {
  it('waits for the end of a former session of its own, however often the service was away', async () => {
    const runtime = fakeRuntime();
    const service = new SimulatedCoordinationService(runtime);
    const open = async (): Promise<JobBoard> => {
      const session = await new SimulatedCoordination(runtime, { service }).connect({ timeoutMs: 1_000 });
      return JobBoard.open({ session, board: 'default', runtime, memberId: 'w1' });
    };
    const { clock } = runtime;
    const former = await clock.drive(open());
    await clock.drive(former.register(worker));
    const board = await clock.drive(open());
    const registering = board.register(worker);
    registering.catch(() => undefined);
    await clock.advance(100);
    for (let outage = 0; outage < 4; outage++) {
      service.goDown();
      await clock.advance(800);
      service.comeUp();
      await clock.advance(100);
    }
    await clock.drive(former.close());
    expect(await clock.drive(registering)).toMatchObject({ id: 'w1' });
  });

  // when the service last heard of the former session, and so when it ends, is a matter of chance
  const seeds = Array.from({ length: 12 }, (_, seed) => seed);
  it.each(seeds)(
    'waits long enough when its clock goes twice as fast as that of the service (%i)',
    async (seed) => {
      const runtime = fakeRuntime({ seed });
      const { clock } = runtime;
      const service = new SimulatedCoordinationService(runtime);
      const fast: Clock = {
        wallMs: () => 2 * clock.wallMs(),
        monotonicMs: () => 2 * clock.monotonicMs(),
        setTimer: (delayMs, callback) => clock.setTimer(delayMs / 2, callback),
        setImmediate: (callback) => clock.setImmediate(callback),
      };
      const connect = () => new SimulatedCoordination(runtime, { service }).connect({ timeoutMs: 1_000 });
      const open = async (session: CoordinationSession): Promise<JobBoard> =>
        JobBoard.open({ session, board: 'default', runtime: { ...runtime, clock: fast }, memberId: 'w1' });
      const lost = await clock.drive(connect());
      await clock.drive((await clock.drive(open(lost))).register(worker));
      await clock.advance(150); // the service looks only once in a tick of 200
      service.partition(lost);
      const board = await clock.drive(open(await clock.drive(connect())));
      expect(await clock.drive(board.register(worker))).toMatchObject({ id: 'w1' });
    },
  );

  it('tells at once who has its id and how long that is waited for, and at the end to choose another', async () => {
    const runtime = fakeRuntime();
    const { clock, logger } = runtime;
    const service = new SimulatedCoordinationService(runtime);
    const open = async (): Promise<JobBoard> => {
      const session = await new SimulatedCoordination(runtime, { service }).connect({ timeoutMs: 1_000 });
      return JobBoard.open({ session, board: 'default', runtime, memberId: 'w1' });
    };
    await clock.drive((await clock.drive(open())).register(worker));
    const board = await clock.drive(open());
    const refused = expect(board.register({ ...worker, host: 'there' })).rejects.toMatchObject({
      code: 'BATON_CONFLICT_MEMBER_ID_TAKEN',
      message: `member id w1 is taken: it has belonged to a process on ${worker.host}, pid ${worker.pid}, for the 4000 ms that this one waited`,
    });
    await clock.advance(100);
    const warnings = () => logger.lines.filter(({ message }) => message === 'member.id-taken');
    expect(warnings().map(({ level, fields }) => [level, fields])).toEqual([
      ['warn', { id: 'w1', host: worker.host, holder: worker.pid, waitMs: 4_000 }],
    ]);
    await clock.drive(refused);
    expect(warnings()).toHaveLength(1);
  });
});
