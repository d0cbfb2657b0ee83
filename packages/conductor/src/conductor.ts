/**
 * Purpose: the conductor as a service: one incarnation per jobboard session, one after the other, until it is told to stop.
 * States: running → draining → stopped. Store and outbox outlive sessions.
 * On failure: services away at start or after a lost session: tried again with back-off, for ever; what must not happen ends `run`.
 */
import { familyOf } from '@baton/core';
import type { Coordination, DocumentStore, PartitionLog, Runtime, SessionToken } from '@baton/core';
import { openPersistence } from '@baton/persistence';
import type { Persistence } from '@baton/persistence';
import { Outbox, ensureTopics } from '@baton/transport';
import { CompiledFlows } from './compiled-flows.js';
import { Incarnation } from './incarnation.js';
import { resolveConductorOptions } from './options.js';
import type { ConductorOptions } from './options.js';
import type { Counters } from './ownership.js';

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
}

export interface Conductor {
  /**
   * Runs until `signal` is aborted, then hands everything over and resolves with the number of jobs left for others.
   * @throws ConflictError when board and store do not belong together or are newer than this version; InvariantError and bugs.
   */
  run(options: { readonly signal: AbortSignal }): Promise<{ readonly left: number }>;
  readonly counters: Readonly<Counters>;
}

type Services = Awaited<ReturnType<Parameters<typeof Incarnation.open>[0]['services']>>;

const BACK_OFF_MS = { first: 100, max: 2_000 };

/** @throws InputError `BATON_INPUT_INVALID` for options out of range. */
export function createConductor(deps: ConductorDeps): Conductor {
  const options = resolveConductorOptions(deps.options ?? {});
  const counters: Counters = { claimed: 0, takenOver: 0, settled: 0, fenced: 0, adopted: 0, redelivered: 0 };
  let services: Services | undefined;

  async function openServices(clusterId: string): Promise<Services> {
    if (services !== undefined) return services;
    const { runtime, store, log, prefix, member } = deps;
    const persistence: Persistence = await openPersistence({ store, runtime, clusterId });
    await ensureTopics(log, prefix, options);
    const outbox = await Outbox.open({ log, prefix, runtime, sender: member.id, clusterId });
    services = { persistence, outbox, flows: new CompiledFlows(persistence.definitions) };
    return services;
  }

  const open = (): Promise<Incarnation> =>
    Incarnation.open({
      ...deps,
      options,
      counters,
      services: openServices,
      onSession: deps.onSession ?? (() => undefined),
    });

  async function run({ signal }: { readonly signal: AbortSignal }): Promise<{ left: number }> {
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    let left = 0;
    for (let failures = 0; !signal.aborted;) {
      let incarnation: Incarnation;
      try {
        incarnation = await open();
        failures = 0;
      } catch (error) {
        if (familyOf(error) !== 'unavailable') throw error;
        deps.runtime.logger.warn('conductor.waiting', { error });
        const pauseMs = Math.min(BACK_OFF_MS.max, BACK_OFF_MS.first * 2 ** failures++);
        await Promise.race([
          aborted,
          new Promise<void>((resolve) => deps.runtime.clock.setTimer(pauseMs, resolve)),
        ]);
        continue;
      }
      const end = await Promise.race([aborted, incarnation.ended]);
      if (end === undefined) left = await incarnation.drain();
      else await incarnation.close();
      if (end?.cause === 'broken') throw end.error;
    }
    await services?.outbox.close({ deadlineMs: 1_000 });
    services?.persistence.close();
    return { left };
  }

  return { run, counters };
}
