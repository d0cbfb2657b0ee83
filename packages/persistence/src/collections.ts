import type { CollectionSpec } from '@baton/core';

/**
 * Every collection of the store (reliability 3.2). The first group is insert-only: what is there never changes, so a
 * stale read is old but never wrong. The second group is replaced by id and decides nothing.
 */
export const collectionNames = {
  /** Truth of every run; `_id` = `<flowId>:<seq>`. */
  journal: 'journal',
  /** Parts of folded states. */
  snapshots: 'snapshots',
  /** Flow JSON by its SHA-256. */
  definitions: 'definitions',
  /** Encoded user values above the inline limit, by SHA-256. */
  payloads: 'payloads',
  /** Operator commands; `_id` = `<flowId>:cmd:<n>`, nine digits. */
  commands: 'commands',
  /** Commands that were given under a key; `_id` = `<flowId>:key:<key>`. */
  commandKeys: 'command_keys',
  /** Schema versions and the cluster this store belongs to; `probe`, which is written over, says when the store was last asked whether it is back. */
  meta: 'meta',
  /** Revisions of schedules; `_id` = `<scheduleId>:<revision>`. Superseded ones are deleted after a while. */
  schedules: 'schedules',
  /** What was decided about each slot of a schedule; `_id` = `<scheduleId>:<time>`. Only its `isDone` and `revision` change; old ones are deleted. */
  scheduleSlots: 'schedule_slots',
  /** Revisions of named environments; `_id` = `<board>/<name>:<revision>`. Superseded ones are emptied at once, and deleted after a while. */
  environments: 'environments',
  /** Who is to be told of a job, inserted once; and how far they are, which decides nothing but what is told again. */
  notifications: 'notifications',
  /** Attempts that wait for an event from outside; `_id` = the request. Deleted when they do so no more. */
  eventWaits: 'event_waits',
  /** Events from outside for runs that do not wait yet; `_id` = `<until>:<eventId>`. Deleted when that time is over. */
  keptEvents: 'kept_events',
  /** Ended flows: last word, by job id. */
  jobArchive: 'job_archive',

  /** What was posted; inserted once, afterwards only its state changes, last that it was deleted. */
  jobs: 'jobs',
  /** Where the newest snapshot of a flow is. A hint. */
  heads: 'heads',
  /** Flows that run. A read model, may lag. */
  flowDetails: 'flow_details',
} as const;

export type CollectionName = (typeof collectionNames)[keyof typeof collectionNames];

const indexes: Partial<Record<CollectionName, readonly string[]>> = {
  snapshots: ['flowId'],
  commands: ['flowId'],
  command_keys: ['flowId'],
  jobs: ['state', 'rootId'],
  flow_details: ['waitsFor'],
  schedules: ['board', 'scheduleId'],
  environments: ['board', 'key'],
  notifications: ['state'],
  schedule_slots: ['scheduleId'],
  event_waits: ['subject', 'flowId'],
  kept_events: ['subject', 'given'],
};

export const collectionSpecs: readonly CollectionSpec[] = Object.values(collectionNames).map((name) => ({
  name,
  indexes: indexes[name] ?? [],
}));
