import { expect, it } from '@jest/globals';
import { SimulatedCoordination, SimulatedCoordinationService, fakeRuntime } from '@baton/testkit';
import { workerOf } from '../../testkit/src/protocols/jobboard/board-world.js';
import { JobBoard } from './job-board.js';

const worker = workerOf('w1');

it('a member that leaves is seen to leave, also when the look behind the notice was refused', async () => {
  const runtime = fakeRuntime();
  const { clock } = runtime;
  const service = new SimulatedCoordinationService(runtime);
  const open = async (memberId: string): Promise<JobBoard> => {
    const session = await new SimulatedCoordination(runtime, { service }).connect({ timeoutMs: 4_000 });
    return JobBoard.open({ session, board: 'default', runtime, memberId });
  };
  const watching = await clock.drive(open('c1'));
  const board = await clock.drive(open('w1'));
  await clock.drive(board.register(worker));
  const watch = await clock.drive(watching.watchMembers('worker', () => undefined));
  expect([...watch.current.keys()]).toEqual(['w1']);
  service.faults.next('refuse', { operation: 'children' });
  await clock.drive(board.close());
  await clock.advance(2_000);
  expect([...watch.current.keys()]).toEqual([]);
  expect(service.faults.pending).toBe(0);
  await clock.drive(watching.close());
});
