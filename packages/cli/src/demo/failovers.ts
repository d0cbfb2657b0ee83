/**
 * Purpose: how long each takeover took, from the log lines of the processes that did it. All of them log the machine's monotonic clock, and the
 * time of the kill is taken from the same one.
 * Not here: whether the work went on rightly (effects.ts).
 */
import type { MemberKind } from '@baton/core';

/** A line that a member or a guard has logged. */
export interface LogLine {
  readonly message: string;
  readonly [field: string]: unknown;
}

/** A SIGKILL that was really sent. */
export interface Kill {
  readonly member: string;
  readonly kind: MemberKind;
  /** The worker's registration that died. */
  readonly epoch?: string;
  /** Its guard died with it. */
  readonly host: boolean;
  /** Monotonic ms. */
  readonly killedAtMs: number;
  /** Unfinished jobs it owned, or that had requests on it. */
  readonly jobIds: readonly string[];
}

export interface Failover {
  readonly member: string;
  readonly kind: MemberKind;
  /** From the kill until somebody knew. */
  readonly detectMs: number;
  /** From then until the last of its jobs was claimed; 0 for a worker, whose requests stay with their owners. */
  readonly claimMs: number;
  /** From then until the last of the new owners' entries was accepted; for a worker, until its requests were given to others. */
  readonly resumeMs: number;
  readonly totalMs: number;
  /** Jobs that were taken over, or whose requests were given to others. */
  readonly jobs: number;
  /** Requests that went on under their new owner (conductor), or that were sent again (worker). */
  readonly requests: number;
  /** From the kill until the guard had ended the session; undefined when the guard died too. */
  readonly guardMs: number | undefined;
}

/** What is known of it so far; undefined before anybody has taken over. */
export function failoverOf(kill: Kill, lines: readonly LogLine[]): Failover | undefined {
  const after = (line: LogLine, field: string): boolean => Number(line[field]) > kill.killedAtMs;
  const guard = lines.find(
    (line) =>
      line.message === 'guard.session.ended' &&
      line['memberId'] === kill.member &&
      after(line, 'monotonicMs'),
  );
  const guardMs = guard === undefined ? undefined : rounded(Number(guard['monotonicMs']) - kill.killedAtMs);
  const takeovers = lines.filter((line) =>
    kill.kind === 'conductor'
      ? line.message === 'job.taken-over' &&
        line['from'] === kill.member &&
        kill.jobIds.includes(String(line['jobId'])) &&
        after(line, 'claimedAtMs')
      : line.message === 'worker.lost' && line['workerEpoch'] === kill.epoch,
  );
  if (takeovers.length === 0) return undefined;
  const seen = Math.min(...takeovers.map((line) => Number(line['seenAtMs'])));
  const isConductor = kill.kind === 'conductor';
  const claimed = isConductor ? Math.max(...takeovers.map((line) => Number(line['claimedAtMs']))) : seen;
  const resumed = Math.max(
    ...takeovers.map((line) => Number(line[isConductor ? 'fencedAtMs' : 'resentAtMs'])),
  );
  return {
    member: kill.member,
    kind: kill.kind,
    detectMs: rounded(seen - kill.killedAtMs),
    claimMs: rounded(claimed - seen),
    resumeMs: rounded(resumed - claimed),
    totalMs: rounded(resumed - kill.killedAtMs),
    jobs: isConductor ? new Set(takeovers.map((line) => line['jobId'])).size : kill.jobIds.length,
    requests: takeovers.reduce((sum, line) => sum + Number(line['requests']), 0),
    guardMs,
  };
}

/** A tenth of a millisecond: what the kernel's scheduling leaves of it. */
function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
