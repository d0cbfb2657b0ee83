/**
 * Purpose: a cluster of a test's own, in real processes: conductors and workers of the built command line on the real services (or on
 * an embedded server), with names nobody else uses; a client to post and wait; the ledger of what tasks really did.
 * On failure: `dispose` ends everything and throws when something could not be ended.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, type JobEnd } from '@baton/client';
import type { Coordination, DocumentStore, JournalEntry, Logger } from '@baton/core';
import { ZookeeperCoordination } from '@baton/jobboard/zookeeper';
import { LocalCoordination, LocalDocumentStore } from '@baton/local';
import { MongoDocumentStore } from '@baton/persistence/mongodb';
import { eventually, realRuntime } from '@baton/testkit';
import type { Endpoints } from '../services/endpoints.js';
import { journalsOf } from './journals.js';
import { runBaton, type CommandResult } from './command.js';
import { MemberProcess } from './member-process.js';

/** One line of the ledger: user code began, ended, or threw. */
export interface Effect {
  readonly phase: 'start' | 'end' | 'fail';
  readonly action: 'execute' | 'revert';
  readonly flowId: string;
  readonly atom: string;
  readonly requestId: string;
  readonly delivery: number;
  readonly idempotencyKey: string;
  readonly worker: string;
  readonly pid: number;
}

export type Place = Endpoints | { readonly local: string };

export interface ClusterOptions {
  /** Default 1 s: what a lost host costs. */
  readonly sessionTimeout?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Other ways to the services for its members than for its client. */
  readonly ways?: Partial<Endpoints>;
}

const fixtures = fileURLToPath(new URL('../../fixtures/', import.meta.url));
export const tasksModule = join(fixtures, 'tasks.mjs');
export const flowsModule = join(fixtures, 'flows.mjs');

