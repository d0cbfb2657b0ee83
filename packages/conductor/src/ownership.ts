import type { JournalEntry, Refused, Runtime } from '@baton/core';
import type { Claim, JobBoard } from '@baton/jobboard';
import type { Journal, Payloads, Snapshots } from '@baton/persistence';
import type { ChildJobs } from './child-jobs.js';
import type { CommandWatch } from './command-watch.js';
import type { Dispatcher } from './dispatcher.js';
import type { EventWaits } from './event-waits.js';
import type { EndReason, JobRunner } from './job-runner.js';
import type { PlaceQueue } from './place-queue.js';
import type { OpenRequest } from './request-table.js';
import type { WorkerRoster } from './worker-roster.js';

/** Counted since the start of the process; for logs, benches and the report of the demo. */
export interface Counters {
  claimed: number;
  takenOver: number;
  settled: number;
  /** Own entries refused because another owner had written. */
  fenced: number;
  /** Requests found running or finished on a live worker, or answered in a former owner's inbox, after a takeover. */
  adopted: number;
  /** Requests sent again because their worker was lost. */
  redelivered: number;
  /** Results that came when nobody waited for them any more: of a worker that was given up, or a second time. */
  superseded: number;
}

/** Told of each entry that was accepted, so that somebody can tell the next owner when this process is dead. */
export interface HeadListener {
  /** Entry `seq` is the newest of the job that this owner knows. Called once a turn: it must cost next to nothing. */
  changed(jobId: string, seq: number): void;
  /** The job is not owned any more. */
  gone(jobId: string): void;
}

/** What the runners of one session share: services, and the ways back to the incarnation that owns them. */
export interface Ownership {
  readonly runtime: Runtime;
  readonly board: JobBoard;
  readonly journal: Journal;
  readonly payloads: Payloads;
  readonly snapshots: Snapshots;
  readonly roster: WorkerRoster;
  readonly dispatcher: Dispatcher;
  /** Who gets the next free places of workers. */
  readonly places: PlaceQueue;
  /** Child runs of owned flows. */
  readonly children: ChildJobs;
  /** What owned flows wait for that is sent from outside. */
  readonly events: EventWaits;
  /** What was ordered about owned flows. */
  readonly commands: CommandWatch;
  readonly counters: Counters;
  readonly heads: HeadListener | undefined;
  /** False while the session has been without contact for too long: nothing new is decided (P-704). */
  mayDecide(): boolean;
  /** Where an answer to a request saved now will stand, at the earliest. */
  inboxPlace(): { readonly replyPartition: number; readonly replyFrom: number };
  /** Brings requests of a former owner here. */
  adopt(runner: JobRunner, requests: readonly OpenRequest[]): void;
  /** A request was assigned to a worker that is gone by now. */
  workerGone(workerEpoch: string, runner: JobRunner, requestIds: readonly string[]): void;
  /** A worker did not take a request: it should not be asked again at once, or at all. */
  workerRefused(message: Refused): void;
  /** An entry is stored: read models and events follow. Never throws. */
  notify(runner: JobRunner, entry: JournalEntry): void;
  /** A run that had ended is about to be reopened: nobody is to be told any more that it is over. @throws UnavailableError */
  reopens(jobId: string): Promise<void>;
  /** Entries of a run that were loaded, and what this owner added: read models follow. Never throws. */
  resume(entries: readonly JournalEntry[], claim: Claim): void;
  /** The runner ended and owns nothing any more. */
  released(runner: JobRunner, reason: EndReason): void;
  /** Something that must not happen did: the process ends with a report. */
  fatal(error: unknown): void;
}
