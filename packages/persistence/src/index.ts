export { collectionNames, collectionSpecs } from './collections.js';
export { checkTexts, commandIdOf, Commands, type NumberedCommand, type OperatorCommand } from './commands.js';
export { Definitions } from './definitions.js';
export { entryIdOf, entrySizeOf, schemaVersion, splitFacts } from './entry-codec.js';
export { Environments, type NamedEnvironment } from './environments.js';
export { type BoardEvent, Events, type EventWait, type KeptEvent, type SentEvent, toldOf } from './events.js';
export type { FlowJournal } from './flow-journal.js';
export type { JournalHead, KnownEntries } from './head-search.js';
export { FlowView, type AtomView, type FailureSummary, type FlowDetail } from './flow-view.js';
export { documentBytesMax } from './group-insert.js';
export { installFence, type FenceRequest, type FenceResult } from './install-fence.js';
export { JobRecords, type JobPost, type JobRecord } from './job-records.js';
export { Journal, type AppendResult } from './journal.js';
export { Payloads, type PayloadLimits } from './payloads.js';
export { NotificationRecords, type Notifications, type NotifyProgress } from './notifications.js';
export { openPersistence, type Persistence, type PersistenceOptions } from './persistence.js';
export {
  checkPostSize,
  contentHashOf,
  type EnvironmentName,
  type GivenWithJob,
  placeJob,
} from './place-job.js';
export { ReadModels, type ObservedFlow } from './read-models.js';
export {
  catchUps,
  overlaps,
  Schedules,
  type Schedule,
  type ScheduleContent,
  type ScheduledPost,
  type ScheduleSlot,
} from './schedules.js';
export { checkTimes, isoTime, nextSlot, slotsBetween, type ScheduleTimes } from './schedule-times.js';
export { isReopening, putBack, type Reopening, reopeningOf } from './reopening.js';
export {
  purgedAfterMs,
  Retention,
  type EndedJob,
  type JobEnding,
  type Standing,
  type StoredJob,
} from './retention.js';
export { Snapshots, snapshotEveryEntries, type Snapshot } from './snapshots.js';
