/**
 * Purpose: child runs of one run, in its process: each has a drive of its own, and takes no place of its parent.
 * States of a child: opening → running → over or suspended, of which its parent is told by an event; over → being undone → over.
 * On failure: what its log book or engine throws is the parent's to throw.
 */
import { codeOf, toFailure } from '@baton/core';
import { childFailure, type ChildEnd } from '../child-failure.js';
import type { Event, RevertChildCommand, StartChildCommand } from '../protocol.js';
import type { Drive } from './drive.js';
import { answerOf } from './lazy-engine.js';

export interface ChildRun {
  readonly drive: Drive;
  /** To its end, or until it is suspended. */
  run(): Promise<ChildEnd | 'SUSPENDED'>;
}

export interface ChildSource {
  open(command: StartChildCommand): Promise<ChildRun>;
  /** To undo what it did, as `RevertEvent` has it; undefined: there is none. */
  reopen(flowId: string, again: boolean): Promise<(ChildRun & { readonly name: string }) | undefined>;
}

interface Running {
  drive?: Drive;
  /** While it is being opened. */
  readonly orders: Event[];
  ended: Promise<unknown>;
}

export class ChildRuns {
  readonly #source: ChildSource;
  readonly #running = new Map<string, Running>();

  constructor(source: ChildSource) {
    this.#source = source;
  }

  /** Gives its end, or that it is suspended, to the parent; undefined when it runs already. */
  async run(command: StartChildCommand): Promise<Event | undefined> {
    const { flowId } = command;
    if (this.#running.has(flowId)) return undefined;
    const end = await this.#drive(flowId, () => this.#source.open(command));
    return end && eventOf(command, end);
  }

  /** Gives how it went to the parent. */
  async undo({ atom, requestId, flowId, attempt }: RevertChildCommand): Promise<Event> {
    // it was told to stop
    await this.#running.get(flowId)?.ended;
    let name = '';
    try {
      const end = await this.#drive(flowId, async () => {
        const child = await this.#source.reopen(flowId, attempt > 1);
        name = child?.name ?? '';
        return child;
      });
      // an ordered run that was cancelled is not undone later (E-1323)
      const isLeft = typeof end === 'object' && (end.outcome === 'FAILURE' || end.outcome === 'CANCELLED');
      const failure = isLeft ? childFailure({ atom, flowId, name }, end, 'revert') : undefined;
      return answerOf(requestId, failure ? { failure } : {});
    } catch (error) {
      if (codeOf(error) !== 'BATON_CONFLICT_HALF_UNDONE') throw error;
      return answerOf(requestId, { failure: toFailure(error) });
    }
  }

  async #drive(flowId: string, open: () => Promise<ChildRun | undefined>) {
    const orders: Event[] = [];
    const running: Running = { orders, ended: Promise.resolve() };
    this.#running.set(flowId, running);
    const work = async (): Promise<ChildEnd | 'SUSPENDED' | undefined> => {
      const child = await open();
      if (!child) return undefined;
      running.drive = child.drive;
      for (const order of orders) child.drive.send(order);
      return child.run();
    };
    const end = work().finally(() => this.#running.delete(flowId));
    running.ended = end.catch(() => undefined);
    return end;
  }

  /** Has it suspended or cancelled; nothing when it does not run. */
  tell(flowId: string, order: Event): void {
    const running = this.#running.get(flowId);
    if (running?.drive) running.drive.send(order);
    else running?.orders.push(order);
  }

  cancelAll(): void {
    for (const flowId of this.#running.keys()) this.tell(flowId, { type: 'cancel', revert: true });
  }
}

function eventOf(command: StartChildCommand, end: ChildEnd | 'SUSPENDED'): Event {
  const { requestId } = command;
  if (end === 'SUSPENDED') return { type: 'childChanged', requestId, state: end, order: Infinity };
  if (end.outcome === 'CANCELLED') return { type: 'childCancelled', requestId };
  const { atom, flowId, definition } = command;
  const child = { atom, flowId, name: definition.root.name };
  return answerOf(requestId, end.outcome === 'SUCCESS' ? end : { failure: childFailure(child, end) });
}
