/**
 * Purpose: the conductor as a service: one incarnation per jobboard session, one after the other, until it is told to stop.
 * States: running → draining → stopped. Store and outbox outlive sessions.
 * On failure: services away at start or after a lost session: tried again with back-off, for ever; what must not happen ends `run`.
 */
import { OutageLog, openPersistently } from '@baton/core';
import type { Coordination, DocumentStore, PartitionLog, Runtime, SessionToken } from '@baton/core';
import { ConductorServices } from './conductor-services.js';
import { Incarnation } from './incarnation.js';
import { resolveConductorOptions } from './options.js';
import type { ConductorOptions } from './options.js';
import type { Counters, HeadListener } from './ownership.js';

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
  /** Told how far each owned job is: what the guard leaves to its next owner. */
  readonly heads?: HeadListener;
}

export interface Conductor {
  /**
   * Runs until `signal` is aborted, then hands everything over, within `drainTimeoutMs`, and resolves with the number of jobs
   * left for others.
   * @throws ConflictError when board and store do not belong together or are newer than this version; InvariantError and bugs.
   */
  run(options: { readonly signal: AbortSignal }): Promise<{ readonly left: number }>;
  readonly counters: Readonly<Counters>;
}

/** @throws InputError `BATON_INPUT_INVALID` for options out of range. */
export function createConductor(deps: ConductorDeps): Conductor {
  const options = resolveConductorOptions(deps.options ?? {});
  const counters: Counters = {
    claimed: 0,
    takenOver: 0,
    settled: 0,
    fenced: 0,
    adopted: 0,
    redelivered: 0,
    superseded: 0,
  };
  const services = new ConductorServices(deps, options);

  const open = (): Promise<Incarnation> =>
    Incarnation.open({
      ...deps,
      options,
      counters,
      services: (clusterId) => services.open(clusterId),
      onSession: deps.onSession ?? (() => undefined),
    });

  /** One incarnation after the other; gives the jobs left by the last. */
  async function live(signal: AbortSignal): Promise<number> {
    const { clock, logger } = deps.runtime;
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    const messages = { waiting: 'conductor.waiting', back: 'conductor.back' };
    const outage = new OutageLog({ clock, logger, messages });
    while (!signal.aborted) {
      const incarnation = await openPersistently({
        open,
        stopped: aborted,
        closeLate: (late) => late.close().then(() => services.close()),
        ...{ clock, outage },
      });
      if (incarnation === undefined) return 0;
      const end = await Promise.race([aborted, incarnation.ended]);
      if (end === undefined) return incarnation.drain({ timeoutMs: options.drainTimeoutMs });
      await incarnation.close();
      if (end.cause === 'broken') throw end.error;
    }
    return 0;
  }

  async function run({ signal }: { readonly signal: AbortSignal }): Promise<{ left: number }> {
    try {
      return { left: await live(signal) };
    } finally {
      await services.close();
    }
  }

  return { run, counters };
}
