import { SimulatedDocumentStore, realRuntime } from '@baton/testkit';
import { journalSuite } from '../../testkit/src/protocols/journal-suite.js';

journalSuite('the simulated store', async () => {
  const runtime = realRuntime();
  const primitive = new SimulatedDocumentStore(runtime);
  const { service } = primitive;
  return {
    primitive,
    peer: async () => new SimulatedDocumentStore(runtime, { service }),
    dispose: () => primitive.close(),
  };
});
