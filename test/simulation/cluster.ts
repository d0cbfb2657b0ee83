/**
 * Purpose: a whole cluster in one process: the production code of conductors, workers and clients on simulated services, each member a simulated
 *   operating system process with a guard beside it.
 * States of a member: up → killed | ended by itself; started again under the same name, whether its session is gone by then or not.
 * What is authoritative: the services. Members know of each other only what they read there.
 * On failure: a member that ends with an error although nobody killed it is a violation (`crashes`).
 * Not here: when what happens (faults.ts), what users do (user.ts), whether the outcome is right (checker/).
 */
import { Client } from '@baton/client';
import { createConductor } from '@baton/conductor';
import type { CoordinationSession, DelegateLink, LastWords, SessionToken } from '@baton/core';
import { JobBoard, bucketIndexOf, headHintWords } from '@baton/jobboard';
import {
  SimulatedCoordination,
  SimulatedCoordinationService,
  SimulatedDocumentService,
  SimulatedDocumentStore,
  SimulatedLogService,
  SimulatedPartitionLog,
  type SeededRandom,
} from '@baton/testkit';
import { createWorker } from '@baton/worker';
import { below, chance, streamOf, type Choices } from './choices.js';
import { History } from './history.js';
import { Network } from './network.js';
import { printed } from './print.js';
import { SimulatedProcess, type LogLine } from './process.js';
import { VirtualTime } from './virtual-time.js';
import { World, worldTask } from './world-task.js';

export interface Member {
  readonly id: string;
  readonly kind: 'conductor' | 'worker';
  readonly process: SimulatedProcess;
  readonly sessions: CoordinationSession[];
  /** What its guard would end, and what it would say. */
  token: SessionToken | undefined;
  readonly heads: Map<string, number>;
  /** SIGTERM. */
  drain(): void;
  /** It was told to, and will end by itself. */
  isLeaving: boolean;
  hasEnded: boolean;
}

export interface ClusterOptions {
  readonly seed: number;
  readonly choices: Choices;
  readonly onLog?: ((line: LogLine) => void) | undefined;
}

const slots = { replySlots: 8, requestSlots: 12 };
const prefix = 'sim';
const board = 'default';
const buckets = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, '0'));

export class Cluster {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly network: Network;
  readonly history: History;
  readonly world = new World();
  readonly coordination: SimulatedCoordinationService;
  readonly logs: SimulatedLogService;
  readonly documents: SimulatedDocumentService;
  readonly members = new Map<string, Member>();
  readonly crashes: string[] = [];
  readonly #options: ClusterOptions;
  /** Guards are no part of what fails here: they live beside the processes. */
  readonly #guards: SimulatedProcess;
  #processes = 0;

  private constructor(options: ClusterOptions, like: SimulatedCoordinationService | undefined) {
    this.#options = options;
    const { seed, choices } = options;
    this.random = streamOf(seed, 'world');
    this.time = new VirtualTime(() => this.random.fraction());
    this.network = new Network({ time: this.time, random: this.random, tripMs: choices.tripMs });
    this.history = new History(this.time);
    // the services have a process of their own, so that their timers run in the same time
    const { runtime } = this.process('services', { isExact: true });
    const { history } = this;
    this.coordination = new SimulatedCoordinationService(runtime, {
      observe: (transaction) => history.transaction(transaction),
      ...(like && { like }),
    });
    this.logs = new SimulatedLogService(runtime, {
      observe: ({ topic, partition, value }) => history.record(topic, partition, value),
    });
    this.documents = new SimulatedDocumentService(runtime, { observe: (write) => history.document(write) });
    this.#guards = this.process('guards', { isExact: true });
  }

  static async start(options: ClusterOptions): Promise<Cluster> {
    return new Cluster(options, options.choices.isNewBoard ? undefined : await laidOut());
  }

  process(name: string, { isExact = false } = {}): SimulatedProcess {
    const { seed, choices, onLog } = this.#options;
    const { random } = this;
    const number = this.#processes++;
    const spread = (): number => (isExact ? 0 : random.fraction() * 2 - 1);
    return new SimulatedProcess({
      name,
      time: this.time,
      network: this.network,
      seed: seed * 1_000 + number,
      skewMs: Math.round(spread() * choices.skewMs),
      rate: choices.drift ** spread(),
      onLog: (line) => {
        this.history.see('log', printed(line));
        onLog?.(line);
      },
    });
  }

