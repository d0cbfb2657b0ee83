/**
 * Purpose: what chaos is done to: an ensemble of three ZooKeepers, one Kafka broker, one server of the MongoDB protocol, conductors and workers of the built
 *   command line under their guards, each with links of its own, and the client of the users, with links too.
 * States of a place: up → down (nothing of its member runs) → up again, under the same name and over the same links.
 * What is authoritative: the processes. A member is up when it says that it is ready.
 * On failure: `dispose` ends everything. When this process ends without it, however, services and members end with it, and their folders go (leash.sh).
 * Not here: what goes wrong and when (faults.ts), who posts (users.ts).
 */
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@baton/client';
import type { DocumentStore, Random, Runtime } from '@baton/core';
import { ZookeeperCoordination } from '@baton/jobboard/zookeeper';
import { MongoDocumentStore } from '@baton/persistence/mongodb';
import { realRuntime } from '@baton/testkit';
import { MemberProcess } from '../support/cluster/member-process.js';
import { startServices, type Service, type Services } from '../support/services/start-services.js';
import { streamOf } from '../simulation/choices.js';
import { JournalTap } from './journal-tap.js';
import { Links } from './links.js';

export const memberKinds = ['conductor', 'worker'] as const;
export type MemberKind = (typeof memberKinds)[number];

/** Whoever has links of its own. */
export interface Linked {
  readonly id: string;
  readonly links: Links;
}

/** What stays of a run: nothing, what it was judged by, or the data of the services too, from which that can be read once more. */
export type Keep = 'nothing' | 'evidence' | 'everything';

/** A host, so to speak: a name, its links, and whichever process bears the name now. */
export interface Place extends Linked {
  readonly kind: MemberKind;
  member: MemberProcess | undefined;
  /** It is ready: registered, and at work. */
  isReady: boolean;
  /** Held by SIGSTOP, in full or in part. */
  isHeld: boolean;
  starts: number;
  /** The last of its starts that was struck by anything that may end it. */
  struck: number;
}

const tasksModule = fileURLToPath(new URL('tasks.mjs', import.meta.url));
const perKind = 3;
const database = 'chaos';
export const prefix = 'chaos';
export const chroot = '/chaos';
export const sessionTimeoutMs = 2_000;
const restartMsMax = 3_000;

export class ChaosCluster {
  readonly runtime: Runtime = realRuntime();
  readonly tap: JournalTap;
  readonly places: readonly Place[];
  readonly services: Services;
  readonly users: Linked;
  /** Of the users. */
  readonly client: Client;
  /** Straight to what is there. */
  readonly store: DocumentStore;
  /** Ledger and event logs lie here. */
  readonly folder = mkdtempSync(join(tmpdir(), 'baton-chaos-'));
  readonly servicesInTrouble = new Set<Service>();
  /** What nobody did to them, and happened. */
  readonly surprises: string[] = [];
  readonly #random: Pick<Random, 'fraction'>;
  readonly #usersStore: DocumentStore;
  #isOver = false;

  private constructor(o: {
    readonly seed: number;
    readonly places: readonly Place[];
    readonly users: Linked;
    readonly services: Services;
    readonly tap: JournalTap;
  }) {
    this.#random = streamOf(o.seed, 'choices');
    this.places = o.places;
    this.users = o.users;
    this.services = o.services;
    this.tap = o.tap;
    mkdirSync(this.logFolder);
    writeFileSync(this.ledgerFile, '');
    const { runtime } = this;
    const { logger } = runtime;
    const { links } = this.users;
    const hosts = `${links.address('zookeeper')}${chroot}`;
    this.store = new MongoDocumentStore({ url: this.services.mongodb.endpoint, database, logger });
    this.#usersStore = new MongoDocumentStore({ url: mongodbUrl(links), database, logger });
    this.client = new Client({
      runtime,
      coordination: new ZookeeperCoordination({ hosts, logger }),
      store: this.#usersStore,
      board: 'default',
      clientId: this.users.id,
    });
  }

  /** The services are up and the links lead to them when it resolves; no member is started. */
  static async open(seed: number, report: (line: string) => void): Promise<ChaosCluster> {
    const places = await Promise.all(
      memberKinds.flatMap((kind) => Array.from({ length: perKind }, (_, index) => newPlace(kind, index + 1))),
    );
    const services = await startServices({
      zookeepers: 3,
      kafkaDoors: places.flatMap(({ links }) => links.door ?? []),
      report,
    });
    const users: Linked = { id: 'users', links: Links.ofUsers() };
    const tap = new JournalTap();
    const zookeepers = services.zookeepers.map(({ endpoint }) => endpoint);
    const mongodb = new URL(services.mongodb.endpoint).host;
    for (const { id, links } of [...places, users])
      await links.lead({ zookeepers, mongodb, tap: () => tap.connection(id) });
    return new ChaosCluster({ seed, places, users, services, tap });
  }

