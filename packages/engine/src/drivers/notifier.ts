/**
 * Purpose: tells listeners what happened, outside the engine's turn (engine.md section 16).
 * States: for each listener a queue, empty or being delivered.
 * What is authoritative: the log book; a notification may be lost, and says by its numbers that others were.
 * On failure: what a listener throws is logged and forgotten. One that is slow delays nobody; past `queueMax` what is newest is dropped.
 * Not here: what to tell (`run-flow.ts`).
 */
import { type Failure, InputError, type JsonValue, type Logger, toFailure } from '@baton/core';
import type { Transition } from '../apply-fact.js';
import { Queue } from '../queue.js';
import type { Progress } from './task-calls.js';

/** A change of state, or how far a task is, with where it stands in the log book (E-1608). */
export type Notification = (Transition | ({ readonly of: 'progress' } & Progress)) & {
  readonly flowId: string;
  /** Turn, and position in it. Progress belongs to no turn and has the numbers of what came before. */
  readonly seq: number;
  readonly index: number;
  /** Of SUCCESS and REVERTED. */
  readonly result?: JsonValue;
  /** Of FAILURE and REVERT_FAILURE. */
  readonly failure?: Failure;
};

export interface Listener {
  /** Only these: of flows, tasks, retries, or progress. */
  readonly of?: Notification['of'];
  /** Only changes to this state. */
  readonly to?: string;
  /** Only what this accepts. */
  readonly when?: (notification: Notification) => boolean;
  notify(notification: Notification): void | Promise<void>;
}

/** Notifications that wait for one listener. */
export const queueMax = 10_000;

interface Subscriber {
  readonly listener: Listener;
  readonly queue: Queue<Notification>;
  delivery: Promise<void> | undefined;
}

export class Notifier {
  readonly #subscribers: readonly Subscriber[];
  readonly #log: Logger | undefined;
  /** Notifications that were dropped because a listener was too slow. */
  dropped = 0;

  /** @throws InputError when the same listener is given twice for the same events (E-1606). */
  constructor(listeners: readonly Listener[], log?: Logger) {
    const known = new Map<Listener['notify'], Set<string>>();
    for (const { notify, of = '*', to = '*' } of listeners) {
      const events = known.get(notify) ?? new Set();
      if (events.has(`${of} ${to}`))
        throw new InputError('BATON_INPUT_INVALID', `a listener is given twice for ${of} ${to}`);
      known.set(notify, events.add(`${of} ${to}`));
    }
    // those that want everything are told first, then the others, each group in the order it was given
    this.#subscribers = [...listeners.filter(wantsAll), ...listeners.filter((one) => !wantsAll(one))].map(
      (listener) => ({ listener, queue: new Queue(), delivery: undefined }),
    );
    this.#log = log;
  }

  get hasListeners(): boolean {
    return this.#subscribers.length > 0;
  }

  notify(notification: Notification): void {
    for (const subscriber of this.#subscribers) {
      if (subscriber.queue.size >= queueMax) {
        this.dropped++;
        continue;
      }
      subscriber.queue.push(notification);
      subscriber.delivery ??= this.#deliver(subscriber);
    }
  }

  /** When everything was delivered. */
  async flushed(): Promise<void> {
    await Promise.all(this.#subscribers.flatMap(({ delivery }) => delivery ?? []));
    if (this.dropped > 0) this.#log?.warn('notifications dropped', { dropped: this.dropped, queueMax });
  }

  async #deliver(subscriber: Subscriber): Promise<void> {
    // never inside the call that notifies
    await Promise.resolve();
    const { listener, queue } = subscriber;
    for (let next = queue.shift(); next; next = queue.shift()) {
      try {
        if (wants(listener, next)) await listener.notify({ ...next });
      } catch (error) {
        this.#log?.warn('a listener failed', { failure: toFailure(error) });
      }
    }
    subscriber.delivery = undefined;
  }
}

function wantsAll({ of, to, when }: Listener): boolean {
  return of === undefined && to === undefined && when === undefined;
}

function wants({ of, to, when }: Listener, notification: Notification): boolean {
  if (of !== undefined && notification.of !== of) return false;
  if (to !== undefined && !('to' in notification && notification.to === to)) return false;
  return when?.(notification) ?? true;
}
