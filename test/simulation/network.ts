/**
 * Purpose: who can reach whom, and how long it takes (P-202): trips of seeded length, slow services, and links cut in one direction or in both.
 * What is authoritative: the cuts and delays set here. A service itself is never down: when nobody can reach it, it is as good as down.
 * On failure: what is sent into a cut is gone, and its sender gives up waiting after a while by its own clock.
 * Not here: what a lost message means to its sender (the simulated substrates in @baton/testkit).
 */
import type { Random } from '@baton/core';
import type { SimulatedProcess } from './process.js';
import type { VirtualTime } from './virtual-time.js';

export type ServiceName = 'coordination' | 'log' | 'store';
export type Direction = 'there' | 'back' | 'both';

/** How long a client waits for an answer. */
const patienceMs = 1_500;

/** Whose link: one process's, or everybody's. */
export interface LinkName {
  readonly process?: SimulatedProcess;
  readonly service: ServiceName;
}

interface Trouble {
  cut?: Direction;
  slowMs?: number;
}

export class Network {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #tripMs: Readonly<Record<ServiceName, number>>;
  /** Only links with trouble. */
  readonly #troubled = new Map<string, Trouble>();

  /** `tripMs`: mean of one trip. */
  constructor(o: {
    readonly time: VirtualTime;
    readonly random: Random;
    readonly tripMs: Readonly<Record<ServiceName, number>>;
  }) {
    this.#time = o.time;
    this.#random = o.random;
    this.#tripMs = o.tripMs;
  }

  trouble(link: LinkName, trouble: Trouble): void {
    this.#troubled.set(nameOf(link), trouble);
  }

  heal(link: LinkName): void {
    this.#troubled.delete(nameOf(link));
  }

  healAll(): void {
    this.#troubled.clear();
  }

  /** From a process to a service. `lost` when it does not come through, after as long as the process waits for an answer. */
  send(process: SimulatedProcess, service: ServiceName, arrive: () => void, lost?: () => void): void {
    this.#carry('there', { process, service }, arrive, lost);
  }

  /** From a service to a process. */
  answer(process: SimulatedProcess, service: ServiceName, arrive: () => void, lost?: () => void): void {
    this.#carry('back', { process, service }, arrive, lost);
  }

  #carry(direction: Direction, link: Required<LinkName>, arrive: () => void, lost?: () => void): void {
    let tripMs = -Math.log(1 - this.#random.fraction()) * this.#tripMs[link.service]; // most are short, a few are long
    if (this.#troubled.size > 0)
      for (const name of [nameOf(link), nameOf({ service: link.service })]) {
        const { cut, slowMs = 0 } = this.#troubled.get(name) ?? {};
        tripMs += slowMs;
        if (cut === undefined || (cut !== 'both' && cut !== direction)) continue;
        if (lost !== undefined) this.#time.schedule(patienceMs, lost);
        return;
      }
    this.#time.schedule(tripMs, arrive);
  }
}

function nameOf({ process, service }: LinkName): string {
  return `${process?.name ?? ''}/${service}`;
}
