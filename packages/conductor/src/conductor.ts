/**
 * Purpose: the conductor as a service: one incarnation per jobboard session, one after the other, until it is told to stop.
 * States: running → draining → stopped. Store and outbox outlive sessions.
 * On failure: services away at start or after a lost session: tried again with back-off, for ever; what must not happen ends `run`.
 */
import { OutageLog, hash32, openPersistently, readinessOf } from '@baton/core';
import type {
  Coordination,
  DocumentStore,
  NotifyTarget,
  PartitionLog,
  Readiness,
  Runtime,
  SessionToken,
} from '@baton/core';
import { ConductorServices } from './conductor-services.js';
import type { MakeDelegateLink } from './dispatcher.js';
import { Incarnation } from './incarnation.js';
import { resolveConductorOptions } from './options.js';
import type { ConductorOptions, ResolvedConductorOptions } from './options.js';
import type { Counters, HeadListener } from './ownership.js';
import type { RetentionOptions } from './retention-duty.js';
import { createWebhook, type SendNotification } from './webhook.js';

export interface ConductorDeps {
  readonly runtime: Runtime;
  readonly coordination: Coordination;
  readonly log: PartitionLog;
  readonly store: DocumentStore;
  /** Prefix of the topics. */
  readonly prefix: string;
  /** Name of the jobboard. */
  readonly board: string;
  readonly member: {
    readonly id: string;
    readonly host: string;
    readonly pid: number;
    readonly version: string;
  };
  readonly options?: ConductorOptions;
  /** Told after every new session: what the guard needs to end it. */
  readonly onSession?: (token: SessionToken) => void;
  /** For tasks that ask for the answer of a delegate; without it they fail. */
  readonly linkTo?: MakeDelegateLink;
  /** Told how far each owned job is: what the guard leaves to its next owner. */
  readonly heads?: HeadListener;
  /** Who is told of every job, beside those that are named with one; and how. Default: nobody, by `createWebhook` without exceptions. */
  readonly notifications?: {
    readonly targets?: readonly NotifyTarget[];
    readonly send?: SendNotification;
  };
  /** How long jobs that have ended are kept. Default: for ever. */
  readonly retention?: RetentionOptions;
}

export interface Conductor {
  /**
   * Runs until `signal` is aborted, then hands everything over, within `drainTimeoutMs`, and resolves with the number of jobs
   * left for others.
   * @throws ConflictError when board and store do not belong together or are newer than this version; InvariantError and bugs.
   */
  run(options: { readonly signal: AbortSignal }): Promise<{ readonly left: number }>;
  readonly counters: Readonly<Counters>;
  /** Whether it claims and decides at present. */
  readonly readiness: Readiness;
}

/** @throws InputError `BATON_INPUT_INVALID` for options out of range. */
export function createConductor(deps: ConductorDeps): Conductor {
  return new ConductorService(deps);
}

class ConductorService implements Conductor {
  readonly counters: Counters = {
    claimed: 0,
    takenOver: 0,
    settled: 0,
    fenced: 0,
    adopted: 0,
    redelivered: 0,
    superseded: 0,
  };
  readonly #deps: ConductorDeps;
  readonly #options: ResolvedConductorOptions;
  readonly #services: ConductorServices;
  readonly #outage: OutageLog;
  #incarnation: Incarnation | undefined;
  #isStopping = false;

  constructor(deps: ConductorDeps) {
    this.#deps = deps;
    this.#options = resolveConductorOptions(deps.options ?? {});
    this.#services = new ConductorServices(deps, this.#options);
    const messages = { waiting: 'conductor.waiting', back: 'conductor.back' };
    this.#outage = new OutageLog({ ...deps.runtime, messages });
  }

  get readiness(): Readiness {
    const incarnation = this.#incarnation;
    const starting = this.#outage.problem ?? 'starts';
    const isCut = incarnation !== undefined && incarnation.board.session.state !== 'connected';
    return readinessOf({
      member: this.#isStopping ? 'stops' : incarnation === undefined ? starting : undefined,
      jobboard: isCut ? 'no contact with its servers' : undefined,
      ...this.#services.problems,
      ...(incarnation?.logContact.problem !== undefined && { log: incarnation.logContact.problem }),
    });
  }

  async run({ signal }: { readonly signal: AbortSignal }): Promise<{ left: number }> {
    try {
      return { left: await this.#live(signal) };
    } finally {
      await this.#services.close();
    }
  }

  /** One incarnation after the other; gives the jobs left by the last. */
  async #live(signal: AbortSignal): Promise<number> {
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    }).then(() => void (this.#isStopping = true));
    while (!signal.aborted) {
      const incarnation = await openPersistently({
        open: () => this.#open(),
        stopped,
        closeLate: (late) => late.close().then(() => this.#services.close()),
        clock: this.#deps.runtime.clock,
        outage: this.#outage,
      });
      if (incarnation === undefined) return 0;
      this.#incarnation = incarnation;
      const end = await Promise.race([stopped, incarnation.ended]);
      this.#incarnation = undefined;
      if (end === undefined) return incarnation.drain({ timeoutMs: this.#options.drainTimeoutMs });
      await incarnation.close();
      if (end.cause === 'broken') throw end.error;
    }
    return 0;
  }

  #open(): Promise<Incarnation> {
    const { notifications = {}, retention = {} } = this.#deps;
    return Incarnation.open({
      ...this.#deps,
      options: this.#options,
      counters: this.counters,
      services: (clusterId) => this.#services.open(clusterId),
      onSession: this.#deps.onSession ?? (() => undefined),
      retention,
      notifications: {
        send: notifications.send ?? createWebhook({ allow: [] }),
        // by what is told apart when the list changes
        targets: Object.fromEntries(
          (notifications.targets ?? []).map((target) => [`every-${hash32(target.url).toString(16)}`, target]),
        ),
      },
    });
  }
}
