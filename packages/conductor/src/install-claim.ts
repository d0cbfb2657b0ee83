/**
 * Purpose: from a won lock to an owned flow: puts this owner's fence into the journal and hands the folded state to a runner. A job
 * that was never claimed needs no read: its first turn rides in the claim entry.
 * What is authoritative: the journal. The lock alone gives no right to write.
 * On failure: outranked or settled: leave as the rules say; store away past its bound: abandon; what is stored cannot be read: trash.
 * Not here: the fencing rule itself (`installFence` of @baton/persistence).
 */
import { InputError, InvariantError, codeOf, failureOf, familyOf, toFailure } from '@baton/core';
import type { ClaimEntry, Failure, JournalEntry, TerminalEntry } from '@baton/core';
import { type AnyCompiled, failuresOfAny } from '@baton/engine';
import type { Claim } from '@baton/jobboard';
import { installFence, isReopening } from '@baton/persistence';
import type {
  Commands,
  FenceResult,
  FlowJournal,
  JournalHead,
  KnownEntries,
  NumberedCommand,
} from '@baton/persistence';
import { abandonClaim } from './abandon-claim.js';
import { endKey } from './child-jobs.js';
import type { ClaimCourse } from './claim-loop.js';
import type { CompiledFlows } from './compiled-flows.js';
import { JobRunner } from './job-runner.js';
import { reopenRun } from './reopen-run.js';
import { limits } from './options.js';
import { giveUpRequests } from './give-up-requests.js';
import { postedEntry } from './posted-entry.js';
import { isOutcome, OwnedState } from './owned-state.js';
import type { Ownership } from './ownership.js';
import type { SuspectLine } from './suspect-line.js';
import type { TurnDraft } from './turn-draft.js';
import { turnEntries } from './turn-entries.js';

export interface InstallDeps {
  readonly owner: Ownership;
  readonly flows: CompiledFlows;
  readonly commands: Pick<Commands, 'after'>;
  readonly memberId: string;
  readonly poisonClaimsMax: number;
  readonly suspects: SuspectLine;
  /** The runner owns the job from now on, until `ended`. Called as soon as its fence is stored, before anything follows from it. */
  readonly onOwned: (runner: JobRunner) => void;
}

/** A first turn that is ready, while its claim entry is being stored. */
interface FirstTurn {
  readonly runner: JobRunner;
  readonly turn: TurnDraft;
  readonly entries: readonly JournalEntry[];
}

const MISSING_TRIES = 3;
const MISSING_PAUSE_MS = 3_000;

/** Resolves when the job is owned, left or settled; never rejects. */
export async function installClaim(deps: InstallDeps, claim: Claim, course: ClaimCourse): Promise<void> {
  const { owner } = deps;
  const installation = new Installation(deps, claim, course);
  try {
    await installation.run();
  } catch (error) {
    installation.drop();
    // taken off the board, or the lock removed, by somebody's hand: nothing is left to give back
    const code = codeOf(error);
    if (code === 'BATON_CONFLICT_CLAIM_LOST' || code === 'BATON_NOT_FOUND_JOB')
      return owner.runtime.logger.warn('claim.lost', { jobId: claim.jobId, error });
    owner.runtime.logger.error('claim.install-failed', { jobId: claim.jobId, error });
    if (code === 'BATON_UNAVAILABLE_SESSION_LOST') return;
    // a newer version wrote it: that one can go on
    if (familyOf(error) === 'unavailable' || code === 'BATON_CONFLICT_SCHEMA_NEWER')
      return await abandonClaim(owner, claim, { pauseMs: limits.abandonMs.first });
    // what is stored of this job cannot be read: no fault of who reads it, and it would end one conductor after the other
    if (installation.isHandedOver || familyOf(error) !== 'input') return owner.fatal(error);
    await installation
      .quarantine((error as Error).message)
      .catch(() => abandonClaim(owner, claim, { pauseMs: limits.abandonMs.first }));
  } finally {
    if (!installation.isHandedOver) deps.suspects.leave(claim.jobId);
  }
}

class Installation {
  readonly #deps: InstallDeps;
  readonly #claim: Claim;
  readonly #course: ClaimCourse;
  #compiled: AnyCompiled | undefined;
  #refusal: Failure | undefined;
  #first: FirstTurn | undefined;
  /** Monotonic ms: the newest entry was found; the fence was stored. */
  #foundAtMs = 0;
  #fencedAtMs = 0;
  #head: JournalHead | undefined;
  #isHinted = false;
  #isOwned = false;
  /** The runner has the job: what fails now is no matter of installing it. */
  isHandedOver = false;

