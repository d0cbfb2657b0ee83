/**
 * Purpose: one operating system process of the simulation: its clocks, its randomness, its log, and its wires to the services.
 * States: running ⇄ held (SIGSTOP) → dead (SIGKILL). What comes to a held process waits for it, what comes to a dead one is dropped; nothing of its
 *   code has an effect any more, whatever it was waiting for.
 * What is authoritative: the world's time. A process may have another idea of the wall clock, and of how fast time goes.
 * Not here: what runs in it (cluster.ts), what happens to it (faults.ts), who can reach whom (network.ts).
 */
import type { Clock, LogFields, Logger, Runtime } from '@baton/core';
import { SeededRandom, type Wire } from '@baton/testkit';
import type { Network, ServiceName } from './network.js';
import type { VirtualTime } from './virtual-time.js';

export interface ProcessOptions {
  readonly name: string;
  readonly time: VirtualTime;
  readonly network: Network;
  readonly seed: number;
  /** What its wall clock is off by, at first. */
  readonly skewMs: number;
  /** Its ms for each true one. */
  readonly rate: number;
  readonly onLog: ((line: LogLine) => void) | undefined;
}

export interface LogLine {
  readonly atMs: number;
  readonly process: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

/**
 * Where a process can be struck: between any two steps that another process can see. `before`: what it is about to send never leaves. `after`: it has
 * left, and nobody waits for the answer. `answer`: the answer has come and is not read.
 */
export type Place = 'before' | 'after' | 'answer';

interface Strike {
  readonly place: Place;
  trips: number;
  readonly strike: () => void;
}

/** As with real timers time goes on before any of them fires: else rounding could make one fire for ever at one moment. */
const timerMinMs = 0.001;

export const wallStartMs = Date.UTC(2030, 0, 1);

export class SimulatedProcess {
  readonly name: string;
  readonly runtime: Runtime;
  readonly clock: Clock;
  /** Change it for a jump of the wall clock. */
  skewMs: number;
  readonly #options: ProcessOptions;
  #isAlive = true;
  /** What waits for a held process. */
  #held: (() => void)[] | undefined;
  #immediates: (() => void)[] = [];
  #armed: Strike[] = [];

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.name = options.name;
    this.skewMs = options.skewMs;
    this.clock = this.#newClock(options);
    this.runtime = {
      clock: this.clock,
      random: new SeededRandom(options.seed, this.clock),
      logger: newLogger(options),
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
    this.#armed = [];
  }

  hold(): void {
    if (this.#isAlive) this.#held ??= [];
  }

  goOn(): void {
    const held = this.#held;
    this.#held = undefined;
    // one after the other, as turns of its event loop; it may be held again or die meanwhile
    for (const callback of held ?? []) this.#options.time.schedule(0, () => this.#enter(callback));
  }

  /** Does it at the `trips`-th time from now (0: the next) that this process sends something, or has an answer. */
  strikeAt(place: Place, trips: number, strike: () => void): void {
    this.#armed.push({ place, trips, strike });
  }

  /** What was to strike does not any more. */
  disarm(): void {
    this.#armed = [];
  }

  wireTo(service: ServiceName): Wire {
    const { network } = this.#options;
    const isAlive = (): boolean => this.#isAlive;
    const entering = (lost: (() => void) | undefined) => lost && ((): void => this.#enter(lost));
    return {
      clock: this.clock,
      get alive() {
        return isAlive();
      },
      notice: (callback) => this.#enter(callback),
      toService: (callback, lost) => this.#leave(() => network.send(this, service, callback, entering(lost))),
      toClient: (callback, lost) =>
        network.answer(this, service, () => this.#arrive(callback), entering(lost)),
    };
  }

  #leave(send: () => void): void {
    if (!this.#isAlive) return;
    if (this.#armed.length > 0) this.#reach('before');
    if (!this.#isAlive) return;
    if (this.#held !== undefined) return void this.#held.push(() => this.#leave(send));
    send();
    if (this.#armed.length > 0) this.#reach('after');
  }

  #arrive(callback: () => void): void {
    if (this.#armed.length > 0 && this.#held === undefined) this.#reach('answer');
    this.#enter(callback);
  }

  #reach(place: Place): void {
    for (const armed of [...this.#armed]) {
      if (armed.place !== place || armed.trips-- > 0) continue;
      this.#armed = this.#armed.filter((each) => each !== armed);
      armed.strike();
    }
  }

  #enter(callback: () => void): void {
    if (!this.#isAlive) return;
    if (this.#held === undefined) callback();
    else this.#held.push(callback);
  }

  #newClock({ time, rate }: ProcessOptions): Clock {
    return {
      wallMs: () => wallStartMs + this.skewMs + time.nowMs * rate,
      monotonicMs: () => time.nowMs * rate,
      setTimer: (delayMs, callback) => {
        let due: (() => void) | undefined = callback;
        const cancel = time.schedule(Math.max(timerMinMs, delayMs) / rate, () => this.#enter(() => due?.()));
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
    const first = this.#immediates.shift();
    if (this.#immediates.length > 0)
      this.#options.time.schedule(0, () => this.#enter(() => this.#runImmediates()));
    first?.();
  }
}

const nothing = (): void => undefined;
const silent: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

function newLogger({ onLog, time, name }: ProcessOptions): Logger {
  if (onLog === undefined) return silent;
  const log =
    (level: LogLine['level']) =>
    (message: string, fields: LogFields = {}): void =>
      onLog({ atMs: time.nowMs, process: name, level, message, fields });
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
}
