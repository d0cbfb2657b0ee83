/** The message log: worker inboxes and conductor inboxes. */
import type { ReplyMessage, RequestMessage, State } from './state.js';
import { withAt } from './state.js';
import type { Rules } from './variant.js';

/** To whoever reads that worker's inbox now. */
export function toWorker(rules: Rules, state: State, worker: number, message: RequestMessage): void {
  for (const [index, each] of state.workers.entries())
    if (each.isAlive && rules.inboxOf(index) === rules.inboxOf(worker)) each.inbox = [...each.inbox, message];
}

export function reply(state: State, inbox: number, message: ReplyMessage): void {
  state.replies = withAt(state.replies, inbox, [...(state.replies[inbox] ?? []), message]);
}

export function hasResult(
  { replies }: State,
  places: readonly (readonly [inbox: number, from: number])[],
  step: number,
): boolean {
  return places.some(([inbox, from]) =>
    replies[inbox]?.some((each, index) => index >= from && each.type === 'result' && each.step === step),
  );
}
