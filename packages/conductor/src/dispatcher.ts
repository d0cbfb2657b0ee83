/**
 * Purpose: sends requests and notices of this conductor to workers. Called only after the entry that justifies it was saved.
 * States: ids of requests whose results are stored collect per worker; they ride on the next request to it, or leave as one
 * notice after 100 ms (P-913).
 * On failure: the outbox below repeats; a message to a worker that is gone is dropped, its loss brings the request back. A notice
 *   that an overfull outbox does not take is dropped: what is asked is asked again, a result not confirmed expires at its worker, and a
 *   task that was not told to stop runs to its end or its timeout.
 */
import { codeOf, familyOf, InputError } from '@baton/core';
import type { DelegateLink, Fence, RequestMessage, Runtime, TaskRequest } from '@baton/core';
import type { Outbox } from '@baton/transport';
import type { LiveWorker } from './worker-roster.js';

const FORGET_AFTER_MS = 100;
const FORGET_AT_ONCE_MAX = 200;
const ATTACH_MAX = 500;

/** A request as far as its flow knows it; `opens`: it asks for the answer of a delegate to this request, and takes a link to it. */
export type UnsentRequest = Omit<TaskRequest, 'kind' | 'replyPartition' | 'sentAtMs' | 'forget' | 'link'> & {
  readonly opens?: string;
};

/** Makes the link under which a request of a delegate is answered: the same one each time. Undefined: there is no key. */
export type MakeDelegateLink = (requestId: string) => DelegateLink | undefined;

export interface AttachTarget {
  readonly requestId: string;
  readonly delivery: number;
  readonly flowId: string;
  readonly fence: Fence;
}

export class Dispatcher {
  readonly #outbox: Pick<Outbox, 'sendRequest'>;
  readonly #runtime: Pick<Runtime, 'clock' | 'logger'>;
  readonly #replyPartition: number;
  readonly #linkTo: MakeDelegateLink;
  readonly #workers: { get(epoch: string): LiveWorker | undefined };
  readonly #stored = new Map<string, { ids: string[]; cancelTimer: () => void }>();

  constructor(deps: {
    readonly outbox: Pick<Outbox, 'sendRequest'>;
    readonly runtime: Pick<Runtime, 'clock' | 'logger'>;
    readonly replyPartition: number;
    readonly linkTo: MakeDelegateLink;
    readonly workers: { get(epoch: string): LiveWorker | undefined };
  }) {
    this.#outbox = deps.outbox;
    this.#runtime = deps.runtime;
    this.#replyPartition = deps.replyPartition;
    this.#linkTo = deps.linkTo;
    this.#workers = deps.workers;
  }

  /** @throws InputError `BATON_INPUT_TOO_LARGE` when the arguments do not fit a message, `BATON_INPUT_NO_DELEGATE_KEYS` */
  request({ opens, ...message }: UnsentRequest): void {
    const worker = this.#workers.get(message.workerEpoch);
    if (worker === undefined) return;
    const link = opens === undefined ? undefined : this.#link(opens);
    const send = (forget: readonly string[]): void =>
      this.#outbox.sendRequest(worker.requestPartition, {
        kind: 'request',
        ...message,
        ...(link && { link }),
        replyPartition: this.#replyPartition,
        sentAtMs: this.#runtime.clock.wallMs(),
        forget,
      });
    const forget = this.#stored.get(worker.epoch)?.ids ?? [];
    try {
      send(forget);
    } catch (error) {
      if (forget.length === 0 || codeOf(error) !== 'BATON_INPUT_TOO_LARGE') throw error;
      return send([]); // whether it fits must not depend on what would ride along, which leaves by itself
    }
    this.#take(worker.epoch);
  }

  /** Asks a worker what it knows of these requests; the answers come to this conductor's inbox (P-803). */
  attach(workerEpoch: string, targets: readonly AttachTarget[]): void {
    for (let from = 0; from < targets.length; from += ATTACH_MAX)
      this.#send(workerEpoch, {
        kind: 'attach',
        workerEpoch,
        replyPartition: this.#replyPartition,
        requests: targets.slice(from, from + ATTACH_MAX),
      });
  }

  cancel(workerEpoch: string, target: Omit<AttachTarget, 'delivery'>, reason: string): void {
    this.#send(workerEpoch, {
      kind: 'control',
      workerEpoch,
      requestId: target.requestId,
      flowId: target.flowId,
      fence: target.fence,
      command: 'cancel',
      reason,
    });
  }

  /** Its run is over: it is to stop, and nobody will ever store what it gives. */
  giveUp(workerEpoch: string, target: Omit<AttachTarget, 'delivery'>, reason: string): void {
    this.cancel(workerEpoch, target, reason);
    this.forget(workerEpoch, target.requestId);
  }

  /** The result of the request is stored: the worker may drop it. */
  forget(workerEpoch: string, requestId: string): void {
    const known = this.#stored.get(workerEpoch);
    if (known) {
      known.ids.push(requestId);
      if (known.ids.length >= FORGET_AT_ONCE_MAX) this.#flush(workerEpoch);
      return;
    }
    this.#stored.set(workerEpoch, {
      ids: [requestId],
      cancelTimer: this.#runtime.clock.setTimer(FORGET_AFTER_MS, () => this.#flush(workerEpoch)),
    });
  }

  stop(): void {
    for (const { cancelTimer } of this.#stored.values()) cancelTimer();
    this.#stored.clear();
  }

  #link(requestId: string): DelegateLink {
    const link = this.#linkTo(requestId);
    if (link !== undefined) return link;
    throw new InputError(
      'BATON_INPUT_NO_DELEGATE_KEYS',
      'a delegate asks for its answer by a link, and this conductor has no key to make one (delegate.keys)',
    );
  }

  #flush(workerEpoch: string): void {
    const requestIds = this.#take(workerEpoch);
    if (requestIds.length > 0) this.#send(workerEpoch, { kind: 'forget', workerEpoch, requestIds });
  }

  #take(workerEpoch: string): readonly string[] {
    const known = this.#stored.get(workerEpoch);
    if (known === undefined) return [];
    known.cancelTimer();
    this.#stored.delete(workerEpoch);
    return known.ids;
  }

  #send(workerEpoch: string, message: RequestMessage): void {
    const worker = this.#workers.get(workerEpoch);
    if (worker === undefined) return;
    try {
      this.#outbox.sendRequest(worker.requestPartition, message);
    } catch (error) {
      if (familyOf(error) !== 'unavailable') throw error;
      this.#runtime.logger.warn('notice.not-sent', { kind: message.kind, workerEpoch, error });
    }
  }
}