  /** All are ready when it resolves. */
  async startMembers(): Promise<void> {
    await Promise.all(this.places.map((place) => this.#start(place)));
  }

  get linked(): readonly Linked[] {
    return [...this.places, this.users];
  }

  get ledgerFile(): string {
    return join(this.folder, 'ledger.jsonl');
  }

  /** What members logged, a file each. */
  get logFolder(): string {
    return join(this.folder, 'logs');
  }

  /** Where the ZooKeepers keep their transaction logs. */
  get zookeeperFolders(): readonly string[] {
    return this.services.zookeepers.map(({ logFile }) =>
      join(logFile.replace(/\.log$/, ''), 'data', 'version-2'),
    );
  }

  get kafkaFolder(): string {
    return join(dirname(this.services.kafka.logFile), 'kafka', 'data');
  }

  ofKind(kind: MemberKind): readonly Place[] {
    return this.places.filter((place) => place.kind === kind);
  }

  /** Nothing of the former member runs any more. Resolves when the new one is ready, or has ended before it was. */
  async #start(place: Place): Promise<void> {
    if (this.#isOver) return;
    place.starts++;
    const { id, kind } = place;
    const args = kind === 'worker' ? ['--tasks', tasksModule] : [];
    const member = new MemberProcess({
      ...{ kind, id, args, env: this.#environmentOf(place) },
      cwd: this.folder,
      folder: this.folder,
    });
    place.member = member;
    void member.gone.then(() => this.#ended(place, member));
    const ready = member.ready().then(() => true);
    const ended = member.gone.then(() => false);
    ready.catch(() => undefined); // when it has ended first
    place.isReady = (await Promise.race([ready, ended])) && place.member === member;
  }

  /** As an init system does: whatever ended is started again, after a while. */
  async #ended(place: Place, member: MemberProcess): Promise<void> {
    place.isReady = place.isHeld = false;
    this.#keepLog(place);
    if (this.#isOver) return;
    if (place.struck < place.starts) this.surprises.push(`${place.id} ended by itself:\n${member.tail(5)}`);
    await delay(this.#random.fraction() ** 2 * restartMsMax, undefined, { ref: false });
    await this.#start(place);
  }

  /** What it logged, for good; the lines of one start follow each other. */
  #keepLog({ id, member }: Place): void {
    const lines = (member?.lines ?? []).map((line) => `${JSON.stringify(line)}\n`).join('');
    appendFileSync(join(this.logFolder, `${id}.jsonl`), lines);
  }

  async stopMembers(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.places.map(async ({ member }) => member?.dispose()));
  }

  /** Idempotent. */
  async dispose(keep: Keep = 'nothing'): Promise<void> {
    this.#isOver = true;
    await Promise.allSettled(this.places.map(async ({ member }) => member?.dispose()));
    await Promise.allSettled([this.client.close(), this.#usersStore.close(), this.store.close()]);
    await this.services.stop({ keepData: keep === 'everything' });
    await Promise.all(this.linked.map(({ links }) => links.close()));
    if (keep === 'nothing') rmSync(this.folder, { recursive: true, force: true });
  }

  #environmentOf({ links }: Place): Record<string, string> {
    return {
      PATH: process.env['PATH'] ?? '',
      HOME: this.folder,
      CHAOS_LEDGER: this.ledgerFile,
      BATON_LOG_FORMAT: 'json',
      BATON_JOBBOARD_SESSION_TIMEOUT: `${sessionTimeoutMs}ms`,
      // so that some of the stopped wake up past their session, and some do not wake up
      BATON_GUARD_HANG: `${4 * sessionTimeoutMs}ms`,
      BATON_JOBBOARD_ZOOKEEPER_HOSTS: `${links.address('zookeeper')}${chroot}`,
      BATON_TRANSPORT_KAFKA_BROKERS: links.address('kafka'),
      BATON_TRANSPORT_KAFKA_PREFIX: prefix,
      BATON_TRANSPORT_KAFKA_REQUEST_SLOTS: '12',
      BATON_TRANSPORT_KAFKA_REPLY_SLOTS: '8',
      BATON_PERSISTENCE_MONGODB_URL: mongodbUrl(links),
      BATON_PERSISTENCE_MONGODB_DB: database,
      BATON_WORKER_CONCURRENCY: '16',
    };
  }
}

function mongodbUrl(links: Links): string {
  return `mongodb://${links.address('mongodb')}/`;
}

async function newPlace(kind: MemberKind, number: number): Promise<Place> {
  const id = `${kind}-${number}`;
  const links = await Links.ofMember();
  return { id, kind, links, member: undefined, isReady: false, isHeld: false, starts: 0, struck: 0 };
}
