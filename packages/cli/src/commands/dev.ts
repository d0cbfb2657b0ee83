/** `baton dev`: a whole cluster on this machine for trying things out: embedded server, conductors, workers with reloading. */
import { existsSync, mkdirSync, watch } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { InputError, type MemberKind } from '@baton/core';
import type { Command } from 'commander';
import type { MemberProcess } from '../demo/member-process.js';
import { Stage } from '../demo/stage.js';
import { exitCodes } from '../exit-codes.js';
import type { Invocation } from '../invocation.js';
import { clean } from '../output.js';
import type { Run } from '../run.js';

interface DevFlags {
  readonly conductors: string;
  readonly workers: string;
  readonly tasks?: string;
  readonly persist?: string;
}

const membersMax = 32;
/** Editors write a file in several steps. */
const settleMs = 150;
const restartPauseMs = 300;
const tellAfterMs = 1_000;
const sameSignalMs = 500;

export function addDevCommand(program: Command, run: Run): void {
  program
    .command('dev')
    .description('a cluster on this machine for development, not for production; Ctrl-C ends it')
    .option('--conductors <n>', 'conductors', '1')
    .option('--workers <n>', 'workers, when --tasks is given', '1')
    .option('--tasks <module>', 'module that exports the tasks; workers start again when it changes')
    .option('--persist <folder>', 'keep the data there; default: gone at the end')
    .action(run(dev));
}

async function dev(invocation: Invocation, _: readonly string[], flags: DevFlags): Promise<number> {
  const counts = {
    conductor: countOf('--conductors', flags.conductors),
    worker: countOf('--workers', flags.workers),
  };
  const tasks = flags.tasks === undefined ? undefined : resolve(flags.tasks);
  if (tasks !== undefined && !existsSync(tasks))
    throw new InputError('BATON_INPUT_INVALID', `tasks module ${tasks} does not exist`);
  const dataFolder = flags.persist === undefined ? undefined : folderAt(flags.persist);
  const stage = await Stage.open({
    environment: invocation.environment.forChildren,
    logger: invocation.logger('daemon'),
    embedded: true,
    ...(dataFolder === undefined ? {} : { dataFolder }),
    onLine: ({ message, level, memberId: __, timestamp: _at, ...rest }, id) =>
      say(`${id} ${String(level)} ${message} ${JSON.stringify(rest)}`),
  });
  stage.variables = { BATON_LOCAL_SOCKET: stage.address ?? '' };
  const cluster = new DevCluster(stage, tasks);
  const over = interruption(cluster);
  try {
    for (const kind of ['conductor', 'worker'] as const)
      for (let number = 1; number <= counts[kind] && (kind === 'conductor' || tasks !== undefined); number++)
        cluster.keep(kind, `${kind[0]}${number}`);
    const hasConductor = counts.conductor > 0;
    process.stdout.write(
      welcome(invocation.environment.program, { address: stage.address ?? '', tasks, hasConductor }),
    );
    const stopWatching =
      tasks === undefined ? (): void => undefined : onChange(tasks, () => cluster.reload());
    await over.happened;
    stopWatching();
    cluster.stop();
    await Promise.race([cluster.drained(), over.again]);
    return exitCodes.ok;
  } finally {
    cluster.stop();
    over.dispose();
    await stage.close();
  }
}

/** @throws InputError */
function folderAt(path: string): string {
  try {
    mkdirSync(resolve(path), { recursive: true });
    return resolve(path);
  } catch (cause) {
    const message = `--persist ${path} is no folder, and none can be made there`;
    throw new InputError('BATON_INPUT_INVALID', message, { cause });
  }
}

/** Members that are started again whenever they end, until `stop`; one that cannot start with its tasks module, when that has changed. */
class DevCluster {
  readonly #stage: Stage;
  readonly #tasks: string | undefined;
  /** Names of workers that wait for another tasks module. */
  readonly #waiting = new Set<string>();
  #stopped = false;

  constructor(stage: Stage, tasks: string | undefined) {
    this.#stage = stage;
    this.#tasks = tasks;
  }

  /** The guard has closed the old session when it ends, so the name is free again. */
  keep(kind: MemberKind, id: string): void {
    const member = this.#stage.start(
      kind,
      id,
      kind === 'worker' && this.#tasks !== undefined ? ['--tasks', this.#tasks] : [],
    );
    void member.ended
      .catch(() => undefined)
      .then(() => new Promise<void>((done) => setTimeout(done, restartPauseMs)))
      .then(() => {
        if (this.#stopped) return;
        // log lines were said when they came
        const words = member.lastWords.filter((line) => !line.startsWith('{'));
        for (const line of words.slice(-2)) say(`${id} ${line}`);
        if (kind === 'worker' && member.exitCode === exitCodes.usage) {
          this.#waiting.add(id);
          return say(`${id} waits for a change of ${this.#tasks}`);
        }
        say(`${id} starts again`);
        this.keep(kind, id);
      });
  }

