import type { Coordination, MemberInfo, PartitionLog, Runtime, SessionToken } from '@baton/core';
import type { OpenServices } from './conductor-services.js';
import type { ResolvedConductorOptions } from './options.js';
import type { Counters, HeadListener } from './ownership.js';
import type { SharedWorkDeps } from './shared-work.js';

export interface IncarnationDeps {
  readonly runtime: Runtime;
  readonly coordination: Coordination;
  readonly log: PartitionLog;
  readonly prefix: string;
  readonly board: string;
  readonly member: Pick<MemberInfo, 'id' | 'host' | 'pid' | 'version'>;
  readonly options: ResolvedConductorOptions;
  /** Opens what needs the cluster's id; kept by the conductor over sessions. */
  readonly services: (clusterId: string) => Promise<OpenServices>;
  readonly counters: Counters;
  readonly onSession: (token: SessionToken) => void;
  readonly heads?: HeadListener;
  readonly notifications: Pick<SharedWorkDeps, 'send' | 'targets'>;
  readonly retention: SharedWorkDeps['retention'];
}

export type IncarnationEnd =
  | { readonly cause: 'session-lost' | 'cut-off' | 'drained' }
  | { readonly cause: 'broken'; readonly error: unknown };
