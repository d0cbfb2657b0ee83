/**
 * Purpose: compares what was to be done with what was done, by the ledger that the tasks wrote: nothing missing, and what was done twice.
 * Done twice is allowed by "at least once", but only where a worker was killed between its effect and its answer.
 */
import type { LedgerLine } from './ledger.js';

export interface ExpectedJob {
  readonly flowId: string;
  /** Atoms that must have run to their end. */
  readonly executed: readonly string[];
  /** Atoms that must have been undone to their end. */
  readonly reverted: readonly string[];
}

export interface DoubledEffect {
  readonly requestId: string;
  readonly times: number;
  /** Workers that did it, in order. */
  readonly workers: readonly string[];
  /** True when all but the last of them were killed. */
  readonly byKill: boolean;
}

export interface EffectsReport {
  /** Effects that should have been there and are not: `flowId/atom/action`. */
  readonly lost: readonly string[];
  readonly doubled: readonly DoubledEffect[];
  /** Begun and never ended: by workers that were killed. */
  readonly interrupted: number;
  /** Effects that were completed, repetitions included. */
  readonly done: number;
}

export function checkEffects(
  lines: readonly LedgerLine[],
  expected: readonly ExpectedJob[],
  killedPids: ReadonlySet<number>,
): EffectsReport {
  const ended = lines.filter((line) => line.event === 'end');
  const present = new Set(ended.map((line) => `${line.flowId}/${line.atom}/${line.action}`));
  const wanted = expected.flatMap(({ flowId, executed, reverted }) => [
    ...executed.map((atom) => `${flowId}/${atom}/execute`),
    ...reverted.map((atom) => `${flowId}/${atom}/revert`),
  ]);
  const byRequest = new Map<string, LedgerLine[]>();
  for (const line of ended) byRequest.set(line.requestId, [...(byRequest.get(line.requestId) ?? []), line]);
  const doubled = [...byRequest].flatMap(([requestId, times]) =>
    times.length < 2
      ? []
      : [
          {
            requestId,
            times: times.length,
            workers: times.map(({ worker }) => worker),
            byKill: times.slice(0, -1).every(({ pid }) => killedPids.has(pid)),
          },
        ],
  );
  const delivery = ({ requestId, delivery: n, pid }: LedgerLine): string => `${requestId} ${n} ${pid}`;
  const finished = new Set(ended.map(delivery));
  return {
    lost: wanted.filter((effect) => !present.has(effect)),
    doubled,
    interrupted: lines.filter(
      (line) => line.event === 'start' && killedPids.has(line.pid) && !finished.has(delivery(line)),
    ).length,
    done: ended.length,
  };
}
