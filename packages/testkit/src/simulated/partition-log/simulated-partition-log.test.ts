import { type PartitionLogWorld, partitionLogContract } from '../../contracts/partition-log-contract.js';
import { realRuntime } from '../../runtime/runtimes.js';
import { SimulatedLogService } from './simulated-log-service.js';
import { SimulatedPartitionLog } from './simulated-partition-log.js';

async function open(): Promise<PartitionLogWorld> {
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

partitionLogContract('SimulatedPartitionLog', open);
