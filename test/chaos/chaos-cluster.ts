/**
 * Purpose: what chaos is done to: an ensemble of three ZooKeepers, one Kafka broker, one server of the MongoDB protocol, conductors and workers of the built
 *   command line under their guards, each with links of its own, and a client that goes straight to the services.
 * States of a place: up → down (nothing of its member runs) → up again, under the same name and over the same links.
 * What is authoritative: the processes. A member is up when it says that it is ready.
 * On failure: `dispose` ends everything; whoever is ended by SIGKILL takes all of it along (leashes, and the process group of the runner).
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

export type MemberKind = 'conductor' | 'worker';

/** A host, so to speak: a name, its links, and whichever process bears the name now. */
export interface Place {
  readonly id: string;
  readonly kind: MemberKind;
  readonly links: Links;
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
  readonly tap = new JournalTap();
  readonly places: readonly Place[];
  readonly services: Services;
  readonly client: Client;
  readonly store: DocumentStore;
  /** Ledger and event logs lie here. */
  readonly folder: string;
  readonly servicesInTrouble = new Set<Service>();
  /** What nobody did to them, and happened. */
  readonly surprises: string[] = [];
  readonly random: Pick<Random, 'fraction'>;
  #isOver = false;

  private constructor(o: {
    places: readonly Place[];
    services: Services;
    folder: string;
    random: Pick<Random, 'fraction'>;
  }) {
    this.random = o.random;
    this.places = o.places;
    this.services = o.services;
    this.folder = o.folder;
    const { zookeeper = '', mongodb = '' } = o.services.endpoints;
    const { runtime } = this;
    this.store = new MongoDocumentStore({ url: mongodb, database, logger: runtime.logger });
    this.client = new Client({
      runtime,
      coordination: new ZookeeperCoordination({ hosts: zookeeper + chroot, logger: runtime.logger }),
      store: this.store,
      board: 'default',
      clientId: 'chaos',
      connectTimeoutMs: 20_000,
    });
  }

  static async start(seed: number, report: (line: string) => void): Promise<ChaosCluster> {
    const places = await Promise.all(
      (['conductor', 'worker'] as const).flatMap((kind) =>
        Array.from({ length: perKind }, (_, index) => newPlace(kind, index + 1)),
      ),
    );
    report('starting services');
    const services = await startServices({
      zookeepers: 3,
      kafkaDoors: places.map(({ links }) => links.door),
      report,
    });
    const folder = mkdtempSync(join(tmpdir(), 'baton-chaos-'));
    mkdirSync(join(folder, 'logs'));
    writeFileSync(join(folder, 'ledger.jsonl'), '');
    const cluster = new ChaosCluster({ places, services, folder, random: streamOf(seed, 'choices') });
    await Promise.all(places.map((place) => cluster.#lead(place)));
    report(`starting ${perKind} conductors and ${perKind} workers`);
    await Promise.all(places.map((place) => cluster.startMember(place)));
    return cluster;
  }

  get ledgerFile(): string {
    return join(this.folder, 'ledger.jsonl');
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
  async startMember(place: Place): Promise<void> {
    if (this.#isOver) return;
    place.starts++;
    const { id, kind } = place;
    const args = kind === 'worker' ? ['--tasks', tasksModule] : [];
    const member = new MemberProcess({ kind, id, args, env: this.#environmentOf(place), cwd: this.folder });
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
    await delay(this.random.fraction() ** 2 * restartMsMax, undefined, { ref: false });
    await this.startMember(place);
  }

  /** What it logged, for good; the lines of one start follow each other. */
  #keepLog({ id, member }: Place): void {
    const lines = (member?.lines ?? []).map((line) => `${JSON.stringify(line)}\n`).join('');
    appendFileSync(join(this.folder, 'logs', `${id}.jsonl`), lines);
  }

  async stopMembers(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.places.map(async ({ member }) => member?.dispose()));
  }

  /** Idempotent. `keep`: the folder stays, with what the services wrote. */
  async dispose({ keep = false } = {}): Promise<void> {
    this.#isOver = true;
    await Promise.allSettled(this.places.map(async ({ member }) => member?.dispose()));
    await Promise.allSettled([this.client.close(), this.store.close()]);
    await this.services.stop();
    await Promise.all(this.places.map(({ links }) => links.close()));
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }

  async #lead({ id, links }: Place): Promise<void> {
    const { mongodb = '' } = this.services.endpoints;
    await links.lead({
      zookeepers: this.services.zookeepers.map(({ endpoint }) => endpoint),
      mongodb: new URL(mongodb).host,
      tap: () => this.tap.connection(id),
    });
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
      BATON_PERSISTENCE_MONGODB_URL: `mongodb://${links.address('mongodb')}/`,
      BATON_PERSISTENCE_MONGODB_DB: database,
      BATON_WORKER_CONCURRENCY: '16',
    };
  }
}

async function newPlace(kind: MemberKind, number: number): Promise<Place> {
  const id = `${kind}-${number}`;
  const links = await Links.open();
  return { id, kind, links, member: undefined, isReady: false, isHeld: false, starts: 0, struck: 0 };
}
