/**
 * Purpose: a whole cluster in one process: the production code of conductors, workers and clients on simulated services, each member a simulated
 *   operating system process with a guard beside it.
 * States of a member: up → killed | ended by itself; started again under the same name when its session is gone or not.
 * What is authoritative: the services. Members know of each other only what they read there.
 * On failure: a member that ends with an error although nobody killed it is a violation (`crashes`).
 * Not here: when what happens (faults.ts), whether the outcome is right (checker.ts).
 */
import { Client } from '@baton/client';
import { createConductor } from '@baton/conductor';
import type { CoordinationSession, Runtime, SessionToken } from '@baton/core';
import {
  SeededRandom,
  SimulatedCoordination,
  SimulatedCoordinationService,
  SimulatedDocumentService,
  SimulatedDocumentStore,
  SimulatedLogService,
  SimulatedPartitionLog,
} from '@baton/testkit';
import { createWorker } from '@baton/worker';
import { Effects } from './effects.js';
import { SimulatedProcess, wallStartMs, type LogLine } from './process.js';
import { VirtualTime } from './virtual-time.js';
import { below, stepTask } from './workload.js';

export interface Member {
  readonly id: string;
  readonly kind: 'conductor' | 'worker';
  readonly process: SimulatedProcess;
  readonly sessions: CoordinationSession[];
  /** What its guard would end. */
  token: SessionToken | undefined;
  /** SIGTERM. */
  drain(): void;
  hasEnded: boolean;
}

export interface ClusterOptions {
  readonly seed: number;
  readonly sessionTimeoutMs: number;
  /** Mean of one trip over the network, ms. */
  readonly tripMs: number;
  /** Largest distance of a process's wall clock from the true one. */
  readonly skewMs: number;
  readonly concurrency: number;
  readonly onLog: (line: LogLine) => void;
}

const slots = { replySlots: 8, requestSlots: 12 };
const prefix = 'sim';
const board = 'default';

export class Cluster {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly effects = new Effects();
  readonly coordination: SimulatedCoordinationService;
  readonly logs: SimulatedLogService;
  readonly documents: SimulatedDocumentService;
  readonly members = new Map<string, Member>();
  readonly crashes: string[] = [];
  readonly client: Client;
  readonly #options: ClusterOptions;
  readonly #outside: SimulatedProcess;
  #processes = 0;

  constructor(options: ClusterOptions) {
    this.#options = options;
    const wall = { wallMs: () => wallStartMs + this.time.nowMs };
    this.random = new SeededRandom(options.seed, wall as Runtime['clock']);
    this.time = new VirtualTime(() => this.random.fraction());
    // the services have a process of their own, so that their timers run in the same time
    const services = this.process('services').runtime;
    this.coordination = new SimulatedCoordinationService(services);
    this.logs = new SimulatedLogService(services);
    this.documents = new SimulatedDocumentService(services);
    this.#outside = this.process('client');
    this.client = new Client({
      runtime: this.#outside.runtime,
      coordination: this.#coordinationOf(this.#outside),
      store: this.#storeOf(this.#outside),
      board,
      clientId: 'client',
      sessionTimeoutMs: options.sessionTimeoutMs,
    });
  }

  process(name: string): SimulatedProcess {
    const { seed, skewMs, tripMs, onLog } = this.#options;
    const number = this.#processes++;
    return new SimulatedProcess({
      name,
      time: this.time,
      seed: seed * 1_000 + number,
      skewMs: Math.round((this.random.fraction() * 2 - 1) * skewMs),
      // most trips are short, a few are long
      tripMs: () => -Math.log(1 - this.random.fraction()) * tripMs,
      onLog,
    });
  }

  /** For what a test does from outside, like a guard. */
  get outside(): SimulatedProcess {
    return this.#outside;
  }

  start(kind: Member['kind'], id: string): Member {
    const process = this.process(`${id}#${this.#processes}`);
    const controller = new AbortController();
    const member: Member = {
      id,
      kind,
      process,
      sessions: [],
      token: undefined,
      hasEnded: false,
      drain: () => controller.abort(),
    };
    this.members.set(id, member);
    const coordination = this.#coordinationOf(process);
    const deps = {
      runtime: process.runtime,
      coordination: {
        connect: async (options: { readonly timeoutMs: number; readonly connectTimeoutMs?: number }) => {
          const session = await coordination.connect(options);
          member.sessions.push(session);
          return session;
        },
        endSession: coordination.endSession.bind(coordination),
      },
      log: new SimulatedPartitionLog(process.runtime, { service: this.logs, wire: process }),
      prefix,
      board,
      member: { id, host: 'here', pid: this.#processes, version: '0' },
      onSession: (token: SessionToken) => (member.token = token),
    };
    const { sessionTimeoutMs, concurrency } = this.#options;
    const common = { sessionTimeoutMs, ...slots, drainTimeoutMs: 5_000 };
    const service =
      kind === 'conductor'
        ? createConductor({ ...deps, store: this.#storeOf(process), options: common })
        : createWorker({
            ...deps,
            tasks: [stepTask(process, this.effects)],
            options: { ...common, concurrency },
          });
    service.run({ signal: controller.signal }).then(
      () => this.#ended(member, undefined),
      (error: unknown) => this.#ended(member, error),
    );
    return member;
  }

  /** SIGKILL. With a guard its session is ended in some ms, else at its timeout. */
  kill(member: Member, { guard }: { readonly guard: boolean }): void {
    member.process.kill();
    for (const session of member.sessions) this.coordination.partition(session);
    const { token } = member;
    if (!guard || token === undefined) return;
    this.time.schedule(2 + below(this.random, 20), () => {
      const coordination = new SimulatedCoordination(this.#outside.runtime, {
        service: this.coordination,
        wire: this.#outside,
      });
      void coordination.endSession(token, { timeoutMs: 5_000 }).catch(() => undefined);
    });
  }

  /** SIGSTOP until `forMs` have passed. */
  pause(member: Member, forMs: number): void {
    member.process.hold();
    for (const session of member.sessions) this.coordination.partition(session);
    this.time.schedule(forMs, () => {
      if (!member.process.alive) return;
      member.process.goOn();
      for (const session of member.sessions) this.coordination.heal(session);
    });
  }

  ofKind(kind: Member['kind']): Member[] {
    return [...this.members.values()].filter((member) => member.kind === kind && member.process.alive);
  }

  #ended(member: Member, error: unknown): void {
    member.hasEnded = true;
    if (member.process.alive && error !== undefined)
      this.crashes.push(
        `${member.process.name} ended: ${error instanceof Error ? error.stack : String(error)}`,
      );
    member.process.kill();
  }

  #coordinationOf(process: SimulatedProcess): SimulatedCoordination {
    return new SimulatedCoordination(process.runtime, { service: this.coordination, wire: process });
  }

  #storeOf(process: SimulatedProcess): SimulatedDocumentStore {
    return new SimulatedDocumentStore(process.runtime, { service: this.documents, wire: process });
  }
}
