/**
 * Purpose: one operating system process of the simulation: its clock, its randomness, its log, and the wire to the services.
 * States: running ⇄ held (SIGSTOP) → dead (SIGKILL). What comes to a held process waits for it, what comes to a dead one is dropped; nothing of its
 *   code runs any more, whatever it was waiting for.
 * What is authoritative: the world's time. A process may have another idea of the wall clock.
 * Not here: what runs in it (members.ts), what happens to it (faults.ts).
 */
import type { Clock, LogFields, Logger, Runtime } from '@baton/core';
import { SeededRandom, type Wire } from '@baton/testkit';
import type { VirtualTime } from './virtual-time.js';

export interface ProcessOptions {
  readonly name: string;
  readonly time: VirtualTime;
  readonly seed: number;
  /** What its wall clock is off by. */
  readonly skewMs: number;
  /** Virtual ms of one trip over the network. */
  readonly tripMs: () => number;
  readonly onLog: (line: LogLine) => void;
}

export interface LogLine {
  readonly atMs: number;
  readonly process: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

export const wallStartMs = Date.UTC(2030, 0, 1);

export class SimulatedProcess implements Wire {
  readonly name: string;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly #options: ProcessOptions;
  #isAlive = true;
  /** What waits for a held process. */
  #held: (() => void)[] | undefined;
  #immediates: (() => void)[] = [];

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.name = options.name;
    this.clock = this.#newClock(options);
    this.runtime = {
      clock: this.clock,
      random: new SeededRandom(options.seed, this.clock),
      logger: this.#newLogger(),
    };
  }

  get alive(): boolean {
    return this.#isAlive;
  }

  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  kill(): void {
    this.#isAlive = false;
    this.#held = undefined;
    this.#immediates = [];
  }

  hold(): void {
    this.#held ??= [];
  }

  goOn(): void {
    const held = this.#held;
    this.#held = undefined;
    // one after the other, as turns of its event loop; it may be held again or die meanwhile
    for (const callback of held ?? []) this.#options.time.schedule(0, () => this.#enter(callback));
  }

  notice(callback: () => void): void {
    this.#enter(callback);
  }

  toService(callback: () => void): void {
    this.#options.time.schedule(this.#options.tripMs(), callback);
  }

  toClient(callback: () => void): void {
    this.#options.time.schedule(this.#options.tripMs(), () => this.#enter(callback));
  }

  #enter(callback: () => void): void {
    if (!this.#isAlive) return;
    if (this.#held === undefined) callback();
    else this.#held.push(callback);
  }

  #newClock({ time, skewMs }: ProcessOptions): Clock {
    return {
      wallMs: () => wallStartMs + skewMs + time.nowMs,
      monotonicMs: () => time.nowMs,
      setTimer: (delayMs, callback) => {
        let due: (() => void) | undefined = callback;
        const cancel = time.schedule(delayMs, () => this.#enter(() => due?.()));
        return () => {
          due = undefined;
          cancel();
        };
      },
      setImmediate: (callback) => {
        if (this.#immediates.push(callback) > 1) return;
        time.schedule(0, () => this.#enter(() => this.#runImmediates()));
      },
    };
  }

  /** Those asked for until now, in order; each in a turn of its own, as promise reactions run between them. */
  #runImmediates(): void {
    const [first, ...rest] = this.#immediates;
    this.#immediates = rest;
    if (rest.length > 0) this.#options.time.schedule(0, () => this.#enter(() => this.#runImmediates()));
    first?.();
  }

  #newLogger(): Logger {
    const { onLog, time, name } = this.#options;
    const log =
      (level: LogLine['level']) =>
      (message: string, fields: LogFields = {}): void =>
        onLog({ atMs: time.nowMs, process: name, level, message, fields });
    return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
  }
}
