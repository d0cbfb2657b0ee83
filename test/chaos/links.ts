/**
 * Purpose: the ways of one member, or of the users, to the services, each through a fault proxy of its own, so that its link can fail and nobody else's.
 * States: passing ⇄ in trouble (one trouble at a time on each way).
 * What is authoritative: nothing; the proxies look into no protocol, but what reaches the store is shown to the journal tap.
 * Not here: when what fails (faults.ts).
 */
import { FaultProxy, type Tap } from '@baton/testkit';
import type { KafkaDoor } from '../support/services/kafka.js';
import { freePort, host } from '../support/services/ports.js';

export type WayName = 'zookeeper' | 'kafka' | 'mongodb';
export const wayNames: readonly WayName[] = ['zookeeper', 'kafka', 'mongodb'];

export class Links {
  /** Ways that something is wrong with now. */
  readonly inTrouble = new Set<WayName>();
  /** What Kafka has to offer for their sake; undefined: they lead to ZooKeeper and the store only. */
  readonly door: KafkaDoor | undefined;
  readonly #ways: Record<WayName, readonly FaultProxy[]>;

  private constructor(door?: KafkaDoor, kafka: readonly FaultProxy[] = []) {
    this.door = door;
    this.#ways = { zookeeper: [], kafka, mongodb: [] };
  }

  static ofUsers(): Links {
    return new Links();
  }

  /** The way to Kafka comes first: the broker tells those who came by it its address. */
  static async ofMember(): Promise<Links> {
    const port = await freePort();
    const kafka = await FaultProxy.start(`${host}:${port}`);
    return new Links({ port, advertised: kafka.address }, [kafka]);
  }

  /** The others, once the services are up. `zookeepers` and `mongodb` are `host:port`. */
  async lead(to: {
    readonly zookeepers: readonly string[];
    readonly mongodb: string;
    readonly tap: () => Tap;
  }): Promise<void> {
    this.#ways.zookeeper = await Promise.all(to.zookeepers.map((server) => FaultProxy.start(server)));
    const store = await FaultProxy.start(to.mongodb);
    store.tap = to.tap;
    this.#ways.mongodb = [store];
  }

  /** Empty where they do not lead. */
  way(name: WayName): readonly FaultProxy[] {
    return this.#ways[name];
  }

  /** They lead there, and nothing is wrong with that. */
  isSound(name: WayName): boolean {
    return this.#ways[name].length > 0 && !this.inTrouble.has(name);
  }

  address(name: WayName): string {
    return this.#ways[name].map((proxy) => proxy.address).join();
  }

  async heal(names: readonly WayName[] = wayNames): Promise<void> {
    await Promise.all(names.flatMap((name) => this.#ways[name]).map((proxy) => proxy.pass()));
  }

  async close(): Promise<void> {
    await Promise.all(wayNames.flatMap((name) => this.#ways[name]).map((proxy) => proxy.close()));
  }
}
