/**
 * Purpose: after a takeover, brings the open requests of many flows to their new owner at once: asks the live workers (attach)
 * and reads the inboxes of all former owners (replay), both at the same time and in batches (P-802, P-803).
 * What is authoritative: the fence is in the journal before anything here runs. A replayed result is as good as a delivered one.
 * On failure: a place that cannot be read is read again with back-off as long as the session lives; nothing of it is decided before.
 * Not here: what follows for a request (`job-runner.ts`).
 */
import type { Clock, Fence, Logger, ReplyMessage } from '@baton/core';
import type { ReplyReplay } from '@baton/transport';
import type { AttachTarget, Dispatcher } from './dispatcher.js';
import type { LostRequest, OpenRequest, ReplyPlace } from './request-table.js';
import type { WorkerRoster } from './worker-roster.js';

/** A flow whose requests are adopted. */
export interface Adopter {
  readonly jobId: string;
  readonly fence: Fence;
  readonly turns: {
    /** The request's worker lives and is asked: it runs there, or has run, or never came. */
    adoptedFrom(requestId: string, workerEpoch: string): void;
    /** All places are read; the worker of these is gone, and no answer was found. */
    lost(requests: Iterable<LostRequest>): void;
  };
}

const RETRY_MS = 200;

export interface AdoptionDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly dispatcher: Dispatcher;
  readonly roster: WorkerRoster;
  readonly replay: ReplyReplay;
  readonly refreshWorkers: () => Promise<void>;
  readonly onReply: (message: ReplyMessage) => void;
}

export class Adoption {
  readonly #deps: AdoptionDeps;
  #batch: { adopter: Adopter; requests: readonly OpenRequest[] }[] = [];
  #stopped = false;

  constructor(deps: AdoptionDeps) {
    this.#deps = deps;
  }

  /** Flows claimed in one turn of the event loop are adopted together. */
  adopt(adopter: Adopter, requests: readonly OpenRequest[]): void {
    this.#batch.push({ adopter, requests });
    if (this.#batch.length > 1) return;
    this.#deps.clock.setImmediate(() => {
      const batch = this.#batch;
      this.#batch = [];
      void this.#run(batch);
    });
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Reads every place to the end seen now, passing on what it finds; resolves when all are read, or at `stop`. */
  async replay(places: Iterable<ReplyPlace>): Promise<void> {
    const lowest = new Map<number, number>();
    for (const { partition, from } of places)
      lowest.set(partition, Math.min(from, lowest.get(partition) ?? from));
    await Promise.all([...lowest].map(([partition, from]) => this.#read(partition, from)));
  }

  async #run(batch: readonly { adopter: Adopter; requests: readonly OpenRequest[] }[]): Promise<void> {
    const { roster, refreshWorkers, dispatcher } = this.#deps;
    const all = batch.flatMap(({ requests }) => requests);
    // a worker this copy does not know may have joined a moment ago: look before calling it gone
    if (all.some((request) => roster.get(request.workerEpoch) === undefined))
      await this.#persist(refreshWorkers);
    const targets = new Map<string, AttachTarget[]>();
    const gone = new Map<Adopter, OpenRequest[]>();
    for (const { adopter, requests } of batch) {
      gone.set(adopter, []);
      for (const request of requests) {
        if (roster.get(request.workerEpoch) === undefined) {
          gone.get(adopter)?.push(request);
          continue;
        }
        adopter.turns.adoptedFrom(request.requestId, request.workerEpoch);
        const target = {
          requestId: request.requestId,
          delivery: request.delivery,
          flowId: adopter.jobId,
          fence: adopter.fence,
        };
        const known = targets.get(request.workerEpoch);
        if (known) known.push(target);
        else targets.set(request.workerEpoch, [target]);
      }
    }
    for (const [workerEpoch, asked] of targets) dispatcher.attach(workerEpoch, asked);
    await this.replay(all.flatMap((request) => request.places));
    if (!this.#stopped) for (const [adopter, lost] of gone) adopter.turns.lost(lost);
  }

  async #read(partition: number, from: number): Promise<void> {
    let at = from;
    await this.#persist(async () => {
      await this.#deps.replay.read(partition, at, (message, position) => {
        at = position + 1;
        if (!isPassing(message)) this.#deps.onReply(message);
      });
    });
  }

  /** Repeats until it works or the ownership is over: deciding without it could run a finished task again. */
  async #persist(action: () => Promise<unknown>): Promise<void> {
    while (!this.#stopped) {
      try {
        await action();
        return;
      } catch (error) {
        this.#deps.logger.warn('adoption.retry', { error });
        await new Promise<void>((resolve) => this.#deps.clock.setTimer(RETRY_MS, resolve));
      }
    }
  }
}

/**
 * A sign of life was for the former owner. It does not say that its worker knows this one, and will answer here: its answer may stand further on in the
 * same inbox, and has to be looked for there when that worker is lost.
 */
function isPassing({ kind }: ReplyMessage): boolean {
  return kind === 'accepted' || kind === 'progress' || kind === 'heartbeat';
}
