/**
 * Purpose: a worker for the life of one jobboard session: its slot, inbox, registration and epoch, and the requests it was sent.
 * States: open ⇄ suspended → lost, or open → draining → closed.
 * What is authoritative: the member node. While it is there, conductors count on an answer; when it is gone they send the
 *   requests elsewhere. So it stays until the last running task has answered, also while draining: a drain is told by refusals
 *   and heartbeats.
 * On failure: a lost session takes the epoch with it: tasks are told to stop, the worker opens the next incarnation. An inbox that is
 *   not read any more does as well, and ends the worker: its requests would wait for ever, for a member that is there and deaf.
 * Not here: what becomes of a request (request-ledger.ts), trying again (worker.ts).
 */
import type {
  Coordination,
  Member,
  PartitionLog,
  RequestMessage,
  Runtime,
  SessionState,
  SessionToken,
  WorkerInfo,
} from '@baton/core';
import { JobBoard } from '@baton/jobboard';
import { Inbox, type Outbox, type Received } from '@baton/transport';
import { limits, type ResolvedWorkerOptions } from './options.js';
import { RequestRunner } from './request-runner.js';
import type { TaskRegistry } from './task-registry.js';
import type { TaskHosts } from './task-hosts.js';
import type { TaskSlots } from './task-slots.js';

export interface IncarnationDeps {
  readonly runtime: Runtime;
  readonly coordination: Coordination;
  readonly log: PartitionLog;
  readonly prefix: string;
  readonly board: string;
  readonly member: Pick<WorkerInfo, 'id' | 'host' | 'pid' | 'version'>;
  readonly options: ResolvedWorkerOptions;
  readonly registry: TaskRegistry;
  readonly slots: TaskSlots;
  readonly hosts: TaskHosts;
  /** Topics and outbox of that cluster; kept by the worker over sessions. */
  readonly outboxOf: (clusterId: string) => Promise<Outbox>;
  readonly onSession: (token: SessionToken) => void;
}

type IncarnationEnd = { readonly cause: 'lost' } | { readonly cause: 'broken'; readonly error: unknown };

export class Incarnation {
  /** Resolves when the session is lost, or the inbox is not read any more, which only a defect brings about. */
  readonly ended: Promise<IncarnationEnd>;
  readonly #runtime: Runtime;
  readonly #board: JobBoard;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox<RequestMessage>;
  readonly #member: Member<WorkerInfo>;
  readonly #runner: RequestRunner;
  readonly #hosts: TaskHosts;
  readonly #unsubscribe: () => void;
  #tellEnd: (end: IncarnationEnd) => void = () => undefined;

  /** @throws UnavailableError when a service is away or no slot is free; ConflictError when another member has this id. */
  static async open(deps: IncarnationDeps): Promise<Incarnation> {
    const { coordination, options, runtime, member } = deps;
    const session = await coordination.connect({ timeoutMs: options.sessionTimeoutMs });
    deps.onSession(session.token);
    let inbox: OpeningInbox | undefined;
    try {
      const board = await JobBoard.open({ session, board: deps.board, runtime, memberId: member.id });
      const outbox = await deps.outboxOf(board.clusterId);
      const requestPartition = await board.leaseSlot('requests', options.requestSlots);
      // Reading begins before anybody can know the inbox, so no request is missed (P-901). What comes before the own epoch is
      // known is for an earlier holder of the partition, or for this member, just registered: it is kept until one can tell.
      inbox = await OpeningInbox.open(deps, { outbox, requestPartition, clusterId: board.clusterId });
      const registered = await board.register(workerInfo(deps, requestPartition));
      return new Incarnation(deps, { board, outbox, inbox, member: registered });
    } catch (error) {
      await session.close();
      await inbox?.inbox.close();
      throw error;
    }
  }