  /** A user's program; `sessions` receives what it opens. */
  client(process: SimulatedProcess, sessions: CoordinationSession[]): Client {
    return new Client({
      runtime: process.runtime,
      coordination: this.#remembered(process, sessions),
      store: this.#storeOf(process),
      board,
      clientId: process.name,
      sessionTimeoutMs: this.#options.choices.sessionTimeoutMs,
    });
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
      heads: new Map(),
      isLeaving: false,
      hasEnded: false,
      drain: () => {
        member.isLeaving = true;
        controller.abort();
      },
    };
    this.members.set(id, member);
    const deps = {
      runtime: process.runtime,
      coordination: this.#remembered(process, member.sessions),
      log: this.#logOf(process, kind),
      prefix,
      board,
      member: { id, host: 'here', pid: this.#processes, version: '0' },
      onSession: (token: SessionToken) => {
        member.token = token;
        this.history.keep(token.secret, 'password of a session');
      },
    };
    const { sessionTimeoutMs, concurrency, maxJobs } = this.#options.choices;
    const common = { sessionTimeoutMs, ...slots, drainTimeoutMs: 5_000 };
    const { heads } = member;
    const service =
      kind === 'conductor'
        ? createConductor({
            ...deps,
            store: this.#storeOf(process),
            options: { ...common, maxJobs },
            linkTo: (requestId) => this.#linkTo(requestId),
            heads: {
              changed: (jobId, seq) => void heads.set(jobId, seq),
              gone: (jobId) => void heads.delete(jobId),
            },
          })
        : createWorker({ ...deps, tasks: [this.#taskOf(member)], options: { ...common, concurrency } });
    service.run({ signal: controller.signal }).then(
      () => this.#ended(member, undefined),
      (error: unknown) => this.#ended(member, error),
    );
    return member;
  }

  /** SIGKILL: the services do not hear of it any more. */
  kill({ process, sessions }: Pick<Member, 'process' | 'sessions'>): void {
    process.kill();
    for (const session of sessions) this.coordination.partition(session);
  }

  /** With a guard its session is ended in some ms, else at its timeout. */
  killMember(member: Member, { guard }: { readonly guard: boolean }): void {
    this.kill(member);
    const sessionIds = member.sessions.map(({ id }) => id);
    if (member.kind === 'conductor') this.history.lose({ sessionIds, isGuarded: guard });
    if (guard) this.time.schedule(2 + below(this.random, 20), () => this.endSession(member));
  }

  /** As the guard of a member does when its child has ended; also when it has not (H65). */
  endSession(member: Member): void {
    const { token, heads } = member;
    if (token === undefined) return;
    const coordination = this.#coordinationOf(this.#guards);
    const lastWords = this.#lastWords(heads);
    const end = { timeoutMs: 5_000, ...(lastWords && { lastWords }) };
    void coordination.endSession(token, end).catch(() => undefined);
  }

  /** SIGSTOP until `forMs` have passed. */
  pause(member: Member, forMs: number): void {
    member.process.hold();
    for (const session of member.sessions) this.coordination.partition(session);
    this.time.schedule(forMs, () => {
      member.process.goOn();
      // for a while it works on, and has not heard that its session is over
      this.time.schedule(200 * this.random.fraction() ** 2, () => this.#hear(member));
    });
  }

  /** Its session ends, and it is told so `afterMs` later. */
  expire(member: Member, { afterMs }: { readonly afterMs: number }): void {
    for (const session of member.sessions.slice(-1)) {
      if (afterMs > 0) this.coordination.partition(session);
      this.coordination.expire(session);
    }
    this.time.schedule(afterMs, () => this.#hear(member));
  }

  #hear({ process, sessions }: Member): void {
    if (process.alive && !process.isHeld) for (const session of sessions) this.coordination.heal(session);
  }

  get isAnyHeld(): boolean {
    return [...this.members.values()].some(({ process }) => process.isHeld);
  }

  /** Job nodes that are there, whatever their state. */
  get jobsOnBoard(): number {
    return this.history.jobNodes;
  }

  /** What is left of the dead (I18): each member that lives has one session. */
  leaks(): string[] {
    const alive = [...this.members.values()].filter(({ process }) => process.alive).length;
    const { openSessions } = this.coordination;
    return openSessions > alive ? [`I18 ${openSessions} sessions are open and ${alive} members alive`] : [];
  }

  lockOf(jobId: string): string {
    return `/boards/${board}/locks/${buckets[bucketIndexOf(jobId)] ?? ''}/${jobId}`;
  }

  ofKind(kind: Member['kind']): Member[] {
    return [...this.members.values()].filter((member) => member.kind === kind && member.process.alive);
  }

  /** Mostly what the member told; now and then something old or wrong, which must cost time only. */
  #lastWords(heads: ReadonlyMap<string, number>): LastWords | undefined {
    const { random } = this;
    const isWrong = chance(random, 0.2);
    return headHintWords(
      board,
      [...heads].map(([jobId, seq]) => [jobId, isWrong ? Math.max(0, seq + below(random, 9) - 6) : seq]),
    );
  }

  #linkTo(requestId: string): DelegateLink {
    const token = `token-of-${requestId}`;
    this.history.keep(token, 'token of a delegate');
    return { token, url: `https://baton.test/delegates/${token}` };
  }

  #taskOf(member: Member) {
    const side = {
      process: member.process,
      memberId: member.id,
      sessionIds: () => member.sessions.map(({ id }) => id),
    };
    return worldTask(side, this.history, this.world);
  }

  #remembered(process: SimulatedProcess, sessions: CoordinationSession[]) {
    const coordination = this.#coordinationOf(process);
    return {
      connect: async (options: { readonly timeoutMs: number; readonly connectTimeoutMs?: number }) => {
        const session = await coordination.connect(options);
        sessions.push(session);
        this.history.opened(session.id, process.name);
        return session;
      },
      endSession: coordination.endSession.bind(coordination),
    };
  }

