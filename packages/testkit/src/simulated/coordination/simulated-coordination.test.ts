import type { Coordination } from '@baton/core';
import { type CoordinationWorld, coordinationContract } from '../../contracts/coordination-contract.js';
import { realRuntime } from '../../runtime/runtimes.js';
import { SimulatedCoordinationService } from './simulated-coordination-service.js';
import { SimulatedCoordination } from './simulated-coordination.js';

async function open(): Promise<CoordinationWorld> {
  const runtime = realRuntime();
  const service = new SimulatedCoordinationService(runtime);
  const down = new SimulatedCoordinationService(runtime);
  down.goDown();
  const at = async (root: string): Promise<Coordination> =>
    new SimulatedCoordination(runtime, { service, root });
  return {
    primitive: await at('/baton/here'),
    peer: () => at('/baton/here'),
    elsewhere: () => at('/baton/there'),
    unreachable: async () => new SimulatedCoordination(runtime, { service: down }),
    patienceMs: 200,
    dispose: async () => undefined,
  };
}

coordinationContract('SimulatedCoordination', open);
