/**
 * Purpose: a conductor for the life of one jobboard session: its board, inbox, slot, registration and everything it owns.
 * States: open → ended (session lost, drained, or broken). A lost session takes all of this with it; the conductor opens the next.
 * What is authoritative: the session for what may be claimed, the journal for what may be decided.
 * On failure: suspended for longer than a third of the timeout: nothing new is decided; lost: all runners stop, nothing is written (P-704, P-705).
 * Not here: deciding for one flow (`job-runner.ts`), choosing jobs (`claim-loop.ts`).
 */
import type { JournalEntry, Refused, ReplyMessage, Runtime } from '@baton/core';
import { JobBoard, type BoardEvent, type BoardView, type Claim, type MemberWatch } from '@baton/jobboard';
import type { Journal, Payloads, Persistence, Snapshots } from '@baton/persistence';
import { Inbox, ReplyReplay, type Outbox } from '@baton/transport';
import { Adoption } from './adoption.js';
import { caughtUp } from './caught-up.js';
import { ChildJobs } from './child-jobs.js';
import { EventWaits } from './event-waits.js';
import { ClaimLoop } from './claim-loop.js';
import { checkLock } from './check-lock.js';
import { ClusterClock } from './cluster-clock.js';
import { CommandWatch } from './command-watch.js';
import type { OpenServices } from './conductor-services.js';
import { Deadline } from './deadline.js';
import { Dispatcher } from './dispatcher.js';
import { Dormancy } from './dormancy.js';
import type { IncarnationDeps, IncarnationEnd } from './incarnation-deps.js';
import { installClaim, type InstallDeps } from './install-claim.js';
import type { EndReason, JobRunner } from './job-runner.js';
import { JobRoom } from './job-room.js';
import { LogContact } from './log-contact.js';
import { LossWatch } from './loss-watch.js';
import { limits } from './options.js';
import type { Counters, HeadListener, Ownership } from './ownership.js';
import { PlaceQueue } from './place-queue.js';
import { ReplyRouter } from './reply-router.js';
import type { OpenRequest } from './request-table.js';
import { SessionTimers } from './session-timers.js';
import { SharedWork } from './shared-work.js';
import { SuspectLine } from './suspect-line.js';
import { WorkerRoster } from './worker-roster.js';
import { WorkerWatch } from './worker-watch.js';

export class Incarnation implements Ownership {
  readonly runtime: Runtime;
  readonly board: JobBoard;
  readonly journal: Journal;
  readonly payloads: Payloads;
  readonly snapshots: Snapshots;
  readonly roster: WorkerRoster;
  readonly dispatcher: Dispatcher;
  readonly places: PlaceQueue;
  readonly children: ChildJobs;
  readonly events: EventWaits;
  readonly commands: CommandWatch;
  readonly counters: Counters;
  readonly heads: HeadListener | undefined;
  readonly logContact: LogContact;
  /** Resolves when nothing can be owned here any more. */
  readonly ended: Promise<IncarnationEnd>;
  readonly #deps: IncarnationDeps;
  readonly #persistence: Persistence;
  readonly #outbox: Outbox;
  readonly #replyPartition: number;
  readonly #runners = new Map<string, JobRunner>();
  readonly #room: JobRoom<JobRunner>;
  readonly #claims: ClaimLoop;
  readonly #shared: SharedWork;
  readonly #losses: LossWatch;
  readonly #replies: ReplyRouter;
  readonly #timers: SessionTimers;
  readonly #suspects: SuspectLine;
  /** What reads on until `close`: not all of it is there when opening fails half way. */
  readonly #readers: { close(): Promise<void> }[] = [];
  #inbox!: Inbox<ReplyMessage>;
  #adoption: Adoption | undefined;
  readonly #workers: WorkerWatch;
  #conductors!: MemberWatch;
  #view: BoardView | undefined;
  #suspendedAtMs: number | undefined;
  #over = false;
  #end!: (end: IncarnationEnd) => void;

