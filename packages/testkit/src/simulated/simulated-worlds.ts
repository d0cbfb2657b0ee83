import type { CoordinationWorld } from '../contracts/coordination/coordination-world.js';
import type { DocumentStoreWorld } from '../contracts/document-store/document-store-world.js';
import type { PartitionLogWorld } from '../contracts/partition-log/partition-log-world.js';
import { realRuntime } from '../runtime/runtimes.js';
import { SimulatedCoordinationService } from './coordination/simulated-coordination-service.js';
import { SimulatedCoordination } from './coordination/simulated-coordination.js';
import { SimulatedDocumentService } from './document-store/simulated-document-service.js';
import { SimulatedDocumentStore } from './document-store/simulated-document-store.js';
import { SimulatedLogService } from './partition-log/simulated-log-service.js';
import { SimulatedPartitionLog } from './partition-log/simulated-partition-log.js';

/** Worlds of the simulated substrates for the contracts, in real time, as the contracts run on real services. */
export async function simulatedCoordinationWorld(): Promise<
  CoordinationWorld & { readonly service: SimulatedCoordinationService }
> {
  const runtime = realRuntime();
  const service = new SimulatedCoordinationService(runtime);
  const down = new SimulatedCoordinationService(runtime);
  down.goDown();
  const at = (root: string) => new SimulatedCoordination(runtime, { service, root });
  return {
    service,
    primitive: at('/baton/here'),
    peer: async () => at('/baton/here'),
    elsewhere: async () => at('/baton/there'),
    unreachable: async () => new SimulatedCoordination(runtime, { service: down }),
    patienceMs: 200,
    dispose: async () => {
      if (service.openSessions > 0) throw new Error(`${service.openSessions} sessions were not closed`);
    },
  };
}

export async function simulatedPartitionLogWorld(): Promise<PartitionLogWorld> {
  const runtime = realRuntime();
  const service = new SimulatedLogService(runtime);
  const primitive = new SimulatedPartitionLog(runtime, { service });
  const peer = new SimulatedPartitionLog(runtime, { service });
  return {
    primitive,
    peer: async () => peer,
    topicPrefix: runtime.random.nonce(),
    dispose: async () => {
      await primitive.close();
      await peer.close();
    },
  };
}

export async function simulatedDocumentStoreWorld(): Promise<DocumentStoreWorld> {
  const runtime = realRuntime();
  const service = new SimulatedDocumentService(runtime);
  const at = (database: string) => new SimulatedDocumentStore(runtime, { service, database });
  return {
    primitive: at('here'),
    peer: async () => at('here'),
    elsewhere: async () => at('there'),
    dispose: async () => undefined,
  };
}
