/**
 * Purpose: one real service as a test sees it: started, killed, paused, started again on the same data and port.
 * States: down ⇄ up ⇄ paused; disposed (final, data removed by the owner of the folder).
 * On failure: a start that does not become ready ends the process and throws with the last lines of its log; when the port was taken
 * in the meantime (first start only) the owner tries again with another.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { LeashedProcess } from './leashed-process.js';

const readyPollMs = 15;
const readyTimeoutMs = 90_000;
const stopTimeoutMs = 5_000;

export interface Service {
  readonly name: string;
  /** Connection string. */
  readonly endpoint: string;
  readonly logFile: string;
  /** Of the server process; undefined while it is down. */
  readonly pid: number | undefined;
  /** Resolves when the process that was started last is gone, however; at once when none was. */
  readonly ended: Promise<unknown>;
  /** Resolves when it answers. On the same port and data as before. No-op while it runs. */
  start(): Promise<void>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM, and SIGKILL after five seconds. */
  stop(): Promise<void>;
  /** SIGSTOP: connections stay open, nothing answers. */
  pause(): void;
  resume(): void;
}

export interface ServiceProgram {
  readonly name: string;
  readonly endpoint: string;
  readonly logFile: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Removed when the whole test run is killed. */
  readonly folder: string;
  isReady(): Promise<boolean>;
}

export class ServiceFailedToStart extends Error {
  readonly portTaken: boolean;
  constructor(message: string, log: string) {
    super(message);
    this.portTaken = /address already in use|BindException|bind: /i.test(log);
  }
}

export class ProcessService implements Service {
  #process: LeashedProcess | undefined;

  constructor(readonly program: ServiceProgram) {}

  get name(): string {
    return this.program.name;
  }
  get endpoint(): string {
    return this.program.endpoint;
  }
  get logFile(): string {
    return this.program.logFile;
  }
  get pid(): number | undefined {
    return this.#process?.isRunning === true ? this.#process.pid : undefined;
  }
  get ended(): Promise<unknown> {
    return this.#process?.ended ?? Promise.resolve();
  }

  async start(): Promise<void> {
    if (this.pid !== undefined) return;
    const started = performance.now();
    const child = (this.#process = await LeashedProcess.start(this.program));
    for (;;) {
      const ready = await this.program.isReady();
      // only now: the port may be answered by somebody else, while ours has ended because it was taken
      if (!child.isRunning) throw this.#failure('ended while starting');
      if (ready) return;
      if (performance.now() - started > readyTimeoutMs) {
        await child.end();
        throw this.#failure(`did not answer within ${readyTimeoutMs / 1000} s`);
      }
      await delay(readyPollMs);
    }
  }

  async kill(): Promise<void> {
    await this.#process?.end();
  }

  async stop({ timeoutMs = stopTimeoutMs } = {}): Promise<void> {
    this.resume();
    this.#process?.signal('SIGTERM');
    await Promise.race([this.#process?.ended, delay(timeoutMs, undefined, { ref: false })]);
    await this.kill();
  }

  pause(): void {
    this.#process?.signal('SIGSTOP');
  }

  resume(): void {
    this.#process?.signal('SIGCONT');
  }

  #failure(what: string): ServiceFailedToStart {
    const log = logTail(this);
    return new ServiceFailedToStart(`${this.name} ${what}. Its log ends:\n${log}`, log);
  }
}

/** The last lines of what it has said. */
export function logTail({ logFile }: Service): string {
  return readFileSync(logFile, 'utf8').slice(-2000);
}

/** Several servers that are one service to their clients: an ensemble. */
export class ServiceGroup implements Service {
  readonly logFile: string;

  constructor(
    readonly name: string,
    readonly members: readonly Service[],
  ) {
    this.logFile = members[0]?.logFile ?? '';
  }
  get endpoint(): string {
    return this.members.map((member) => member.endpoint).join(',');
  }
  get pid(): number | undefined {
    return this.members[0]?.pid;
  }
  get ended(): Promise<unknown> {
    return Promise.race(this.members.map((member) => member.ended));
  }
  async start(): Promise<void> {
    await this.#all((member) => member.start());
  }
  async kill(): Promise<void> {
    await this.#all((member) => member.kill());
  }
  async stop(): Promise<void> {
    await this.#all((member) => member.stop());
  }
  pause(): void {
    for (const member of this.members) member.pause();
  }
  resume(): void {
    for (const member of this.members) member.resume();
  }
  /** Waits for all, also when one fails: nothing may be in the making when the caller cleans up. */
  async #all(action: (member: Service) => Promise<void>): Promise<void> {
    const failed = (await Promise.allSettled(this.members.map(action))).find(
      (one) => one.status === 'rejected',
    );
    if (failed !== undefined) throw failed.reason;
  }
}
