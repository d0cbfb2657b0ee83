import { formatFence, requestIdOf, type ActivationFact, type AtomFact, type AttemptFact } from '@baton/core';
import type { StoredEntry } from '../history.js';
import type { Evidence, JobEvidence } from './evidence.js';

/** What the journal says became of a request: with `attempt` it failed and another one follows. */
export interface Outcome {
  readonly requestId: string;
  readonly stored: StoredEntry;
  readonly fact: AtomFact | AttemptFact | ActivationFact;
}

/** In order. Also of what ended without having been asked for. */
export function* outcomesOf({ job, entries }: Pick<JobEvidence, 'job' | 'entries'>): Generator<Outcome> {
  const open = new Map<string, string>();
  for (const stored of entries)
    for (const fact of stored.entry.facts) {
      if (fact.fact === 'activation') yield* activationOutcome(fact, stored, open);
      if (fact.fact !== 'atom' && fact.fact !== 'attempt') continue;
      const { atom } = fact;
      if (fact.fact === 'atom' && (fact.to === 'RUNNING' || fact.to === 'REVERTING')) {
        const { to, round = 0, attempt = 1 } = fact;
        const action = to === 'RUNNING' ? 'execute' : 'revert';
        open.set(atom, requestIdOf({ flowId: job.jobId, atom, action, round, attempt }));
        continue;
      }
      const requestId = open.get(atom);
      if (requestId === undefined) continue;
      yield { requestId, stored, fact };
      if (fact.fact === 'attempt') open.set(atom, requestId.replace(/\.\d+$/, `.${fact.attempt}`));
      else open.delete(atom);
    }
}

/** The atom that an activation, or an item of one, is of. */
export function atomOf(activation: string): string {
  return activation.replace(/[#[].*$/, '');
}

/** Of a routed flow. One whose outcome is still to be judged, or whose child run is suspended, has not asked anew. */
function* activationOutcome(
  fact: ActivationFact,
  stored: StoredEntry,
  open: Map<string, string>,
): Generator<Outcome> {
  const { activation: atom, to, attempt } = fact;
  const flowId = stored.entry.flowId;
  const requestId = open.get(atom);
  if (to === 'RUNNING' && attempt !== undefined)
    return void open.set(atom, requestIdOf({ flowId, atom, action: 'execute', round: 0, attempt }));
  if (to === 'REVERTING')
    return void open.set(
      atom,
      requestIdOf({ flowId, atom, action: 'revert', round: 0, attempt: attempt ?? 1 }),
    );
  if (to === 'RUNNING' || to === 'SUSPENDED' || requestId === undefined) return;
  open.delete(atom);
  yield { requestId, stored, fact };
}

/** The good ones: their results are in the journal. */
export function isSuccess({ fact }: Outcome): boolean {
  if (fact.fact === 'attempt') return false;
  const isJudgedLater = fact.fact === 'activation' && fact.to === 'DELAYED' && fact.failure === undefined;
  return isJudgedLater || fact.to === 'SUCCESS' || fact.to === 'REVERTED';
}

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

function assignedAndStored(job: JobEvidence, tell: (requestId: string, event: RequestEvent) => void): void {
  const owners = new Map<string, number>();
  const ownerOf = ({ entry }: StoredEntry): number => {
    const fence = formatFence(entry.fence);
    const owner = owners.get(fence) ?? owners.size;
    owners.set(fence, owner);
    return owner;
  };
  for (const stored of job.entries) {
    const common = { order: stored.order, owner: ownerOf(stored), isRegistered: false };
    for (const fact of stored.entry.facts)
      if (fact.fact === 'request' && fact.state === 'assigned')
        tell(fact.requestId, { ...common, what: 'assigned', delivery: fact.delivery });
  }
  for (const outcome of outcomesOf(job)) {
    const { requestId, stored } = outcome;
    const common = { order: stored.order, owner: ownerOf(stored), isRegistered: false };
    if (isSuccess(outcome)) tell(requestId, { ...common, what: 'stored', delivery: 0 });
  }
}
