/**
 * Purpose: the worker as a service: one incarnation per jobboard session, one after the other, until it is told to stop.
 * States: opening → ready → (session lost) → opening …; draining → stopped. Slots and outbox outlive sessions.
 * On failure: services away at start or after a lost session: tried again with back-off, for ever; what must not happen (another
 *   member of the same id, a newer board, an inbox whose reader threw) ends `run`, after the session. A thread that cannot be ended does so
 *   after a drain: the others come to their end, and whoever started this process starts another.
 */
import {
  OutageLog,
  readinessOf,
  openPersistently,
  type Coordination,
  type PartitionLog,
  type Readiness,
  type Runtime,
  type SessionToken,
  type WorkerInfo,
} from '@baton/core';
import { Outbox, ensureTopics } from '@baton/transport';
import type { StartHost } from './host-messages.js';
import { Incarnation } from './incarnation.js';
import { limits, resolveWorkerOptions, type WorkerOptions } from './options.js';
import type { RegisteredTask } from './registered-task.js';
import { TaskRegistry } from './task-registry.js';
import { TaskHosts } from './task-hosts.js';
import { TaskSlots } from './task-slots.js';

export interface WorkerDeps {
  readonly tasks: Iterable<RegisteredTask>;
  readonly runtime: Runtime;
  readonly coordination: Coordination;
  readonly log: PartitionLog;
  /** Prefix of the topics. */
  readonly prefix: string;
  /** Name of the jobboard. */
  readonly board: string;
  /** `id` must differ from that of every other live member. */
  readonly member: Pick<WorkerInfo, 'id' | 'host' | 'pid' | 'version'>;
  readonly options?: WorkerOptions;
  /** Told after every new session: what the guard needs to end it. */
  readonly onSession?: (token: SessionToken) => void;
  /** Needed when a task is to run in a thread or process of its own. */
  readonly startHost?: StartHost;
}

export interface WorkerEnd {
  /** Whether every task that ran came to its end. */
  readonly drained: boolean;
  /** Requests that somebody else has to run: refused unstarted, still running at the end, or with messages that could not be sent any more. */
  readonly handedBack: number;
}

export interface WorkerStatus {
  readonly state: 'opening' | 'ready' | 'draining' | 'stopped';
  /** Absent while no session is open. */
  readonly incarnation?: Incarnation['stats'];
}

export interface Worker {
  /**
   * Runs until `signal` is aborted, then drains: refuses what is not started, waits up to `drainTimeoutMs` for running tasks.
   * Call once. @throws InputError when an isolated task's module does not load there; ConflictError when another member has this id
   * or the board is newer; UnavailableError `BATON_UNAVAILABLE_TASK_STUCK`, after a drain, when a task goes on in a thread that was killed:
   * then the process has to end; InvariantError and bugs.
   */
  run(options: { readonly signal: AbortSignal }): Promise<WorkerEnd>;
  readonly status: WorkerStatus;
  /** Whether it takes tasks at present. */
  readonly readiness: Readiness;
}

/**
 * A worker that offers these tasks, and only these, as long as it runs.
 * @throws InputError `BATON_INPUT_INVALID` for options out of range, or an isolated task without its module or without `startHost`;
 *   DefinitionError `BATON_DEFINITION_DUPLICATE_TASK`, `BATON_DEFINITION_INVALID` for the tasks.
 */
export function createWorker(deps: WorkerDeps): Worker {
  return new WorkerService(deps);
}

class WorkerService implements Worker {
  readonly #deps: WorkerDeps;
  readonly #parts: Pick<Parameters<typeof Incarnation.open>[0], 'options' | 'registry' | 'slots' | 'hosts'>;
  /** Incarnations of lost sessions whose tasks have not ended yet. */
  readonly #retiring = new Set<Promise<void>>();
  readonly #outage: OutageLog;
  #outbox: { readonly clusterId: string; readonly outbox: Outbox } | undefined;
  #incarnation: Incarnation | undefined;
  #state: WorkerStatus['state'] = 'opening';

