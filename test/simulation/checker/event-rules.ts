/** C-1113: what waits for an event ends with one that its run was told of, and a run is told of each event once, again only as long as it has ended no wait; what waits while one is sent is not over for want of one. */
import { waitEventTask } from '@baton/flow';
import type { AcknowledgedEvent, StoredCommand } from '../history.js';
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
      const sent = evidence.history.acknowledgedEvents ?? [];
      yield* sentIsHad(
        job,
        sent.filter(({ jobId }) => jobId === job.job.jobId),
      );
    }
}

/** An event that is acknowledged while an attempt waits for it has ended it by the time that the attempt may take. */
function* sentIsHad(job: RoutedJob, sent: readonly AcknowledgedEvent[]): Violations {
  const names = eventNames(job);
  const begun = new Map<string, number>();
  for (const { order, entry } of job.entries)
    for (const fact of entry.facts)
      if (fact.fact === 'activation' && fact.to === 'RUNNING') begun.set(fact.activation, order);
      else if (fact.fact === 'activation' && fact.failure?.code === 'TIMEOUT_WAIT') {
        const name = names.get(atomOf(fact.activation));
        const since = begun.get(fact.activation) ?? order;
        const event = sent.find((each) => each.name === name && each.order > since && each.order < order);
        if (event)
          yield `C-1113 ${job.job.jobId}: ${fact.activation} waited for ${event.name} in vain, which was sent`;
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

/** Of what its atoms wait for. */
function eventNames({ job }: RoutedJob): ReadonlyMap<string, unknown> {
  const names = new Map<string, unknown>();
  for (const { name, task, input } of job.definition.root.atoms)
    if (task === waitEventTask) names.set(name, input && 'name' in input ? input['name'] : undefined);
  return names;
}

function* outcomesAreEvents(job: RoutedJob, told: readonly StoredCommand[]): Violations {
  const names = eventNames(job);
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