  /** Workers finish what runs, then load the module anew. */
  reload(): void {
    say('tasks changed: workers start again');
    this.#restart((member) => member.kind === 'worker');
  }

  restartAll(): void {
    this.#restart(() => true);
  }

  #restart(which: (member: MemberProcess) => boolean): void {
    for (const member of this.#stage.members.values()) if (which(member)) member.drain();
    for (const id of this.#waiting) this.keep('worker', id);
    this.#waiting.clear();
  }

  killOne(): void {
    const running = [...this.#stage.members.values()].filter((member) => !member.hasEnded);
    const victim = running[Math.floor(Math.random() * running.length)];
    if (victim?.kill() === true) say(`${victim.id} is killed (SIGKILL)`);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Workers finish what runs while their conductors are still there. */
  async drained(): Promise<void> {
    const told = setTimeout(() => say('waits for tasks that run; Ctrl-C again ends them'), tellAfterMs);
    for (const kind of ['worker', 'conductor'] as const) {
      const members = [...this.#stage.members.values()].filter((member) => member.kind === kind);
      for (const member of members) member.drain();
      await Promise.all(members.map((member) => member.ended.catch(() => undefined)));
    }
    clearTimeout(told);
  }
}

interface Interruption {
  readonly happened: Promise<void>;
  /** Once more, and not the same one twice: a terminal and `npx` both pass a signal on. */
  readonly again: Promise<void>;
  dispose(): void;
}

/** Ctrl-C, SIGTERM, the key q; k and r do what they say. */
function interruption(cluster: DevCluster): Interruption {
  let [stopOnce, stopAgain] = [(): void => undefined, (): void => undefined];
  const happened = new Promise<void>((done) => (stopOnce = done));
  const again = new Promise<void>((done) => (stopAgain = done));
  let stoppedAtMs: number | undefined;
  const stop = (): void => {
    stoppedAtMs ??= performance.now();
    stopOnce();
    if (performance.now() - stoppedAtMs > sameSignalMs) stopAgain();
  };
  const alive = setInterval(() => undefined, 60_000);
  const onKeys = (keys: string | Buffer): void => {
    for (const key of keys.toString()) {
      if (key === 'q' || key === '\u0003') stop();
      if (key === 'k') cluster.killOne();
      if (key === 'r') cluster.restartAll();
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  if (process.stdin.isTTY) process.stdin.setRawMode(true).setEncoding('utf8').on('data', onKeys).resume();
  return {
    happened,
    again,
    dispose() {
      clearInterval(alive);
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, stop);
      if (process.stdin.isTTY) process.stdin.off('data', onKeys).setRawMode(false).pause();
    },
  };
}

function onChange(file: string, changed: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  // the folder: many editors replace the file, and a watch on it would follow the old one
  const watcher = watch(dirname(file), (_event, name) => {
    if (name !== basename(file)) return;
    clearTimeout(timer);
    timer = setTimeout(changed, settleMs);
  });
  return () => {
    clearTimeout(timer);
    watcher.close();
  };
}

function welcome(
  program: string,
  {
    address,
    tasks,
    hasConductor,
  }: { readonly address: string; readonly tasks: string | undefined; readonly hasConductor: boolean },
): string {
  return [
    'baton dev: an embedded server on this machine. NOT FOR PRODUCTION: one process, one file, no replication.',
    'In another terminal:',
    `  export BATON_LOCAL_SOCKET=${address}`,
    `  ${program} cluster status`,
    `  ${program} job post FLOW --wait`,
    ...(hasConductor ? [] : ['No conductor runs: give --conductors 1.']),
    ...(tasks === undefined ? ['No worker runs: give --tasks MODULE.'] : []),
    'Keys: k kills a member, r restarts all, q quits.',
    '',
  ].join('\n');
}

function say(text: string): void {
  process.stderr.write(`${clean(text)}\n`);
}

function countOf(flag: string, text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 0 && count <= membersMax) return count;
  throw new InputError(
    'BATON_INPUT_INVALID',
    `${flag} must be a whole number from 0 to ${membersMax}, got ${JSON.stringify(text)}`,
  );
}
