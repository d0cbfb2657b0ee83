export { createEgress, type Egress, EgressRefused, type EgressRequest } from './egress.js';
export { Inbox, type InboxOptions, type Received } from './inbox.js';
export { Outbox, type OutboxOptions } from './outbox.js';
export type { Poison } from './poison.js';
export { ReplyReplay, type ReplyReplayOptions } from './reply-replay.js';
export { ensureTopics, topicsOf, type SlotCounts, type Topics } from './topics.js';
