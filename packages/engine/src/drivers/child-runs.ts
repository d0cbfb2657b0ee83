/**
 * Purpose: child runs of one run, in its process: each has a drive of its own, and takes no place of its parent.
 * States of a child: opening → running → over or suspended, of which its parent is told by an event.
 * On failure: what its log book or engine throws is the parent's to throw.
 */
import { childFailure, type ChildEnd } from '../child-failure.js';
import type { Event, StartChildCommand } from '../protocol.js';
import type { Drive } from './drive.js';
import { answerOf } from './lazy-engine.js';

export interface ChildRun {
  readonly drive: Drive;
  /** To its end, or until it is suspended. */
  run(): Promise<ChildEnd | 'SUSPENDED'>;
}

interface Running {
  drive?: Drive;
  /** While it is being opened. */
  readonly orders: Event[];
}

export class ChildRuns {
  readonly #open: (command: StartChildCommand) => Promise<ChildRun>;
  readonly #running = new Map<string, Running>();

  constructor(open: (command: StartChildCommand) => Promise<ChildRun>) {
    this.#open = open;
  }

  /** Gives its end, or that it is suspended, to the parent; undefined when it runs already. */
  async run(command: StartChildCommand): Promise<Event | undefined> {
    const { flowId } = command;
    if (this.#running.has(flowId)) return undefined;
    const running: Running = { orders: [] };
    this.#running.set(flowId, running);
    try {
      const child = await this.#open(command);
      running.drive = child.drive;
      for (const order of running.orders) child.drive.send(order);
      return eventOf(command, await child.run());
    } finally {
      this.#running.delete(flowId);
    }
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
