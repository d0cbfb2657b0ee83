import { realRuntime, SimulatedPartitionLog } from '@baton/testkit';
import { transportSuite } from '@baton/testkit/suites';

transportSuite('the simulated log', async () => {
  const runtime = realRuntime();
  const primitive = new SimulatedPartitionLog(runtime);
  const { service } = primitive;
  return {
    primitive,
    peer: async () => new SimulatedPartitionLog(runtime, { service }),
    topicPrefix: 'test.',
    dispose: () => primitive.close(),
  };
});