  constructor(deps: InstallDeps, claim: Claim, course: ClaimCourse) {
    this.#deps = deps;
    this.#claim = claim;
    this.#course = course;
  }

  async run(): Promise<void> {
    const { owner } = this.#deps;
    // a first turn needs the definition; on a takeover nothing comes before the fence
    if (this.#claim.fresh) await this.#compile();
    else await this.#findHead();
    if (this.#isSuspect) await this.#untilInFront();
    const result = await this.#fencePatiently();
    this.#fencedAtMs = owner.runtime.clock.monotonicMs();
    this.#course.fence.settled();
    if (result.result !== 'owned') this.drop();
    switch (result.result) {
      case 'missing':
        return this.quarantine('the record of this job was not found in the store');
      case 'superseded':
        owner.counters.fenced++;
        // not at once: whoever has the higher fence is there, or the board was restored and everybody would try in a loop
        return owner.board.abandon(this.#claim, { pauseMs: limits.abandonMs.first });
      case 'terminal':
        return this.#over(result);
      case 'owned':
        return this.#owned(result);
    }
  }

  /** Put aside for a person; a parent waits for it no more. @throws UnavailableError */
  async quarantine(why: string): Promise<void> {
    const { board, children } = this.#deps.owner;
    const end = { outcome: 'FAILURE', failures: [failureOf('QUARANTINE', why)] } as const;
    const key = `quarantined in life ${this.#claim.life}`;
    await children.settle({ claim: this.#claim, key, end, state: undefined });
    await board.trash(this.#claim, `QUARANTINE: ${why}`);
  }

  /** Gives back what a first turn took that was not stored. */
  drop(): void {
    if (this.#isOwned) return;
    this.#first?.runner.stop('released');
    this.#first = undefined;
  }

  async #findHead(): Promise<void> {
    const hint = await this.#course.headHint;
    this.#isHinted = hint !== undefined;
    this.#head = await this.#deps.owner.journal.head(this.#claim.jobId, hint === undefined ? {} : { hint });
  }

  /** The last claim led to nothing. */
  get #isSuspect(): boolean {
    const last = this.#head?.entry;
    return last?.kind === 'claim' && last.facts.length === 0;
  }

  /** Without a fence: should the job in front end this process, that is no claim of this one. */
  async #untilInFront(): Promise<void> {
    this.#course.fence.settled();
    this.#course.stepAside();
    await this.#deps.suspects.enter(this.#claim.jobId);
  }

  /** A record that is not there (yet) may be a stale read or a slow poster: looked for again before it is given up (P-620). */
  async #fencePatiently(): Promise<FenceResult> {
    const { owner } = this.#deps;
    for (let tries = 1; ; tries++) {
      const result = await installFence({
        journal: owner.journal,
        runtime: owner.runtime,
        flowId: this.#claim.jobId,
        fence: this.#claim.fence,
        isFresh: this.#claim.fresh && this.#claim.posting.store !== undefined && this.#refusal === undefined,
        head: this.#head,
        isWanted: (ended, known) => this.#isWanted(ended, known),
        entryFor: ({ seq, known }) => this.#entryFor(seq, known),
      });
      if (result.result !== 'missing' || tries > MISSING_TRIES) return result;
      this.#course.stepAside();
      await new Promise<void>((resolve) => owner.runtime.clock.setTimer(MISSING_PAUSE_MS, resolve));
    }
  }

  /** A person wants a run to go on that has ended (P-604). */
  async #isWanted(entry: TerminalEntry, known: KnownEntries): Promise<boolean> {
    await this.#compile();
    if (this.#compiled === undefined || entry.reason !== undefined) return false;
    const flow = await this.#flowThrough({ entry, known });
    const { lastCommand } = await this.#load(flow, this.#compiled, entry.seq);
    return (await this.#deps.commands.after(this.#claim.jobId, lastCommand)).some(isReopening);
  }

  /** The claim entry: with the first turn for a job nobody had, alone on a takeover (fence first, then adopt). */
  #entryFor(seq: number, known: KnownEntries): ClaimEntry {
    this.#foundAtMs = this.#deps.owner.runtime.clock.monotonicMs();
    this.drop();
    const untouched = this.#claim.fresh && seq === 1;
    if (untouched && this.#compiled !== undefined) {
      try {
        this.#first = this.#firstTurn([known.get(0) ?? postedEntry(this.#claim)], this.#compiled, seq);
        return this.#first.entries[0] as ClaimEntry;
      } catch (error) {
        // the claim is recorded first, so that a job that breaks its owners is counted and ends as poison
        this.#deps.owner.runtime.logger.error('job.first-turn-failed', { jobId: this.#claim.jobId, error });
      }
    }
    const [alone] = turnEntries(
      { ...this.#common(seq), facts: [], outcome: undefined, claim: this.#claimPart() },
      this.#deps.owner.runtime,
    );
    return alone as ClaimEntry;
  }

  #firstTurn(known: readonly JournalEntry[], compiled: AnyCompiled, seq: number): FirstTurn {
    const state = this.#folded({ entries: known }, compiled) as OwnedState;
    const runner = new JobRunner(this.#deps.owner, this.#claim, state);
    const turn = runner.firstTurn();
    const entries = turnEntries(
      {
        ...this.#common(seq),
        facts: turn.facts,
        outcome: turn.finish?.outcome,
        claim: this.#claimPart(),
      },
      this.#deps.owner.runtime,
    );
    return { runner, turn, entries };
  }

  async #owned(result: Extract<FenceResult, { result: 'owned' }>): Promise<void> {
    const { owner, onOwned } = this.#deps;
    const { entry } = result;
    this.#isOwned = true;
    if (this.#first !== undefined) {
      const { runner, turn, entries } = this.#first;
      this.isHandedOver = true;
      onOwned(runner);
      owner.counters.claimed++;
      return runner.begin(turn, entries);
    }
    await this.#course.fence.others();
    const [flow] = await Promise.all([this.#flowThrough(result), this.#compile()]);
    const known = flow.entries;
    if (await this.#isLeftover(flow, entry)) return owner.board.consume(this.#claim);
    if (this.#compiled === undefined)
      return this.#refuse(known, this.#refusal ?? failureOf('DEFINITION', 'no definition'));
    const state = await this.#load(flow, this.#compiled, entry.seq);
    // the claim entry just written counts as one that led to nothing, so far
    if (state.idleClaims > this.#deps.poisonClaimsMax)
      return this.#refuse(
        known,
        failureOf('POISON', `claimed ${state.idleClaims - 1} times in a row without any progress`),
        state,
      );
    const commands = isOutcome(state.run.flow)
      ? await this.#deps.commands.after(this.#claim.jobId, state.lastCommand)
      : [];
    if (!state.isOver) return this.#takeOver(known, state, commands);
    const reopened = await reopenRun(owner, this.#claim, state);
    if (reopened) this.#takeOver([...known, reopened], state, commands);
  }

  /** Its node was made by a repeated post, while the job itself has moved on (P-305): asleep, or in a later life. */
  async #isLeftover({ entries }: FlowJournal, own: ClaimEntry): Promise<boolean> {
    const { life, fresh } = this.#claim;
    const before = entries.findLast((entry) => entry.kind === 'claim' && entry.seq < own.seq);
    if (before?.kind !== 'claim') return false;
    // nobody had claimed this node, and yet the job had an owner
    return before.claim.life > life || (fresh && (await this.#deps.owner.board.isLeftover(this.#claim)));
  }

  /** The run up to an entry that is stored: what was read on the way to it, or the rest of it now. */
  #flowThrough({
    entry,
    known,
  }: {
    readonly entry: JournalEntry;
    readonly known: KnownEntries;
  }): Promise<FlowJournal> {
    return this.#deps.owner.journal.loadThrough(entry.flowId, entry.seq, known);
  }

  /** A snapshot that this version cannot read costs time only. */
  async #load(flow: FlowJournal, compiled: AnyCompiled, through: number): Promise<OwnedState> {
    const { jobId } = this.#claim;
    const state =
      this.#folded(flow, compiled) ??
      this.#folded({ entries: await this.#deps.owner.journal.entriesThrough(jobId, through) }, compiled);
    if (state?.seq === through) return state;
    throw new InvariantError(
      'BATON_INVARIANT_UNREACHABLE',
      `the journal of ${jobId} was folded to entry ${state?.seq ?? 'none'}, its own claim is entry ${through}`,
    );
  }

  /** Undefined: without the snapshot it may work. @throws InputError `BATON_INPUT_MALFORMED` */
  #folded(flow: Pick<FlowJournal, 'snapshot' | 'entries'>, compiled: AnyCompiled): OwnedState | undefined {
    try {
      return OwnedState.ofJournal(flow, compiled);
    } catch (cause) {
      if (flow.snapshot !== undefined) return undefined;
      throw new InputError('BATON_INPUT_MALFORMED', `the journal of ${this.#claim.jobId} cannot be folded`, {
        cause,
      });
    }
  }

  #takeOver(entries: readonly JournalEntry[], state: OwnedState, commands: readonly NumberedCommand[]): void {
    const { owner, onOwned, memberId } = this.#deps;
    const runner = new JobRunner(owner, this.#claim, state);
    owner.resume(entries, this.#claim);
    this.isHandedOver = true;
    // a run that is over ends again unless they come before all else
    for (const command of commands) runner.turns.command(command);
    onOwned(runner);
    owner.counters.takenOver++;
    const former = entries.filter((entry) => entry.kind === 'claim').at(-2);
    // one line a takeover, in the machine's monotonic time: benches and the demo read it (P-703)
    owner.runtime.logger.info('job.taken-over', {
      jobId: runner.jobId,
      from: former?.claim.member ?? '',
      by: memberId,
      requests: runner.turns.state.table.size,
      hinted: this.#isHinted,
      ...this.#course.timing,
      foundAtMs: this.#foundAtMs,
      fencedAtMs: this.#fencedAtMs,
      loadedAtMs: owner.runtime.clock.monotonicMs(),
    });
    runner.takeOver(entries.at(-1) as JournalEntry);
  }

  /** Its last owner may have died before it wrote the archive, or told the parent of the run. */
  async #over(result: Extract<FenceResult, { result: 'terminal' }>): Promise<void> {
    const flow = await this.#flowThrough(result);
    this.#deps.owner.resume(flow.entries, this.#claim);
    await this.#compile();
    const state = this.#compiled && (await this.#load(flow, this.#compiled, result.entry.seq));
    return this.#takeOff(result.entry, state);
  }

  /** Ends a job that cannot be run: a terminal entry with the reason, then off the board (P-615, P-506). */
  async #refuse(known: readonly JournalEntry[], reason: Failure, state?: OwnedState): Promise<void> {
    const { owner } = this.#deps;
    const entry: TerminalEntry = {
      ...this.#common((known.at(-1)?.seq ?? 0) + 1),
      kind: 'terminal',
      outcome: 'FAILURE',
      reason,
      opId: owner.runtime.random.nonce(),
      atMs: owner.runtime.clock.wallMs(),
      facts: [],
    };
    // it was to be reopened: how it ended before is not told any more
    if (state?.isOver === true) await owner.reopens(this.#claim.jobId);
    if ((await owner.journal.append(entry)) === 'collided') return;
    owner.runtime.logger.warn('job.refused', { jobId: this.#claim.jobId, reason: reason.message });
    owner.resume([...known, entry], this.#claim);
    giveUpRequests(owner, this.#claim, known);
    await this.#takeOff(entry, state);
  }

  /** Off the board, as the entry says, whoever wrote it; a poisonous job goes to the trash, where a person finds it. */
  async #takeOff({ reason, outcome, seq }: TerminalEntry, state: OwnedState | undefined): Promise<void> {
    const { board, children } = this.#deps.owner;
    const failures = reason ? [reason] : state ? failuresOfAny(state.run) : [];
    await children.settle({ claim: this.#claim, key: endKey(seq), end: { outcome, failures }, state });
    return reason?.code === 'POISON'
      ? board.trash(this.#claim, `${reason.code}: ${reason.message}`)
      : board.consume(this.#claim);
  }

  async #compile(): Promise<void> {
    if (this.#compiled !== undefined || this.#refusal !== undefined) return;
    try {
      this.#compiled = await this.#deps.flows.get(this.#claim.posting.definitionHash);
    } catch (error) {
      const family = familyOf(error);
      if (family !== 'definition' && family !== 'not-found' && family !== 'input') throw error;
      this.#refusal = toFailure(error);
    }
  }

  #common(seq: number) {
    return { flowId: this.#claim.jobId, seq, fence: this.#claim.fence };
  }

  #claimPart(): ClaimEntry['claim'] {
    const { life, version } = this.#claim;
    return { member: this.#deps.memberId, life, ...this.#deps.owner.inboxPlace(), claims: version };
  }
}
