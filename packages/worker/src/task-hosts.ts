/**
 * Purpose: the threads and processes in which isolated tasks run, by kind and module, kept warm: starting one takes longer than many a task.
 * States of a host: taken → idle → taken …; ended. It never serves two attempts at a time.
 * Bounds: as many as isolated tasks run at the same time, which is what the worker's places allow, and for a moment those that were started for
 *   tasks that were stopped meanwhile; an idle one ends after a minute, but for the last.
 * On failure: the next task has one started. One that goes on after its kill keeps its task's place in the worker, and perhaps does its work: it ends
 *   with this process only, so the worker has to end (`stuck`).
 * Not here: time-outs and kills (isolated-attempt.ts).
 */
import { InputError, UnavailableError, toFailure, type Runtime } from '@baton/core';
import type { StartHost } from './host-messages.js';
import { limits } from './options.js';
import { isIsolated, type IsolatedTask, type RegisteredTask } from './registered-task.js';
import { TaskHost } from './task-host.js';

interface Idle {
  readonly host: TaskHost;
  readonly cancelTimer: () => void;
}

export class TaskHosts {
  readonly #start: StartHost | undefined;
  readonly #runtime: Pick<Runtime, 'clock' | 'logger'>;
  readonly #tasks: readonly IsolatedTask[];
  readonly #idle = new Map<string, Idle[]>();
  readonly #all = new Set<TaskHost>();
  readonly #stuck = new AbortController();
  #closed = false;

  /** @throws InputError `BATON_INPUT_INVALID` when a task is isolated and nothing can be started for it. */
  constructor({
    tasks,
    start,
    runtime,
  }: {
    readonly tasks: Iterable<RegisteredTask>;
    readonly start: StartHost | undefined;
    readonly runtime: Pick<Runtime, 'clock' | 'logger'>;
  }) {
    this.#tasks = [...tasks].filter(isIsolated);
    this.#runtime = runtime;
    const [task] = this.#tasks;
    const missing = start === undefined ? 'a way to start it (`startHost`)' : 'its module: use `loadTasks`';
    if (task !== undefined && (start === undefined || this.#tasks.some(({ module }) => module === undefined)))
      throw new InputError(
        'BATON_INPUT_INVALID',
        `task ${task.name} runs in a ${task.isolation} of its own, and the worker was not given ${missing}`,
      );
    this.#start = start;
  }

  /** Aborted when one goes on after its kill; the reason, `BATON_UNAVAILABLE_TASK_STUCK`, tells which. */
  get stuck(): AbortSignal {
    return this.#stuck.signal;
  }

  /** Starts one of each that the tasks need. @throws InputError `BATON_INPUT_INVALID` when one does not get ready. */
  async open(): Promise<void> {
    const needed = new Map(this.#tasks.map((task) => [keyOf(task), task]));
    await Promise.all([...needed.values()].map(async (task) => this.give(task, await this.#started(task))));
  }

  /** One for this task alone, until it is given back. Rejects with an `Error` for people when none gets ready. */
  async take(task: IsolatedTask): Promise<TaskHost> {
    const idle = this.#idleOf(task).pop();
    if (idle === undefined) return this.#startOne(task);
    idle.cancelTimer();
    return idle.host;
  }

  /** Nothing runs in it any more. */
  give(task: IsolatedTask, host: TaskHost): void {
    if (this.#closed || !host.isAlive) return host.kill();
    const cancelTimer = this.#runtime.clock.setTimer(limits.hostIdleMs, () => {
      if (this.#idleOf(task).length === 1) return;
      this.#forget(task, host);
      host.kill();
    });
    this.#idleOf(task).push({ host, cancelTimer });
  }

  /** Kills all of them, at once; what is stuck is not waited for. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const { cancelTimer } of [...this.#idle.values()].flat()) cancelTimer();
    this.#idle.clear();
    for (const host of this.#all) host.kill();
    await Promise.all([...this.#all].map(({ ended, stuck }) => Promise.race([ended, stuck])));
  }

  async #started(task: IsolatedTask): Promise<TaskHost> {
    try {
      return await this.#startOne(task);
    } catch (cause) {
      throw new InputError(
        'BATON_INPUT_INVALID',
        `module ${task.module} does not get ready in a ${task.isolation}, as task ${task.name} wants it: ${toFailure(cause).message}`,
        { cause },
      );
    }
  }

  async #startOne(task: IsolatedTask): Promise<TaskHost> {
    if (this.#closed || this.#start === undefined) throw new Error('the worker shuts down');
    const { isolation, module = '' } = task;
    const host = new TaskHost({ isolation, module }, { start: this.#start, runtime: this.#runtime });
    this.#all.add(host);
    void host.ended.then(() => {
      this.#all.delete(host);
      this.#forget(task, host);
    });
    void host.stuck.then(() => this.#onStuck(host, module));
    await host.ready;
    return host;
  }

  #onStuck({ isolation, task }: TaskHost, module: string): void {
    const what = task === undefined ? `loads ${module}` : `runs task ${task}`;
    const error = new UnavailableError(
      'BATON_UNAVAILABLE_TASK_STUCK',
      `the ${isolation} that ${what} goes on ${limits.hostEndMs} ms after its kill, and ends with its worker only`,
    );
    this.#runtime.logger.error('task-host.stuck', { task, isolation, error });
    this.#stuck.abort(error);
  }

  /** No task gets it any more. */
  #forget(task: IsolatedTask, host: TaskHost): void {
    const idle = this.#idleOf(task);
    const at = idle.findIndex((entry) => entry.host === host);
    idle.splice(at, at === -1 ? 0 : 1)[0]?.cancelTimer();
  }

  #idleOf(task: IsolatedTask): Idle[] {
    const key = keyOf(task);
    const known = this.#idle.get(key) ?? [];
    this.#idle.set(key, known);
    return known;
  }
}

function keyOf({ isolation, module }: IsolatedTask): string {
  return `${isolation} ${module}`;
}