  /** @throws UnavailableError when a service is away, ConflictError when board and store do not belong together. */
  static async open(deps: IncarnationDeps): Promise<Incarnation> {
    const { coordination, options, member } = deps;
    const clock = new ClusterClock(deps.runtime.clock);
    const runtime = { ...deps.runtime, clock };
    const session = await coordination.connect({ timeoutMs: options.sessionTimeoutMs });
    deps.onSession(session.token);
    try {
      const board = await JobBoard.open({ session, board: deps.board, runtime, memberId: member.id });
      const services = await deps.services(board.clusterId);
      const [replyPartition] = await Promise.all([
        board.leaseSlot('replies', options.replySlots),
        clock.set(board),
      ]);
      const incarnation = new Incarnation({ ...deps, runtime }, board, services, replyPartition);
      try {
        await incarnation.#start();
        incarnation.#timers.every(limits.clusterTimeMs, () => {
          clock.set(board).catch((error: unknown) => runtime.logger.debug('cluster-time.unknown', { error }));
        });
      } catch (error) {
        await incarnation.close();
        throw error;
      }
      return incarnation;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  private constructor(
    deps: IncarnationDeps,
    board: JobBoard,
    services: OpenServices,
    replyPartition: number,
  ) {
    const { runtime } = deps;
    this.#deps = deps;
    this.runtime = runtime;
    this.board = board;
    this.counters = deps.counters;
    this.heads = deps.heads;
    this.#persistence = services.persistence;
    this.#outbox = services.outbox;
    this.journal = services.persistence.journal;
    this.payloads = services.persistence.payloads;
    this.snapshots = services.persistence.snapshots;
    this.roster = new WorkerRoster(runtime.random);
    this.places = new PlaceQueue(runtime.clock, this.roster);
    this.#replyPartition = replyPartition;
    this.dispatcher = new Dispatcher({ ...services, runtime, replyPartition, workers: this.roster });
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.#timers = new SessionTimers(runtime.clock);
    this.#suspects = new SuspectLine(runtime.clock);
    this.#room = new JobRoom(this.#runners, deps.options.maxJobs);
    this.#claims = this.#newClaims(services);
    this.#shared = this.#newShared(services);
    this.logContact = new LogContact({
      clock: runtime.clock,
      problem: () => this.#inbox.problem ?? services.outbox.problem,
      onBack: () => this.#claims.refill(),
      onCutOff: (problem) => {
        runtime.logger.error('conductor.cut-off', { memberId: deps.member.id, problem });
        this.#finish({ cause: 'cut-off' });
      },
    });
    this.commands = new CommandWatch(services.persistence.commands, runtime.logger);
    this.children = new ChildJobs(this, services.persistence, this.#runners, this.commands);
    this.events = new EventWaits(this, services.persistence, this.#runners, this.commands);
    this.#losses = this.#newLosses();
    this.#workers = new WorkerWatch({
      roster: this.roster,
      places: this.places,
      losses: this.#losses,
      timers: this.#timers,
    });
    this.#replies = this.#router();
  }