  constructor(deps: WorkerDeps) {
    this.#deps = deps;
    this.#outage = new OutageLog({
      ...deps.runtime,
      messages: { waiting: 'worker.waiting', back: 'worker.back' },
      fields: { memberId: deps.member.id },
    });
    const options = resolveWorkerOptions(deps.options ?? {});
    const slots = new TaskSlots(options.concurrency);
    const tasks = [...deps.tasks];
    const hosts = new TaskHosts({ tasks, start: deps.startHost, runtime: deps.runtime });
    this.#parts = { options, slots, hosts, registry: new TaskRegistry(tasks) };
  }

  get status(): WorkerStatus {
    const incarnation = this.#incarnation?.stats;
    return { state: this.#state, ...(incarnation && { incarnation }) };
  }

  get readiness(): Readiness {
    const isOpen = this.#state === 'ready';
    const member =
      this.#state === 'opening' ? (this.#outage.problem ?? 'starts') : isOpen ? undefined : 'stops';
    return readinessOf({
      member,
      jobboard: this.#incarnation?.contactProblem,
      log: this.#incarnation?.inboxProblem ?? this.#outbox?.outbox.problem,
    });
  }

  async run({ signal }: { readonly signal: AbortSignal }): Promise<WorkerEnd> {
    const { stuck } = this.#parts.hosts;
    // `AbortSignal.any` gives one that Node keeps, with whatever listens to it, until it is aborted
    const stop = new AbortController();
    for (const cause of [signal, stuck]) void abortOf(cause).then(() => stop.abort());
    const end = await this.#runUntil(stop.signal);
    if (!signal.aborted) stuck.throwIfAborted();
    // what the closed outbox still has, nobody will ever read: the answers of tasks that ended while the log was away
    return { ...end, handedBack: end.handedBack + (this.#outbox?.outbox.pending ?? 0) };
  }

  async #runUntil(signal: AbortSignal): Promise<WorkerEnd> {
    const told = abortOf(signal);
    try {
      await Promise.race([told, this.#parts.hosts.open()]);
      while (!signal.aborted) {
        const incarnation = await this.#open(told);
        if (incarnation === undefined) break;
        this.#incarnation = incarnation;
        this.#state = 'ready';
        const end = await Promise.race([told, incarnation.ended]);
        if (end === undefined || signal.aborted) return await this.#drain(incarnation);
        this.#state = 'opening';
        this.#incarnation = undefined;
        const retired = incarnation.retire().finally(() => this.#retiring.delete(retired));
        this.#retiring.add(retired);
        if (end.cause === 'broken') throw end.error;
      }
      return { drained: true, handedBack: 0 };
    } finally {
      await Promise.all(this.#retiring);
      await this.#parts.hosts.close();
      await this.#outbox?.outbox.close({ deadlineMs: limits.flushMs });
      this.#state = 'stopped';
      this.#incarnation = undefined;
    }
  }

  async #drain(incarnation: Incarnation): Promise<WorkerEnd> {
    this.#state = 'draining';
    const { drainTimeoutMs } = this.#parts.options;
    const end = await incarnation.drain({ timeoutMs: drainTimeoutMs });
    this.#deps.runtime.logger.info('worker.drained', { memberId: this.#deps.member.id, ...end });
    return end;
  }

  /** The next incarnation; undefined when the worker was told to stop before there was one. */
  #open(told: Promise<void>): Promise<Incarnation | undefined> {
    const { onSession = () => undefined, runtime } = this.#deps;
    return openPersistently({
      open: () =>
        Incarnation.open({
          ...this.#deps,
          ...this.#parts,
          onSession,
          outboxOf: (clusterId) => this.#outboxOf(clusterId),
        }),
      stopped: told,
      closeLate: (late) => late.retire().then(() => this.#outbox?.outbox.close({ deadlineMs: 0 })),
      clock: runtime.clock,
      outage: this.#outage,
    });
  }

  async #outboxOf(clusterId: string): Promise<Outbox> {
    if (this.#outbox?.clusterId === clusterId) return this.#outbox.outbox;
    // another cluster under the same address: the board was made anew
    await this.#outbox?.outbox.close({ deadlineMs: 0 });
    const { log, prefix, runtime, member } = this.#deps;
    await ensureTopics(log, prefix, this.#parts.options);
    const outbox = await Outbox.open({ log, prefix, runtime, sender: member.id, clusterId });
    this.#outbox = { clusterId, outbox };
    return outbox;
  }
}

/** Resolves when the signal is aborted. */
function abortOf(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