export class Cluster {
  readonly runtime = realRuntime();
  readonly env: Readonly<Record<string, string>>;
  readonly client: Client;
  readonly members: MemberProcess[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'baton-cluster-'));
  readonly #store: DocumentStore;
  #count = 0;

  constructor(place: Place, { sessionTimeout = '1s', env = {}, ways = {} }: ClusterOptions = {}) {
    const name = `t${this.runtime.random.ulid().toLowerCase()}`;
    mkdirSync(this.effects);
    this.env = {
      PATH: process.env['PATH'] ?? '',
      HOME: this.#folder,
      TEST_EFFECTS: this.effects,
      BATON_LOG_FORMAT: 'json',
      BATON_JOBBOARD_SESSION_TIMEOUT: sessionTimeout,
      // twice the short session would be too little for a child that starts on a busy machine
      BATON_GUARD_HANG: '20s',
      BATON_PERSISTENCE_MONGODB_DB: name,
      BATON_TRANSPORT_KAFKA_PREFIX: name,
      BATON_TRANSPORT_KAFKA_REQUEST_SLOTS: '8',
      BATON_TRANSPORT_KAFKA_REPLY_SLOTS: '8',
      BATON_WORKER_CONCURRENCY: '16',
      ...addresses(place, ways, name),
      ...env,
    };
    const [coordination, store] = substrates(place, name, this.runtime.logger);
    this.#store = store;
    this.client = new Client({
      runtime: this.runtime,
      coordination,
      store,
      board: 'default',
      clientId: 'test',
      connectTimeoutMs: 20_000,
    });
  }

  /** Ready when it resolves, unless `wait` is false. */
  async conductor(...args: readonly string[]): Promise<MemberProcess> {
    return this.#start('conductor', args);
  }

  async worker(...args: readonly string[]): Promise<MemberProcess> {
    return this.#start('worker', ['--tasks', tasksModule, ...args]);
  }

  /** Conductors first: they make the topics. */
  async start({ conductors, workers }: { readonly conductors: number; readonly workers: number }): Promise<{
    readonly conductors: readonly MemberProcess[];
    readonly workers: readonly MemberProcess[];
  }> {
    const [started, working] = await Promise.all([
      Promise.all(Array.from({ length: conductors }, () => this.conductor())),
      Promise.all(Array.from({ length: workers }, () => this.worker())),
    ]);
    return { conductors: started, workers: working };
  }

  member(id: string): MemberProcess {
    const found = this.members.findLast((member) => member.id === id);
    if (found === undefined) throw new Error(`no member ${id}`);
    return found;
  }

  /** One command of the command line in this cluster. */
  baton(...args: readonly string[]): Promise<CommandResult> {
    return runBaton(args, { env: this.env, cwd: this.#folder });
  }

  /** Waits for the end of a job; says what it hangs on when it does not come. */
  async ended(jobId: string, timeoutMs = 30_000): Promise<JobEnd> {
    return this.client.wait(jobId, { timeoutMs }).catch(async (cause: unknown) => {
      const report: unknown = await this.client.job(jobId).catch((error: unknown) => error);
      const logs = this.members.map((member) => `--- ${member.id}\n${member.tail()}`).join('\n');
      throw new Error(`job ${jobId}: ${String(cause)}\n${JSON.stringify(report, undefined, 1)}\n${logs}`, {
        cause,
      });
    });
  }

  /** The whole journals of jobs that have ended. */
  journals(jobIds: readonly string[]): Promise<readonly (readonly JournalEntry[])[]> {
    return journalsOf(jobIds, { store: this.#store, runtime: this.runtime });
  }

  /** Who owns the job: one of the members that were started here. */
  async owner(jobId: string): Promise<MemberProcess> {
    const owner = await eventually(async () => (await this.client.job(jobId)).owner, {
      withinMs: 10_000,
      what: `job ${jobId} is owned`,
    });
    return this.member(owner);
  }

  ledger(matches: Partial<Effect> = {}): readonly Effect[] {
    const file = join(this.effects, 'ledger.jsonl');
    if (!existsSync(file)) return [];
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Effect)
      .filter((effect) =>
        Object.entries(matches).every(([name, value]) => effect[name as keyof Effect] === value),
      );
  }

  /** Waits until user code has done this, and tells the first such line. */
  async did(matches: Partial<Effect>, withinMs = 20_000): Promise<Effect> {
    return eventually(() => this.ledger(matches)[0], {
      withinMs,
      what: `ledger holds ${JSON.stringify(matches)}`,
    });
  }

  /** Waits until so many pieces of user code have ended. */
  async didAtLeast(count: number, withinMs = 20_000): Promise<void> {
    const what = `${count} tasks have ended`;
    await eventually(() => this.ledger({ phase: 'end' }).length >= count, { withinMs, what });
  }

  /** Lets a gated task go on. */
  openGate(jobId: string, atom = 'gated'): void {
    writeFileSync(join(this.effects, `${jobId}.${atom}`), '');
  }

  /** For tests that go through the files themselves. */
  get effects(): string {
    return join(this.#folder, 'effects');
  }

  async dispose(): Promise<void> {
    const ends = await Promise.allSettled(this.members.map((member) => member.dispose()));
    await this.client.close();
    await this.#store.close();
    rmSync(this.#folder, { recursive: true, force: true });
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #start(kind: 'conductor' | 'worker', args: readonly string[]): Promise<MemberProcess> {
    const id = `${kind}-${++this.#count}`;
    const member = new MemberProcess({
      ...{ kind, id, args, env: this.env },
      cwd: this.#folder,
      folder: this.#folder,
    });
    this.members.push(member);
    await member.ready();
    return member;
  }
}

function addresses(place: Place, ways: Partial<Endpoints>, name: string): Record<string, string> {
  if ('local' in place) return { BATON_LOCAL_SOCKET: place.local };
  return {
    BATON_JOBBOARD_ZOOKEEPER_HOSTS: `${ways.zookeeper ?? place.zookeeper}/${name}`,
    BATON_TRANSPORT_KAFKA_BROKERS: ways.kafka ?? place.kafka,
    BATON_PERSISTENCE_MONGODB_URL: ways.mongodb ?? place.mongodb,
  };
}

function substrates(place: Place, name: string, logger: Logger): [Coordination, DocumentStore] {
  if ('local' in place) {
    const address = place.local;
    return [
      new LocalCoordination({ address, root: `/${name}`, logger }),
      new LocalDocumentStore({ address, namespace: name, logger }),
    ];
  }
  return [
    new ZookeeperCoordination({ hosts: `${place.zookeeper}/${name}`, logger }),
    new MongoDocumentStore({ url: place.mongodb, database: name, logger }),
  ];
}
