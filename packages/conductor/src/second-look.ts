/**
 * Purpose: a job whose first choice is another member is left to it for as long as it gets on with what was left to it, then taken in its place (P-508).
 *   Whoever takes over a thousand jobs may need seconds for its share. It needs no help: two that claim the same jobs are in each other's way.
 * States of a job here: left → taken by somebody, and dropped; or → due: if a fresh listing still shows it free, it is taken here.
 * Due is, by `limits.helpMs`, what nobody made progress with for longer than such work pauses here (the second in rank goes first), or what has
 *   waited for long while this conductor had places for claims: its first choice may be full, and go on one by one. Without a place only the former
 *   counts, and later: then taking is no more than learning what waits. Progress: a job that was left to the same member at about the same time is
 *   not free any more. Not one that came much later, or a job that its first choice cannot take would wait for as long as there are new ones.
 * What is authoritative: nothing here. The copy of the board may be stale; that costs a claim in vain.
 * On failure: a listing that fails leaves all as it is until the next look.
 * Not here: claiming.
 */
import { rendezvousFirst, rendezvousRank } from '@baton/core';
import type { Runtime } from '@baton/core';
import type { JobKey } from '@baton/jobboard';
import { ClaimPace } from './claim-pace.js';
import { limits } from './options.js';

export interface SecondLookDeps<C> {
  readonly memberId: string;
  readonly runtime: Runtime;
  /** Ids of the conductors that live. */
  readonly conductors: () => Iterable<string>;
  /** By the copy of the board. */
  readonly isFree: (key: JobKey) => boolean;
  /** Brings the copy of the board up to date. */
  readonly relook: (jobIds: Iterable<string>) => Promise<void>;
  /** As many claims are under way as may be. */
  readonly isWindowFull: () => boolean;
  /** One job more may be owned. */
  readonly hasRoom: () => boolean;
  readonly take: (candidates: readonly C[]) => void;
  readonly after: (delayMs: number, callback: () => void) => void;
}

/** What was left to one member at about the same time. */
interface Share {
  readonly first: string | undefined;
  readonly sinceMs: number;
  progressAtMs: number;
}

interface Left<C> {
  readonly candidate: C;
  readonly sinceMs: number;
  rank: number;
  share: Share;
}

export class SecondLook<C extends { readonly key: JobKey }> {
  readonly #deps: SecondLookDeps<C>;
  readonly #left = new Map<string, Left<C>>();
  /** Of each first choice, the share that takes what is left to it now. */
  readonly #shares = new Map<string | undefined, Share>();
  /** Those that the ranks were reckoned with. */
  #conductors = '';
  /** When there was no place for a claim last. */
  #fullAtMs = -Infinity;
  #isArmed = false;
  readonly #pace: ClaimPace;

  constructor(deps: SecondLookDeps<C>) {
    this.#deps = deps;
    this.#pace = new ClaimPace(deps.runtime.clock);
  }

  /** A claim of this conductor is under way. */
  claimBegins(): void {
    this.#pace.begins(this.#deps.isWindowFull());
  }

  /** It is another member's first choice, or a claim of it failed: not now. */
  leave(candidate: C): void {
    const { jobId, life } = candidate.key;
    if (this.#left.get(jobId)?.candidate.key.life === life) return;
    this.#left.set(jobId, { candidate, sinceMs: this.#now(), ...this.#placeOf(jobId) });
    this.#arm();
  }

  forget(jobId: string): void {
    this.#left.delete(jobId);
  }

  clear(): void {
    this.#left.clear();
  }

  #arm(): void {
    if (this.#isArmed) return;
    if (this.#left.size === 0) return this.#pace.forget();
    this.#isArmed = true;
    const pauseMs = this.#canClaim ? limits.lookMs.idle : limits.lookMs.full;
    this.#deps.after(pauseMs * (1 + this.#deps.runtime.random.fraction() / 2), () => void this.#look());
  }

  async #look(): Promise<void> {
    this.#rankAgain();
    this.#dropTaken();
    const due = this.#due();
    if (due.size > 0) await this.#takeWhatIsFree(due);
    this.#isArmed = false;
    this.#arm();
  }

  async #takeWhatIsFree(due: ReadonlyMap<string, Left<C>>): Promise<void> {
    try {
      await this.#deps.relook(due.keys());
    } catch (error) {
      return this.#deps.runtime.logger.debug('claim.second-look-failed', { error });
    }
    this.#dropTaken();
    const taken: C[] = [];
    for (const [jobId, left] of this.#due())
      if (due.get(jobId) === left && this.#left.delete(jobId)) taken.push(left.candidate);
    this.#deps.take(taken);
  }

  #due(): Map<string, Left<C>> {
    const nowMs = this.#now();
    const canClaim = this.#canClaim;
    if (!canClaim) this.#fullAtMs = nowMs;
    const paceMs = this.#pace.patienceMs(this.#deps.isWindowFull());
    return new Map([...this.#left].filter(([, left]) => this.#dueAtMs(left, { canClaim, paceMs }) <= nowMs));
  }

  /** Until when it is left to its first choice, as things stand. */
  #dueAtMs({ rank, sinceMs, share }: Left<C>, here: { canClaim: boolean; paceMs: number }): number {
    // its first choice is gone, or a claim of our own failed
    if (rank === 0) return sinceMs;
    const { second, ranksApart, learn, last } = limits.helpMs;
    const quietSinceMs = Math.max(sinceMs, share.progressAtMs);
    if (!here.canClaim) return quietSinceMs + learn + here.paceMs;
    const byRank = (1 + Math.min(rank, ranksApart)) / 2;
    return Math.min(
      Math.max(quietSinceMs, this.#fullAtMs) + (second + here.paceMs) * byRank,
      Math.max(sinceMs, this.#fullAtMs) + (last + here.paceMs) * byRank,
    );
  }

  get #canClaim(): boolean {
    return !this.#deps.isWindowFull() && this.#deps.hasRoom();
  }

  #dropTaken(): void {
    const inUse = new Set<Share>();
    for (const [jobId, { candidate, share }] of this.#left)
      if (this.#deps.isFree(candidate.key)) inUse.add(share);
      else {
        this.#left.delete(jobId);
        share.progressAtMs = this.#now();
      }
    for (const [first, share] of this.#shares) if (!inUse.has(share)) this.#shares.delete(first);
  }

  /** A member that comes or goes changes first choices. */
  #rankAgain(): void {
    const conductors = [...this.#deps.conductors()].join();
    if (conductors === this.#conductors) return;
    this.#conductors = conductors;
    for (const [jobId, left] of this.#left) {
      const { rank, share } = this.#placeOf(jobId);
      left.rank = rank;
      if (share.first !== left.share.first) left.share = share;
    }
  }

  #placeOf(jobId: string): Pick<Left<C>, 'rank' | 'share'> {
    const conductors = [...this.#deps.conductors()];
    const first = rendezvousFirst(jobId, conductors);
    const nowMs = this.#now();
    let share = this.#shares.get(first);
    if (share === undefined || nowMs - share.sinceMs >= limits.helpMs.share) {
      share = { first, sinceMs: nowMs, progressAtMs: nowMs };
      this.#shares.set(first, share);
    }
    return { rank: rendezvousRank(jobId, this.#deps.memberId, conductors), share };
  }

  #now(): number {
    return this.#deps.runtime.clock.monotonicMs();
  }
}
