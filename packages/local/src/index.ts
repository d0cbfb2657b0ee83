export { type ListenAddress, socketPathFor } from './address.js';
export { LocalCoordination, type LocalCoordinationOptions } from './local-coordination.js';
export { LocalDocumentStore, type LocalDocumentStoreOptions } from './local-document-store.js';
export { LocalPartitionLog, type LocalPartitionLogOptions } from './local-partition-log.js';
export { type LocalServer, type LocalServerOptions, startLocalServer } from './local-server.js';
export { type LocalServerProcess, spawnLocalServer, type SpawnLocalServerOptions } from './server-process.js';
