/** C-1113: what waits for an event ends with one that its run was told of, and a run is told of each event once, again only as long as it has ended no wait. */
import { waitEventTask } from '@baton/flow';
import type { StoredCommand } from '../history.js';
import { isRoutedJob, type Evidence, type RoutedJob, type Violations } from './evidence.js';
import { atomOf, outcomesOf } from './request-stories.js';

export function* eventRules(evidence: Evidence): Violations {
  const told = toldByJob(evidence.history.commands ?? new Map());
  for (const [jobId, events] of told) {
    const values = events.flatMap(({ command: { arguments: given } }) =>
      given?.['first'] === undefined ? [JSON.stringify(given?.['value'])] : [],
    );
    const twice = values.find((value, index) => values.indexOf(value) !== index);
    if (twice !== undefined) yield `C-1113 ${jobId} was told twice of ${twice}`;
  }
  for (const job of evidence.jobs)
    if (isRoutedJob(job)) {
      yield* outcomesAreEvents(job, told.get(job.job.jobId) ?? []);
      yield* eventsCountOnce(job);
    }
}

/** Whatever is told again, one of the commands has an effect. */
function* eventsCountOnce({ job, entries }: RoutedJob): Violations {
  const had = new Set<number>();
  for (const fact of entries.flatMap(({ entry }) => entry.facts)) {
    if (fact.fact !== 'command' || fact.command !== 'event' || fact.refused !== undefined) continue;
    const { n, first = n } = fact;
    if (had.has(first)) yield `C-1113 ${job.jobId} had the event of command ${first} twice`;
    had.add(first);
  }
}

function toldByJob(
  commands: ReadonlyMap<string, StoredCommand>,
): ReadonlyMap<string, readonly StoredCommand[]> {
  const found = new Map<string, StoredCommand[]>();
  for (const stored of commands.values())
    if (stored.command.command === 'event')
      found.set(stored.jobId, [...(found.get(stored.jobId) ?? []), stored]);
  return found;
}

function* outcomesAreEvents(job: RoutedJob, told: readonly StoredCommand[]): Violations {
  const names = new Map<string, unknown>();
  for (const { name, task, input } of job.job.definition.root.atoms)
    if (task === waitEventTask) names.set(name, input && 'name' in input ? input['name'] : undefined);
  for (const { requestId, fact, stored } of outcomesOf(job)) {
    if (fact.fact !== 'activation' || fact.to !== 'SUCCESS' || !names.has(atomOf(fact.activation))) continue;
    // of a fan-out the whole has a list
    if (fact.value && 'data' in fact.value && Array.isArray(fact.value.data)) continue;
    const value = JSON.stringify(fact.value ?? null);
    const event = told.find(({ command, order }) => {
      const given = command.arguments ?? {};
      const isOfName = given['name'] === names.get(atomOf(fact.activation));
      return isOfName && order < stored.order && JSON.stringify(given['value']) === value;
    });
    if (event === undefined) yield `C-1113 ${requestId} ended with ${value}, of which its run was not told`;
  }
}
