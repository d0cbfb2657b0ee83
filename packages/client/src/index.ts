export { Client, type ClientDeps, type ClusterReport, type JobEnd } from './client.js';
export type { AppliedCommand, AtomReport, JobReport, OwnershipReport } from './job-report.js';
export {
  type ClusterAddress,
  clusterDefaults,
  type LocalAddress,
  openClient,
  type OpenClientOptions,
  openCoordination,
  openStore,
  type ServiceAddresses,
} from './open-client.js';
export type { OutageListener } from './outage-patience.js';
export { checkedDefinition, type PostArguments, type PostOptions, type Postable } from './post-job.js';
export type { CancelOptions, CommandOptions } from './command-options.js';
