/** All runs of a history that somebody asked for: of planned jobs, of the slots of schedules, and the runs that these start. */
import { childIdOf, requestIdOf, type Lineage } from '@baton/core';
import { compileAny, type AnyCompiled, type AnyDefinition } from '@baton/engine';
import type { PlannedJob } from '../workload.js';
import type { StoredEntry } from '../history.js';
import { isRoutedJob, type JobEvidence, type RoutedJob } from './evidence.js';
import { atomOf } from './request-stories.js';

/** One start of a child run, as the journal of its parent has it. */
export interface ChildStart {
  readonly parent: RoutedJob;
  readonly started: StoredEntry;
  /** Activation or item. */
  readonly unit: string;
  readonly requestId: string;
  readonly childId: string;
  readonly flow: string;
}

export interface Asked {
  readonly job: Pick<PlannedJob<AnyDefinition>, 'jobId' | 'definition' | 'priority'>;
  readonly told: string | undefined;
}

/** Those first that were asked for; each run behind its parent. */
export function runsOf(
  asked: Iterable<Asked>,
  journals: ReadonlyMap<string, readonly StoredEntry[]>,
): readonly JobEvidence[] {
  const found: JobEvidence[] = [];
  const compiled = new Map<AnyDefinition, AnyCompiled>();
  const take = ({ job, told }: Asked): void => {
    const known = compiled.get(job.definition) ?? compileAny(job.definition);
    compiled.set(job.definition, known);
    found.push({ job, told, compiled: known, entries: journals.get(job.jobId) ?? [] });
  };
  for (const each of asked) take(each);
  for (const job of found) {
    if (!isRoutedJob(job)) continue;
    for (const { childId: jobId, flow } of childStarts(job)) {
      const definition = job.compiled.subFlows.get(flow);
      if (definition && journals.has(jobId))
        take({ job: { jobId, definition, priority: job.job.priority }, told: undefined });
    }
  }
  return found;
}

export function* childStarts(parent: RoutedJob): Generator<ChildStart> {
  const { job, entries } = parent;
  const rootId = lineageOf(entries)?.rootId ?? job.jobId;
  const atoms = new Map(job.definition.root.atoms.map((atom) => [atom.name, atom]));
  for (const started of entries)
    for (const fact of started.entry.facts) {
      if (fact.fact !== 'activation' || fact.to !== 'RUNNING' || fact.attempt === undefined) continue;
      const { activation: unit, attempt } = fact;
      const { flow, forEach } = atoms.get(atomOf(unit)) ?? {};
      // of a fan-out the items have one each
      if (typeof flow !== 'string' || (forEach && !unit.endsWith(']'))) continue;
      const requestId = requestIdOf({ flowId: job.jobId, atom: unit, action: 'execute', round: 0, attempt });
      yield { parent, started, unit, requestId, childId: childIdOf(requestId, rootId), flow };
    }
}

export function lineageOf([first]: readonly StoredEntry[]): Lineage | undefined {
  return first?.entry.kind === 'post' ? first.entry.post.lineage : undefined;
}
