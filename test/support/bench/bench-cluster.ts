/**
 * Purpose: a cluster of real processes on the real services for one bench: jobs that are prepared first and put on the board all at
 * once, the moments at which they ended, what their tasks did, and the CPU of everybody.
 * What is authoritative: the conductors' log lines and the tasks' ledger. Nothing is asked of the members while they are measured.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { noFence, requestIdOf, type FlowOutcome, type JournalEntry, type Runtime } from '@baton/core';
import { canonicalFlowJson, type FlowDefinition, type RoutedFlowDefinition } from '@baton/flow';
import { JobBoard, buckets, type Posting } from '@baton/jobboard';
import { ZookeeperCoordination } from '@baton/jobboard/zookeeper';
import { openPersistence, type Persistence } from '@baton/persistence';
import { MongoDocumentStore } from '@baton/persistence/mongodb';
import { Cluster } from '../cluster/cluster.js';
import type { MemberProcess } from '../cluster/member-process.js';
import { realServices } from '../services/endpoints.js';
import { meterCpu, serviceProcesses, type CpuUse } from './cpu-meter.js';

export const tasksModule = fileURLToPath(new URL('tasks.mjs', import.meta.url));

/** One line of the tasks' ledger. */
export interface Effect {
  readonly phase: 'start' | 'end';
  readonly flowId: string;
  readonly atom: string;
  readonly requestId: string;
  readonly delivery: number;
  readonly worker: string;
  /** CLOCK_MONOTONIC, ms. */
  readonly atMs: number;
}

export interface Ended {
  readonly outcome: FlowOutcome;
  /** CLOCK_MONOTONIC, ms: when its conductor had taken it off the board. */
  readonly atMs: number;
}

