export type { BoardEvent, BoardView } from './board-view.js';
export type { Claim, FoundJob, LockOwner, Waits } from './claims.js';
export type { DormantJob } from './dormant-jobs.js';
export { headHintWords } from './head-hints.js';
export { JobBoard, type JobBoardOptions, type JobListing, type JobReading } from './job-board.js';
export { bucketIndexOf, buckets, layoutVersion, readMeta, type JobKey, type SlotKind } from './layout.js';
export type { MemberChange, MemberListener, MemberWatch } from './member-watch.js';
export {
  defaultNamespace,
  encodePosting,
  isServed,
  postingBytesMax,
  postingVersion,
  postingWith,
  priorities,
  type Posting,
  type Priority,
} from './posting.js';
