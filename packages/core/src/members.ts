/** What members tell about themselves in their ephemeral node (DESIGN 8). */
interface MemberCommon {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** Version of Baton it runs. */
  readonly version: string;
  readonly startedAtMs: number;
}

export interface ConductorInfo extends MemberCommon {
  readonly kind: 'conductor';
  /** Its inbox: the partition of the reply topic it reads. */
  readonly replyPartition: number;
  readonly maxJobs: number;
}

export interface WorkerInfo extends MemberCommon {
  readonly kind: 'worker';
  /** Its inbox: the partition of the request topic it reads. */
  readonly requestPartition: number;
  /** Requests it runs at the same time, at most `workerConcurrencyMax`. */
  readonly concurrency: number;
  readonly tasks: readonly { readonly name: string; readonly version: string }[];
}

/** Far above what one event loop carries. */
export const workerConcurrencyMax = 1_024;

export type MemberInfo = ConductorInfo | WorkerInfo;
export type MemberKind = MemberInfo['kind'];

/** A registered member. */
export type Member<I extends MemberInfo = MemberInfo> = I & {
  /** czxid of its node, hexadecimal: another registration of the same name is another epoch. */
  readonly epoch: string;
};