/** CLOCK_MONOTONIC in ms, as in the members' logs and the ledger. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export class BenchCluster {
  readonly cluster: Cluster;
  readonly #folder: string;
  readonly #ends = new Map<string, Ended>();
  readonly #claimed = new Map<string, number>();
  readonly #scanned = new Map<MemberProcess, number>();
  readonly #services = serviceProcesses(realServices());
  readonly #store: MongoDocumentStore;
  #board: JobBoard | undefined;
  #persistence: Persistence | undefined;
  #posted = 0;

  constructor({
    sessionTimeout = '4s',
    env = {},
  }: {
    sessionTimeout?: string;
    env?: Record<string, string>;
  }) {
    this.#folder = mkdtempSync(join(tmpdir(), 'baton-bench-'));
    this.cluster = new Cluster(realServices(), {
      sessionTimeout,
      env: {
        // two lines a job, claimed and settled: the only way to see the end of a job that costs the services nothing
        BATON_LOG_LEVEL: 'debug',
        BENCH_LEDGER: join(this.#folder, 'ledger.jsonl'),
        BATON_WORKER_CONCURRENCY: '1024',
        BATON_TRANSPORT_KAFKA_REQUEST_SLOTS: '64',
        BATON_TRANSPORT_KAFKA_REPLY_SLOTS: '64',
        ...env,
      },
    });
    this.#store = new MongoDocumentStore({
      url: realServices().mongodb,
      database: this.#setting('BATON_PERSISTENCE_MONGODB_DB'),
      logger: this.runtime.logger,
    });
  }

  get runtime(): Runtime {
    return this.cluster.runtime;
  }

  conductor(...args: readonly string[]): Promise<MemberProcess> {
    return this.cluster.conductor(...args);
  }

  worker(...args: readonly string[]): Promise<MemberProcess> {
    return this.cluster.worker('--tasks', tasksModule, ...args);
  }

  get conductors(): readonly MemberProcess[] {
    return this.cluster.members.filter((member) => member.id.startsWith('conductor'));
  }

  /** Journal and definitions are written; gives the ids and what puts them on the board, all at the same time. */
  async prepare(
    flow: FlowDefinition | RoutedFlowDefinition,
    count: number,
    store: Posting['store'],
    priorityOf: (index: number) => Posting['priority'] = () => 'NORMAL',
  ): Promise<{ readonly ids: readonly string[]; post(): Promise<void> }> {
    const { board, persistence } = await this.#open();
    const definitionHash = await persistence.definitions.put(canonicalFlowJson(flow));
    const createdAtMs = this.runtime.clock.wallMs();
    const posting: Posting = {
      name: 'bench',
      priority: 'NORMAL',
      definitionHash,
      namespace: 'default',
      tags: {},
      protocolVersion: 1,
      createdAtMs,
      store: store ?? {},
    };
    const ids = Array.from({ length: count }, () => `${this.runtime.random.ulid()}-${++this.#posted}`);
    await Promise.all(
      ids.map((flowId) =>
        persistence.journal.append({
          kind: 'post',
          flowId,
          seq: 0,
          fence: noFence,
          opId: flowId,
          atMs: createdAtMs,
          facts: [],
          post: { name: 'bench', definitionHash, store: store ?? {} },
        }),
      ),
    );
    return {
      ids,
      post: async () => {
        await Promise.all(
          ids.map((id, index) =>
            board.post(id, {
              ...posting,
              priority: priorityOf(index),
              createdAtMs: this.runtime.clock.wallMs(),
            }),
          ),
        );
      },
    };
  }

  /** Posts and waits for the end; gives the moment before posting (CLOCK_MONOTONIC) and the ids. */
  async run(
    flow: FlowDefinition,
    count: number,
    store: Posting['store'],
  ): Promise<{ readonly ids: readonly string[]; readonly postedAtMs: number; readonly endedAtMs: number }> {
    const prepared = await this.prepare(flow, count, store);
    const postedAtMs = monotonicMs();
    await prepared.post();
    const endedAtMs = await this.ended(prepared.ids);
    return { ids: prepared.ids, postedAtMs, endedAtMs };
  }

  /** Waits until all have ended with SUCCESS; gives the moment of the last on CLOCK_MONOTONIC. */
  async ended(
    ids: readonly string[],
    { withinMs = 120_000, mayDie = true }: { readonly withinMs?: number; readonly mayDie?: boolean } = {},
  ): Promise<number> {
    const deadlineMs = monotonicMs() + withinMs;
    let open = ids.length;
    for (;;) {
      this.#scan();
      open = ids.reduce((count, id) => count + (this.#ends.has(id) ? 0 : 1), 0);
      if (open === 0) break;
      if (!mayDie) this.#expectAll();
      if (monotonicMs() > deadlineMs) {
        const logs = this.cluster.members.map((member) => `--- ${member.id}\n${member.tail(5)}`).join('\n');
        throw new Error(`${open} of ${ids.length} jobs did not end within ${withinMs} ms\n${logs}`);
      }
      await delay(3);
    }
    const ends = ids.map((id) => this.#ends.get(id) as Ended);
    const failed = ends.filter((end) => end.outcome !== 'SUCCESS').length;
    if (failed > 0) throw new Error(`${failed} of ${ids.length} jobs did not end with SUCCESS`);
    return Math.max(...ends.map((end) => end.atMs));
  }

  /** When those that have ended did, by id. */
  get ends(): ReadonlyMap<string, Ended> {
    this.#scan();
    return this.#ends;
  }

  /** When the first owner of a job had it (CLOCK_MONOTONIC, ms), by id. */
  get claims(): ReadonlyMap<string, number> {
    this.#scan();
    return this.#claimed;
  }

  /** Name → pid, of members, services and this process. */
  get processes(): Readonly<Record<string, number>> {
    const members = this.cluster.members.map(({ id, pid }) => [id, pid] as const);
    const services = Object.entries(this.#services).flatMap(([name, pids]) =>
      pids.map((pid, index) => [index === 0 ? name : `${name} ${index + 1}`, pid] as const),
    );
    return Object.fromEntries([...members, ...services, ['bench', process.pid] as const]);
  }

  ledger(): readonly Effect[] {
    const file = join(this.#folder, 'ledger.jsonl');
    if (!existsSync(file)) return [];
    // a worker that was killed may have left half a line
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.endsWith('}'))
      .map((line) => JSON.parse(line) as Effect);
  }

  /** CPU of members, services and of this process, by group, from now until the answer is called. */
  meter(): () => CpuUse {
    const { members } = this.cluster;
    const pidsOf = (kind: string) =>
      members.filter((member) => member.id.startsWith(kind)).map((member) => member.pid);
    return meterCpu(() => ({
      conductors: pidsOf('conductor'),
      workers: pidsOf('worker'),
      guards: members.filter(({ guardPid, pid }) => guardPid !== pid).map(({ guardPid }) => guardPid),
      ...this.#services,
      bench: [process.pid],
    }));
  }

  /** Answers a delegate as a client does: stored, then whoever sleeps is woken. */
  async answer(flowId: string, atom: string): Promise<void> {
    const { board, persistence } = await this.#open();
    const requestId = requestIdOf({ flowId, atom, action: 'execute', round: 0, attempt: 1 });
    const command = { command: 'answer-delegate', arguments: { requestId, value: { data: 'yes' } } };
    await persistence.commands.append(flowId, command);
    await board.dormant.wakeAny(flowId);
  }

  /** How many jobs are dormant. */
  async dormant(): Promise<number> {
    const { board } = await this.#open();
    const keys = await Promise.all(buckets.map((_, index) => board.dormant.list(index)));
    return keys.flat().length;
  }

  async journal(flowId: string): Promise<readonly JournalEntry[]> {
    return (await this.#open()).persistence.journal.history(flowId);
  }

  async dispose(): Promise<void> {
    await this.#board?.close();
    this.#persistence?.close();
    await this.#store.close();
    await this.cluster.dispose();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Nobody has died. */
  #expectAll(): void {
    const dead = this.cluster.members.find((member) => member.count('guard.child.ended') > 0);
    if (dead !== undefined) throw new Error(`${dead.id} has died. Its log ends:\n${dead.tail(40)}`);
  }

  #scan(): void {
    for (const member of this.conductors) {
      for (const line of member.lines.slice(this.#scanned.get(member) ?? 0))
        if (line.message === 'job.claimed')
          this.#claimed.set(String(line['jobId']), Number(line['monotonicMs']));
        else if (line.message === 'job.settled')
          this.#ends.set(String(line['jobId']), {
            outcome: line['outcome'] as FlowOutcome,
            atMs: Number(line['monotonicMs']),
          });
      this.#scanned.set(member, member.lines.length);
    }
  }

  async #open(): Promise<{ board: JobBoard; persistence: Persistence }> {
    if (this.#board === undefined || this.#persistence === undefined) {
      const { runtime } = this;
      const coordination = new ZookeeperCoordination({
        hosts: this.#setting('BATON_JOBBOARD_ZOOKEEPER_HOSTS'),
        logger: runtime.logger,
      });
      const session = await coordination.connect({ timeoutMs: 30_000 });
      this.#board = await JobBoard.open({ session, board: 'default', runtime, memberId: 'bench' });
      this.#persistence = await openPersistence({
        store: this.#store,
        runtime,
        clusterId: this.#board.clusterId,
      });
    }
    return { board: this.#board, persistence: this.#persistence };
  }

  #setting(name: string): string {
    const value = this.cluster.env[name];
    if (value === undefined) throw new Error(`${name} is not set for the members of this cluster`);
    return value;
  }
}
