/**
 * Purpose: what people do about routed flows, their own and those that these run: they answer delegates as their plans say, send the events that are waited for,
 *   decide about parked tasks, and let go on what waits for a person.
 * What is authoritative: the journals, in which they see what waits for them; a real person sees it in reports and lists.
 * On failure: they look again after a while. Who is started again answers once more, and otherwise: the answer that is stored first counts.
 * Not here: whether it did (checker/delegate-rules.ts).
 */
import type { Client, DelegateAnswer } from '@baton/client';
import { requestIdOf } from '@baton/core';
import type { Cluster } from './cluster.js';
import { chance } from './choices.js';
import { flowStateOf, parkedIn, waitingDelegates, type WaitingDelegate } from './journal-view.js';
import { pause, persist } from './persist.js';
import type { SimulatedProcess } from './process.js';

/** How often they look, at most. */
const lookMs = 1_500;

interface Place {
  readonly process: SimulatedProcess;
  readonly client: Client;
  /** The runs they care for, with all below them. */
  readonly roots: () => readonly string[];
}

export class Answers {
  readonly #cluster: Cluster;
  readonly #place: Place;
  /** Requests they have done something about. */
  readonly #begun = new Set<string>();
  #answers = 0;

  constructor(cluster: Cluster, place: Place) {
    this.#cluster = cluster;
    this.#place = place;
  }

  /** Until it is over. */
  async give(isOver: () => boolean): Promise<void> {
    const { process } = this.#place;
    const { random } = process.runtime;
    const { entries } = this.#cluster.history;
    const suspendedLooks = new Map<string, number>();
    for (;;) {
      await pause(process, 20 + lookMs * random.fraction());
      if (isOver()) return;
      const roots = new Set(this.#place.roots());
      for (const [jobId, [first]] of entries) {
        const lineage = first?.entry.kind === 'post' ? first.entry.post.lineage : undefined;
        if (!roots.has(lineage?.rootId ?? jobId)) continue;
        this.#answerAll(jobId);
        await this.#decideParked(jobId);
      }
      for (const jobId of roots) {
        const isSuspended = flowStateOf(entries.get(jobId) ?? []) === 'SUSPENDED';
        const looks = isSuspended ? (suspendedLooks.get(jobId) ?? 0) + 1 : 0;
        suspendedLooks.set(jobId, looks);
        if (looks > 2) await this.#given(jobId, () => this.#place.client.resume(jobId));
      }
    }
  }

  async #decideParked(jobId: string): Promise<void> {
    const { process, client } = this.#place;
    for (const [atom, key] of parkedIn(this.#cluster.history.entries.get(jobId) ?? [])) {
      if (this.#begun.has(`${jobId} ${key}`)) continue;
      const decision = chance(process.runtime.random, 0.5) ? 'rerun' : 'fail';
      const n = await this.#given(jobId, () => client.decideParked(jobId, { atom, decision }));
      if (n !== undefined) this.#begun.add(`${jobId} ${key}`);
    }
  }

  /** Its number; undefined: nobody takes it, or the store shows an old state. */
  async #given(jobId: string, give: () => Promise<number>): Promise<number | undefined> {
    const { process } = this.#place;
    const n = await persist(process, give);
    if (n !== undefined && process.alive) this.#cluster.history.acknowledgeCommand(jobId, n);
    return n;
  }

  #answerAll(jobId: string): void {
    for (const waiting of waitingDelegates(this.#cluster.history.entries.get(jobId) ?? [])) {
      const { atom, attempt, round, plan } = waiting;
      const requestId = requestIdOf({ flowId: jobId, atom, attempt, action: 'execute', round });
      if (this.#begun.has(requestId) || plan === 'never') continue;
      // some think about it
      if (chance(this.#place.process.runtime.random, 0.3)) continue;
      this.#begun.add(requestId);
      this.#answer(jobId, waiting).then(
        // if it waits on it was the store that showed an old state
        (isTaken) => void (isTaken || this.#begun.delete(requestId)),
        (error: unknown) => {
          if (this.#place.process.alive) this.#cluster.crashes.push(`who answered was told ${String(error)}`);
        },
      );
    }
  }

  async #answer(jobId: string, { atom, attempt, round, plan }: WaitingDelegate): Promise<boolean> {
    const { process, client } = this.#place;
    const text = (): string => `${jobId}/answer ${++this.#answers} of ${process.name}`;
    const give = async (answer: DelegateAnswer = { value: text() }): Promise<boolean> => {
      const said = { atom, attempt, round, ...answer };
      return (await this.#given(jobId, () => client.answerDelegate(jobId, said))) !== undefined;
    };
    const think = (mostMs: number): Promise<void> =>
      pause(process, mostMs * process.runtime.random.fraction());
    const send = async (): Promise<boolean> => {
      const id = process.runtime.random.nonce();
      const event = { key: jobId, data: id, id };
      const sent = async (): Promise<void> => {
        // it may be seen in the journal that somebody waits before whoever sends can know
        const isSent = await persist(process, () => client.sendEvent(plan, { ...event, keepMs: 60_000 }));
        if (isSent && process.alive) this.#cluster.history.acknowledgeEvent(jobId, plan);
      };
      if (plan === 'event-late') await think(10_000);
      return (await Promise.all([sent(), ...(plan === 'event-twice' ? [sent()] : [])])).length > 0;
    };
    switch (plan) {
      case 'event':
      case 'event-twice':
      case 'event-late':
        return send();
      case 'failure':
        return give({ failure: { message: text() } });
      case 'cancelled':
        return give({ cancelled: true });
      case 'twice':
        return (await Promise.all([give(), give()])).includes(true);
      case 'late':
        await think(10_000);
        return give();
      case 'extended': {
        const longer = { atom, attempt, round, byMs: 5_000, mostMs: 3_600_000 };
        await persist(process, () => client.extendDelegate(jobId, longer));
        await think(3_000);
        return give();
      }
      default:
        return give();
    }
  }
}