  #newClaims({ flows, persistence }: OpenServices): ClaimLoop {
    const { member, options, runtime } = this.#deps;
    const installing: InstallDeps = {
      owner: this,
      flows,
      commands: persistence.commands,
      memberId: member.id,
      poisonClaimsMax: options.poisonClaimsMax,
      suspects: this.#suspects,
      onOwned: (runner) => this.#own(runner),
    };
    return new ClaimLoop({
      board: this.board,
      memberId: member.id,
      runtime,
      conductors: {
        current: () => this.#conductors.current.keys(),
        refresh: () => this.#conductors.refresh(),
      },
      // what is claimed while nothing can be stored or sent would only be given back
      room: () =>
        this.#over || (persistence.health.problem ?? this.logContact.problem) ? 0 : this.#room.free,
      owns: (jobId) => this.#runners.has(jobId),
      onClaimed: (claim, course) => installClaim(installing, claim, course),
    });
  }

  #newLosses(): LossWatch {
    return new LossWatch({
      clock: this.runtime.clock,
      logger: this.runtime.logger,
      dispatcher: this.dispatcher,
      roster: this.roster,
      runner: (jobId) => this.#runners.get(jobId),
      inboxCaughtUp: () => caughtUp(this.#inbox, { runtime: this.runtime, isOver: () => this.#over }),
      replay: async (places) => this.#adoption?.replay(places),
      doubted: (runner) => void checkLock(this, runner),
    });
  }

  #newShared({ persistence }: OpenServices): SharedWork {
    const { notifications, retention, runtime, member } = this.#deps;
    return new SharedWork({
      ...{ ...notifications, retention, runtime, board: this.board, persistence, memberId: member.id },
      members: () => this.#conductors.current,
      mayDecide: () => this.mayDecide(),
    });
  }

  mayDecide(): boolean {
    if (this.#over) return false;
    if (this.#suspendedAtMs === undefined) return true;
    return this.runtime.clock.monotonicMs() - this.#suspendedAtMs < this.board.session.timeoutMs / 3;
  }

  inboxPlace(): { readonly replyPartition: number; readonly replyFrom: number } {
    return { replyPartition: this.#replyPartition, replyFrom: this.#inbox.position };
  }

  adopt(runner: JobRunner, requests: readonly OpenRequest[]): void {
    this.#adoption?.adopt(runner, requests);
  }

  workerGone(workerEpoch: string, runner: JobRunner, requestIds: readonly string[]): void {
    void this.#losses.lost(workerEpoch, [{ runner, requestIds }]);
  }

  workerRefused(message: Refused): void {
    this.#workers.refused(message);
  }

  notify(runner: JobRunner, entry: JournalEntry): void {
    if (entry.kind !== 'claim') this.#suspects.leave(runner.jobId);
    this.#persistence.readModels.observe(entry, runner.claim.posting);
    this.#shared.notifier.stored(runner.jobId, entry.seq, runner.claim.posting);
  }

  resume(entries: readonly JournalEntry[], { posting }: Claim): void {
    this.#persistence.readModels.resume(entries, posting);
  }

  async reopens(jobId: string): Promise<void> {
    const { readModels, jobs, retention } = this.#persistence;
    await readModels.reopened(jobId);
    // somebody deleted it at that moment
    const record = await jobs.get(jobId);
    if (record) await retention.restoreIfReopened(record);
  }

  fatal(error: unknown): void {
    this.#finish({ cause: 'broken', error });
  }

  /**
   * What is being saved is saved, then the session ends and others claim at once. Tasks run on meanwhile, so nothing is gained by
   * waiting for them. Gives the number of jobs left, after `timeoutMs` at the latest.
   */
  async drain({ timeoutMs }: { readonly timeoutMs: number }): Promise<number> {
    const deadline = new Deadline(this.runtime.clock, timeoutMs);
    this.#claims.stop();
    await deadline.within(Promise.all([...this.#runners.values()].map((runner) => runner.handOver())));
    const left = this.#runners.size;
    this.#finish({ cause: 'drained' });
    await deadline.within(this.#persistence.readModels.idle());
    await deadline.within(this.close());
    deadline.end();
    return left;
  }

  /** Ends the session and everything in it; idempotent. */
  async close(): Promise<void> {
    this.#finish({ cause: 'drained' });
    await this.board.close();
    await Promise.all(this.#readers.map((reader) => reader.close()));
  }

  async #start(): Promise<void> {
    const { runtime, member, options } = this.#deps;
    const { session } = this.board;
    this.#timers.onStop(session.onState((state) => this.#onSession(state)));
    this.#timers.onStop(this.#persistence.health.onBack(() => this.#claims.refill()));
    await this.#openInbox();
    await this.#workers.start(this.board);
    this.#conductors = await this.board.watchMembers('conductor', () => this.#shared.divide());
    await this.board.register({
      kind: 'conductor',
      ...member,
      startedAtMs: runtime.clock.wallMs(),
      replyPartition: this.#replyPartition,
      maxJobs: options.maxJobs,
    });
    this.#timers.onStop(this.board.onNudge(() => void this.commands.look(this.#runners.values())));
    this.#view = await this.board.watch((event) => this.#onBoard(event));
    this.#claims.start(this.#view);
    this.#timers.every(limits.commandPollMs, () => void this.commands.look(this.#runners.values()));
    this.#shared.start(this.#timers);
    const dormancy = new Dormancy({
      ...{ board: this.board, persistence: this.#persistence },
      ...{ commands: this.commands, logger: runtime.logger },
    });
    this.#timers.every(limits.restMs, () => dormancy.look(this.#runners.values()));
    this.#timers.every(1_000, () => {
      this.logContact.look();
      this.#losses.sweep();
      this.places.serveSoon();
      if (this.#room.look()) this.#claims.refill();
    });
    runtime.logger.info('conductor.ready', {
      memberId: member.id,
      replyPartition: this.#replyPartition,
      monotonicMs: runtime.clock.monotonicMs(),
    });
  }

  /** Reading begins before anybody can know the inbox: an answer is never missed (P-901). */
  async #openInbox(): Promise<void> {
    const { log, prefix, runtime } = this.#deps;
    const transport = { log, prefix, runtime, clusterId: this.board.clusterId };
    this.#inbox = await Inbox.openReplies({
      ...transport,
      partition: this.#replyPartition,
      onMessages: (messages) => {
        this.#replies.receive(messages);
        this.places.serveSoon();
      },
      onPoison: (poison) => this.#outbox.sendDead(poison),
    });
    this.#inbox.ended.catch((error: unknown) => this.fatal(error));
    this.#readers.push(this.#inbox);
    const replay = await ReplyReplay.open(transport);
    this.#readers.push(replay);
    this.#adoption = new Adoption({
      clock: runtime.clock,
      logger: runtime.logger,
      dispatcher: this.dispatcher,
      roster: this.roster,
      replay,
      refreshWorkers: () => this.#workers.refresh(),
      onReply: (message) => this.#replies.route(message),
    });
  }

  #onBoard(event: BoardEvent): void {
    if (event.type !== 'available') return;
    const runner = this.#runners.get(event.key.jobId);
    if (runner !== undefined) return void checkLock(this, runner);
    this.#claims.offer(event.key, event);
  }

  #router(): ReplyRouter {
    return new ReplyRouter({
      runners: this.#runners,
      losses: this.#losses,
      counters: this.counters,
      logger: this.runtime.logger,
      onDraining: (workerEpoch) => this.#workers.drains(workerEpoch),
    });
  }

  #own(runner: JobRunner): void {
    this.#runners.set(runner.jobId, runner);
    if (this.#over) runner.stop('stopped');
    // a command for a job that was never claimed is rare, but for a child run: the next look, within seconds, finds it
    else if (!runner.claim.fresh || runner.claim.posting.lineage !== undefined)
      void this.commands.look([runner]);
  }

  released(runner: JobRunner, reason: EndReason): void {
    if (this.#runners.get(runner.jobId) === runner) this.#runners.delete(runner.jobId);
    this.#room.left(runner);
    this.#suspects.leave(runner.jobId);
    this.places.leave(runner);
    this.#shared.notifier.released(runner.jobId, reason);
    if (reason === 'settled') this.counters.settled++;
    else this.#persistence.readModels.forget(runner.jobId);
    if (!this.#over) this.#claims.refill();
  }

  #onSession(state: 'connected' | 'suspended' | 'lost'): void {
    this.runtime.logger.info('session.state', { state, monotonicMs: this.runtime.clock.monotonicMs() });
    if (state === 'lost') return this.#finish({ cause: 'session-lost' });
    this.#suspendedAtMs = state === 'suspended' ? this.runtime.clock.monotonicMs() : undefined;
    if (state !== 'connected') return;
    for (const runner of this.#runners.values()) runner.kick();
    if (this.#view !== undefined) this.#claims.start(this.#view);
    this.#shared.reconnected();
  }

  #finish(end: IncarnationEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#claims.stop();
    this.#suspects.close();
    this.#adoption?.stop();
    this.dispatcher.stop();
    this.#timers.stop();
    for (const runner of [...this.#runners.values()]) runner.stop('stopped');
    this.#end(end);
  }
}