  #ended(member: Member, error: unknown): void {
    member.hasEnded = true;
    if (member.process.alive && error !== undefined)
      this.crashes.push(
        `${member.process.name} ended: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
    this.kill(member);
  }

  #coordinationOf(process: SimulatedProcess): SimulatedCoordination {
    return new SimulatedCoordination(process.runtime, {
      service: this.coordination,
      wire: process.wireTo('coordination'),
    });
  }

  #logOf(process: SimulatedProcess, kind: Member['kind']): SimulatedPartitionLog {
    const log = new SimulatedPartitionLog(process.runtime, {
      service: this.logs,
      wire: process.wireTo('log'),
    });
    if (kind === 'conductor') return log;
    const { history } = this;
    const open = log.openReader.bind(log);
    log.openReader = async (topic) => {
      const reader = await open(topic);
      const read = reader.read.bind(reader);
      reader.read = async (request) => {
        const result = await read(request);
        history.read(result.records.map(({ value }) => value));
        return result;
      };
      return reader;
    };
    return log;
  }

  #storeOf(process: SimulatedProcess): SimulatedDocumentStore {
    return new SimulatedDocumentStore(process.runtime, {
      service: this.documents,
      wire: process.wireTo('store'),
      writer: process.name,
    });
  }
}

let laid: Promise<SimulatedCoordinationService> | undefined;

/** A board that was laid out by the production code, once for all runs: it takes a thousand requests. */
function laidOut(): Promise<SimulatedCoordinationService> {
  return (laid ??= layOut());
}

async function layOut(): Promise<SimulatedCoordinationService> {
  const random = streamOf(0, 'world');
  const time = new VirtualTime(() => random.fraction());
  const network = new Network({ time, random, tripMs: { coordination: 0, log: 0, store: 0 } });
  const common = { time, network, seed: 0, skewMs: 0, rate: 1, onLog: undefined };
  const process = new SimulatedProcess({ ...common, name: 'layout' });
  const { runtime } = process;
  const service = new SimulatedCoordinationService(runtime);
  const coordination = new SimulatedCoordination(runtime, { service, wire: process.wireTo('coordination') });
  let isDone = false;
  const done = coordination
    .connect({ timeoutMs: 4_000 })
    .then((session) => JobBoard.open({ session, board, runtime, memberId: 'layout' }))
    .then((opened) => opened.close())
    .finally(() => (isDone = true));
  await time.run(() => isDone, 60_000);
  await done;
  return service;
}
