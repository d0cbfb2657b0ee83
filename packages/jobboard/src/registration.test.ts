import { describe, expect, it } from '@jest/globals';
import { SimulatedCoordination, SimulatedCoordinationService, fakeRuntime } from '@baton/testkit';
import { JobBoard } from './job-board.js';

const worker = {
  kind: 'worker',
  id: 'w1',
  host: 'here',
  pid: 1,
  version: '0',
  startedAtMs: 0,
  requestPartition: 0,
  concurrency: 1,
  labels: {},
  tasks: [],
} as const;

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
});