  private constructor(
    deps: IncarnationDeps,
    parts: { board: JobBoard; outbox: Outbox; inbox: OpeningInbox; member: Member<WorkerInfo> },
  ) {
    const { runtime, registry, slots, hosts, options } = deps;
    this.#runtime = runtime;
    this.#hosts = hosts;
    this.#board = parts.board;
    this.#outbox = parts.outbox;
    this.#inbox = parts.inbox.inbox;
    this.#member = parts.member;
    this.ended = new Promise((resolve) => (this.#tellEnd = resolve));
    this.#inbox.ended.catch((error: unknown) => this.#end({ cause: 'broken', error }));
    this.#runner = new RequestRunner({
      runtime,
      worker: deps.member.id,
      epoch: parts.member.epoch,
      registry,
      slots,
      hosts,
      options,
      outbox: parts.outbox,
    });
    const { session } = parts.board;
    this.#unsubscribe = session.onState((state) => this.#onSession(state));
    this.#onSession(session.state);
    parts.inbox.handTo((messages) => this.#runner.receive(messages));
    runtime.logger.info('worker.ready', {
      memberId: deps.member.id,
      epoch: parts.member.epoch,
      requestPartition: parts.member.requestPartition,
      concurrency: options.concurrency,
      tasks: parts.member.tasks.length,
    });
  }

  get stats() {
    const { epoch, requestPartition } = this.#member;
    return { epoch, requestPartition, session: this.#board.session.state, ...this.#runner.stats };
  }

  /** Why no request could be read at present. */
  get inboxProblem(): string | undefined {
    return this.#inbox.problem;
  }

  /** Why no task is started. */
  get contactProblem(): string | undefined {
    return this.#board.session.state === 'connected' ? undefined : 'no contact with its servers';
  }

  /**
   * Leaves in good order (P-920): refuses what is not started, waits for what runs, tells it to stop when four fifths of
   * `timeoutMs` are over, and ends the session only after every answer is in the log.
   */
  async drain({ timeoutMs }: { readonly timeoutMs: number }): Promise<{
    /** Whether every task that ran came to its end. */
    readonly drained: boolean;
    /** Requests that somebody else has to run. */
    readonly handedBack: number;
  }> {
    this.#runner.drain();
    await this.#atMost((timeoutMs * 4) / 5, this.#runner.idle());
    this.#runner.abort('drain', `worker ${this.#member.id} shuts down`);
    await this.#atMost(timeoutMs / 5, this.#runner.idle());
    const left = this.#runner.stats.running;
    const handedBack = this.#runner.handedBack + left;
    // what still runs there must not run on beside its next delivery
    await this.#hosts.close();
    await this.#atMost(limits.flushMs, this.#outbox.idle());
    await this.#close();
    return { drained: left === 0, handedBack };
  }

  /** After the end: resolves when the last of its tasks has ended or was given up. The session is over before. */
  async retire(): Promise<void> {
    await this.#close();
    await this.#runner.idle();
  }

  #onSession(state: SessionState): void {
    if (state === 'connected') return this.#runner.resume();
    this.#runner.pause();
    if (state === 'suspended') return;
    this.#end({ cause: 'lost' });
  }

  #end(end: IncarnationEnd): void {
    const fields = { epoch: this.#member.epoch, ...this.#runner.stats };
    if (end.cause === 'lost') this.#runtime.logger.warn('worker.session-lost', fields);
    else this.#runtime.logger.error('worker.inbox-broken', { ...fields, error: end.error });
    this.#runner.end();
    this.#runner.abort('lost', `worker ${this.#member.id} lost its session`);
    this.#tellEnd(end);
  }

  async #close(): Promise<void> {
    this.#unsubscribe();
    this.#runner.end();
    await Promise.all([this.#inbox.close(), this.#board.close()]);
  }

  async #atMost(waitMs: number, done: Promise<void>): Promise<void> {
    let cancel: () => void = () => undefined;
    const over = new Promise<void>((resolve) => (cancel = this.#runtime.clock.setTimer(waitMs, resolve)));
    await Promise.race([done, over]);
    cancel();
  }
}

/** An inbox whose messages are kept until there is somebody to take them. */
class OpeningInbox {
  inbox!: Inbox<RequestMessage>;
  #kept: RequestMessage[] = [];
  #take: ((messages: Iterable<RequestMessage>) => void) | undefined;

  static async open(
    { log, prefix, runtime }: IncarnationDeps,
    o: { readonly outbox: Outbox; readonly requestPartition: number; readonly clusterId: string },
  ): Promise<OpeningInbox> {
    const opening = new OpeningInbox();
    opening.inbox = await Inbox.openRequests({
      log,
      prefix,
      runtime,
      partition: o.requestPartition,
      clusterId: o.clusterId,
      onMessages: (messages) => opening.#onMessages(messages),
      onPoison: (poison) => o.outbox.sendDead(poison),
    });
    return opening;
  }

  handTo(take: (messages: Iterable<RequestMessage>) => void): void {
    this.#take = take;
    take(this.#kept);
    this.#kept = [];
  }

  #onMessages(received: readonly Received<RequestMessage>[]): void {
    const messages = received.map(({ message }) => message);
    if (this.#take === undefined) this.#kept.push(...messages);
    else this.#take(messages);
  }
}

function workerInfo(deps: IncarnationDeps, requestPartition: number): WorkerInfo {
  const { member, options, registry, runtime } = deps;
  return {
    kind: 'worker',
    id: member.id,
    host: member.host,
    pid: member.pid,
    version: member.version,
    startedAtMs: runtime.clock.wallMs(),
    requestPartition,
    concurrency: options.concurrency,
    tasks: registry.listing(),
  };
}
