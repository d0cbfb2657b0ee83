import { formatFence, requestIdOf } from '@baton/core';
import type { Evidence, JobEvidence } from './evidence.js';

/** What happened to one request, in order. */
export interface RequestEvent {
  readonly order: number;
  readonly what: 'assigned' | 'answered' | 'stored';
  /** Number of the owner that wrote it, from 0. */
  readonly owner: number;
  readonly delivery: number;
  readonly isRegistered: boolean;
}

/** By request id: its assignments, its results in the log, and its success in the journal. */
export function requestStories({ jobs, history }: Evidence): ReadonlyMap<string, readonly RequestEvent[]> {
  const stories = new Map<string, RequestEvent[]>();
  const tell = (requestId: string, event: RequestEvent): void => {
    stories.set(requestId, [...(stories.get(requestId) ?? []), event]);
  };
  for (const job of jobs) assignedAndStored(job, tell);
  for (const { message, order, isRegistered } of history.replies)
    if (message.kind === 'result' && stories.has(message.requestId))
      tell(message.requestId, {
        order,
        what: 'answered',
        owner: 0,
        delivery: message.delivery,
        isRegistered,
      });
  for (const [requestId, story] of stories) {
    story.sort((a, b) => a.order - b.order);
    // undone without being asked for, because nothing had run
    if (!story.some(({ what }) => what === 'assigned')) stories.delete(requestId);
  }
  return stories;
}

function assignedAndStored(
  { job, entries }: JobEvidence,
  tell: (requestId: string, event: RequestEvent) => void,
): void {
  const owners = new Map<string, number>();
  const open = new Map<string, string>();
  for (const { entry, order } of entries) {
    const fence = formatFence(entry.fence);
    const owner = owners.get(fence) ?? owners.size;
    owners.set(fence, owner);
    const common = { order, owner, isRegistered: false };
    for (const fact of entry.facts) {
      if (fact.fact === 'request' && fact.state === 'assigned')
        tell(fact.requestId, { ...common, what: 'assigned', delivery: fact.delivery });
      if (fact.fact === 'attempt')
        open.set(fact.atom, (open.get(fact.atom) ?? '').replace(/\.\d+$/, `.${fact.attempt}`));
      if (fact.fact !== 'atom') continue;
      const { atom, to, round = 0, attempt = 1 } = fact;
      if (to === 'RUNNING' || to === 'REVERTING') {
        const action = to === 'RUNNING' ? 'execute' : 'revert';
        open.set(atom, requestIdOf({ flowId: job.jobId, atom, action, round, attempt }));
      } else if ((to === 'SUCCESS' || to === 'REVERTED') && open.has(atom) && !atom.endsWith('_retry'))
        tell(open.get(atom) ?? '', { ...common, what: 'stored', delivery: 0 });
    }
  }
}
