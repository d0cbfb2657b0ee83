import { documentStoreContract, type DocumentStoreWorld } from '../../contracts/document-store-contract.js';
import { realRuntime } from '../../runtime/runtimes.js';
import { SimulatedDocumentService } from './simulated-document-service.js';
import { SimulatedDocumentStore } from './simulated-document-store.js';

async function open(): Promise<DocumentStoreWorld> {
  const runtime = realRuntime();
  const service = new SimulatedDocumentService(runtime);
  return {
    primitive: new SimulatedDocumentStore(runtime, { service }),
    peer: async () => new SimulatedDocumentStore(runtime, { service }),
    elsewhere: async () => new SimulatedDocumentStore(runtime, { service, database: 'elsewhere' }),
    dispose: async () => undefined,
  };
}

documentStoreContract('SimulatedDocumentStore', open);
