/**
 * Purpose: the processes of a demo or of `baton dev`: the embedded server, conductors and workers, and one temporary folder.
 * States: open → closed. Everything that was started is ended by `close`; if this process dies first, by the leash.
 * What is authoritative: which members live, the board says; this knows only what it started.
 * On failure: a member that ends by itself is told to `onEnded`; nothing is started again by itself here.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger, MemberKind } from '@baton/core';
import { spawnLocalServer } from '@baton/local';
import type { LocalServerProcess } from '@baton/local';
import type { LogLine } from './failovers.js';
import { MemberProcess } from './member-process.js';

export interface StageOptions {
  readonly environment: NodeJS.ProcessEnv;
  readonly logger: Logger;
  /** Where the embedded server keeps its data; default: in the temporary folder. */
  readonly dataFolder?: string;
  /** False on services of one's own. */
  readonly embedded: boolean;
  readonly onLine?: (line: LogLine, member: string) => void;
}

const endPatienceMs = 3_000;

export class Stage {
  /** Temporary; removed by `close`. */
  readonly folder: string;
  readonly members = new Map<string, MemberProcess>();
  readonly #options: StageOptions;
  readonly #leash: ChildProcess;
  readonly #started = new Set<MemberProcess>();
  #variables: Readonly<Record<string, string>> = {};
  #server: LocalServerProcess | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: StageOptions) {
    this.#options = options;
    this.folder = mkdtempSync(join(tmpdir(), 'baton-'));
    this.#leash = spawn(
      process.execPath,
      [fileURLToPath(new URL('../../dist/demo/leash.js', import.meta.url))],
      {
        detached: true,
        stdio: ['pipe', 'ignore', 'ignore'],
        env: {},
      },
    );
    this.#leash.stdin?.on('error', () => undefined); // it was killed: what is left then is `close`
    this.#tell(this.folder);
  }

  /** @throws UnavailableError or ConflictError when the embedded server does not start. */
  static async open(options: StageOptions): Promise<Stage> {
    const stage = new Stage(options);
    try {
      if (options.embedded) await stage.#startServer();
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  /** Address of the embedded server. */
  get address(): string | undefined {
    return this.#server?.address;
  }

  /** Whether `close` was called. */
  get closing(): boolean {
    return this.#closing !== undefined;
  }

  /** What every member started from now on finds in its environment, beside what this process has. */
  set variables(variables: Readonly<Record<string, string>>) {
    this.#variables = variables;
  }

  /** Starts a member; one of the same name must be gone from the board, or the new one refuses to start. */
  start(kind: MemberKind, id: string, args: readonly string[] = []): MemberProcess {
    const member = new MemberProcess({
      id,
      kind,
      args,
      environment: { ...this.#options.environment, ...this.#variables },
      onLine: this.#options.onLine ?? (() => undefined),
    });
    this.members.set(id, member);
    this.#started.add(member);
    const { guardPid } = member;
    if (guardPid !== undefined) this.#tell(`+${guardPid}`);
    void member.ended
      .catch(() => undefined)
      .then(() => {
        this.#started.delete(member);
        if (guardPid !== undefined) this.#tell(`-${guardPid}`);
      });
    return member;
  }

  /** Ends everything, removes the folder. Idempotent; never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#started].map((member) => member.end(endPatienceMs)));
    await this.#server?.close().catch(() => undefined);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
    const ended =
      this.#leash.exitCode === null && this.#leash.signalCode === null
        ? once(this.#leash, 'exit')
        : undefined;
    this.#leash.stdin?.end();
    await ended?.catch(() => undefined);
  }

  async #startServer(): Promise<void> {
    const { dataFolder = this.folder, logger } = this.#options;
    mkdirSync(dataFolder, { recursive: true });
    this.#server = await spawnLocalServer({
      listen: { path: join(this.folder, 'server.sock') },
      file: join(dataFolder, 'baton.db'),
      logger,
    });
  }

  #tell(line: string): void {
    if (this.#leash.stdin?.writable === true) this.#leash.stdin.write(`${line}\n`);
  }
}
