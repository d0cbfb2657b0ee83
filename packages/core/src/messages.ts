/**
 * What conductors and workers tell each other (reliability 9.4), as plain data; @baton/wire turns it into protobuf and back.
 */
import type { Failure } from './failure.js';
import type { Fence } from './fence.js';
import type { Action } from './ids.js';
import type { InlineValue } from './value.js';

/** Where one attempt of a delegate is answered. A secret: whoever has it can answer; in no log, error or journal (C-1104). */
export interface DelegateLink {
  readonly token: string;
  readonly url: string;
}

/** One execution or reversion asked of a worker; `delivery` is its n-th sending under the same id. */
export interface TaskRequest {
  readonly kind: 'request';
  readonly requestId: string;
  readonly delivery: number;
  readonly flowId: string;
  readonly atom: string;
  readonly action: Action;
  readonly fence: Fence;
  /** Addressee: a worker of another epoch neither executes nor answers. */
  readonly workerEpoch: string;
  /** Inbox of the asking conductor. */
  readonly replyPartition: number;
  readonly task: string;
  readonly taskVersion: string;
  readonly attempt: number;
  readonly round: number;
  /** Resolved arguments by parameter name. */
  readonly args: Readonly<Record<string, InlineValue>>;
  /** For `revert`: what `execute` came to (absent: it never finished). */
  readonly result?: { readonly value: InlineValue } | { readonly failure: Failure };
  /** For `revert`: recorded execute failures by atom name. */
  readonly flowFailures?: Readonly<Record<string, Failure>>;
  /** Longest time the attempt may run on the worker, in ms; absent = no limit. */
  readonly timeoutMs?: number;
  /** For a task that asks for the answer of a delegate. */
  readonly link?: DelegateLink;
  /** Wall time of sending, for display. */
  readonly sentAtMs: number;
  readonly traceparent?: string;
  /** Requests of this conductor whose results are stored: the worker may drop the values (rides along, P-913). */
  readonly forget: readonly string[];
}

/** New owner asks a worker what it knows of requests it may have (PROBE, P-803); at most 500 a message. */
export interface Attach {
  readonly kind: 'attach';
  readonly workerEpoch: string;
  readonly replyPartition: number;
  readonly requests: readonly {
    readonly requestId: string;
    readonly delivery: number;
    readonly flowId: string;
    readonly fence: Fence;
  }[];
}

/** Results of these requests are stored (DONE). The ids stay known as finished. */
export interface Forget {
  readonly kind: 'forget';
  readonly workerEpoch: string;
  readonly requestIds: readonly string[];
}

/** Stop working on a request: the task's signal is aborted; whatever it ends with is still answered. */
export interface Control {
  readonly kind: 'control';
  readonly workerEpoch: string;
  readonly requestId: string;
  readonly flowId: string;
  readonly fence: Fence;
  readonly command: 'cancel';
  readonly reason: string;
}

export type RequestMessage = TaskRequest | Attach | Forget | Control;

interface ReplyCommon {
  readonly worker: string;
  readonly workerEpoch: string;
}
interface ReplyToRequest extends ReplyCommon {
  readonly requestId: string;
  readonly delivery: number;
}

/** Sent only when the task is still running after 100 ms, and in answer to an attach for a running task. */
export interface Accepted extends ReplyToRequest {
  readonly kind: 'accepted';
}
/** Not started and never will be under this delivery: worker is draining, full, or has no such task. */
export interface Refused extends ReplyToRequest {
  readonly kind: 'refused';
  readonly reason: 'draining' | 'no-such-task' | 'overloaded' | 'undecodable';
}
export interface Progress extends ReplyToRequest {
  readonly kind: 'progress';
  /** 0 to 1. */
  readonly progress: number;
  readonly message?: string;
}
/** Exactly one of value and failure. Kept by the worker until forgotten. */
export interface Result extends ReplyToRequest {
  readonly kind: 'result';
  readonly outcome: { readonly value: InlineValue } | { readonly failure: Failure };
}
/** Answer to an attach: never seen under this delivery, and this and lower deliveries will be refused from now on. */
export interface Unknown extends ReplyToRequest {
  readonly kind: 'unknown';
}
/** Sent every heartbeat interval to each reply partition with running requests. */
export interface Heartbeat extends ReplyCommon {
  readonly kind: 'heartbeat';
  readonly running: readonly string[];
  readonly free: number;
  readonly draining: boolean;
}

export type ReplyMessage = Accepted | Refused | Progress | Result | Unknown | Heartbeat;
