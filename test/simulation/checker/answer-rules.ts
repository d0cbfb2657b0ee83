/** P-803, P-911: a worker that several owners asked for one request does not answer an older one than it knows. */
import { compareFences, type Fence } from '@baton/core';
import type { Asked } from '../history.js';
import type { Evidence, Violations } from './evidence.js';

interface Inquiry {
  readonly workerEpoch: string;
  readonly fence: Fence;
  readonly replyPartition: number;
  readonly atMs: number;
}

/** Reading what stands in an inbox takes less, when nothing is wrong with the log or the worker. */
const readMs = 1_000;
const faultsOfReading: readonly string[] = [
  'log slow',
  'link cut',
  'log request',
  'log loses what it acknowledged',
  'pause worker',
];

/** Tells only of runs in which no fault could make reading or answering take longer. */
export function* answerRules({ history, struck }: Evidence): Violations {
  if (faultsOfReading.some((kind) => struck.has(kind))) return;
  const inquiries = inquiriesOf(history.asked);
  for (const { message, partition, atMs, isRegistered } of history.replies) {
    // a worker that has lost its session reads nothing any more, and may still answer (P-918)
    if (message.kind !== 'result' || !isRegistered) continue;
    const { requestId, workerEpoch } = message;
    const known = (inquiries.get(requestId) ?? []).filter(
      (each) => each.workerEpoch === workerEpoch && each.atMs < atMs,
    );
    for (const read of known) {
      if (read.atMs > atMs - readMs) continue;
      const isNewer = ({ fence }: Inquiry): boolean => compareFences(fence, read.fence) >= 0;
      if (known.some((each) => isNewer(each) && each.replyPartition === partition)) continue;
      yield `P-803 ${requestId} was answered to inbox ${partition}, a newer owner had asked from inbox ${read.replyPartition}`;
      break;
    }
  }
}

/** By request id: its sendings, and what new owners asked about it. */
function inquiriesOf(asked: readonly Asked[]): ReadonlyMap<string, readonly Inquiry[]> {
  const found = new Map<string, Inquiry[]>();
  for (const { message, atMs } of asked) {
    if (message.kind !== 'request' && message.kind !== 'attach') continue;
    const { workerEpoch, replyPartition } = message;
    for (const { requestId, fence } of message.kind === 'request' ? [message] : message.requests)
      found.set(requestId, [...(found.get(requestId) ?? []), { workerEpoch, fence, replyPartition, atMs }]);
  }
  return found;
}
