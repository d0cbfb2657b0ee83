/**
 * Purpose: calls the functions of tasks in this process, for the commands of one run.
 * States: none of its own; the calls that are under way, so that they can be told to stop.
 * On failure: whatever a task throws, and arguments that do not fit its schemas, are a Failure of the atom.
 * Not here: when a task is called and what becomes of its result (`step`), how many at a time (`work-pool.ts`).
 */
import {
  type Clock,
  ConflictError,
  failureOf,
  InputError,
  type Logger,
  toFailure,
  UnavailableError,
} from '@baton/core';
import { type InProcessCall, inProcessCall, type RunnableTask } from '@baton/flow';
import type { ExecuteCommand, Outcome, RevertCommand } from '../protocol.js';
import { jsonOf, resultOf, storable } from './json-values.js';

export type TaskCommand = ExecuteCommand | RevertCommand;

export interface TaskCallOptions {
  readonly flowId: string;
  readonly tasks: Iterable<RunnableTask>;
  /** Without one, time does not pass for a task and nothing times out. */
  readonly clock?: Clock | undefined;
  readonly log?: Logger | undefined;
  readonly progress: (progress: Progress) => void;
}

/** What a running task says about how far it is: 0 to 1. */
export interface Progress {
  readonly atom: string;
  readonly fraction: number;
  readonly message?: string;
}

type Arguments = Readonly<Record<string, unknown>>;

export class TaskCalls {
  readonly #options: TaskCallOptions;
  readonly #tasks: ReadonlyMap<string, RunnableTask>;
  readonly #underWay = new Map<string, InProcessCall>();

  constructor(options: TaskCallOptions) {
    this.#options = options;
    this.#tasks = new Map(Array.from(options.tasks, (task) => [task.name, task]));
  }

  /** Never rejects. After a timeout the function may go on, but nobody hears of it. */
  async call(command: TaskCommand): Promise<Outcome> {
    const task = this.#tasks.get(command.task);
    if (!task) return { failure: failureOf('NO_SUCH_TASK', `the flow has no task ${command.task}`) };
    let args: Arguments;
    try {
      args = await checkedArguments(command, task);
    } catch (error) {
      // the body was not called, so there will be nothing to undo (E-861)
      return { failure: toFailure(error, { phase: 'arguments' }) };
    }
    const { requestId } = command;
    const call = this.#prepared(command);
    this.#underWay.set(requestId, call);
    try {
      return await this.#inTime(command, call, ended(task, command, args, call));
    } finally {
      if (this.#underWay.get(requestId) === call) this.#underWay.delete(requestId);
    }
  }

  /** Tells a task that nobody wants its result any more; it ends when it ends. */
  abort(requestId: string, why: string): void {
    this.#underWay.get(requestId)?.abort(new ConflictError('BATON_CONFLICT_CANCELLED', why));
  }

  abortAll(why: string): void {
    for (const requestId of this.#underWay.keys()) this.abort(requestId, why);
  }

  #prepared({ atom, attempt, round, requestId, timeoutMs }: TaskCommand): InProcessCall {
    const { flowId, clock, log, progress } = this.#options;
    const deadline = clock && timeoutMs !== undefined ? { deadline: clock.wallMs() + timeoutMs } : {};
    return inProcessCall(
      { flowId, atom, attempt, round, requestId, ...deadline },
      {
        ...(log && { log }),
        progress: (fraction, message) =>
          progress({ atom, fraction, ...(message !== undefined && { message }) }),
      },
    );
  }

  #inTime({ task, timeoutMs }: TaskCommand, call: InProcessCall, end: Promise<Outcome>): Promise<Outcome> {
    const { clock } = this.#options;
    if (!clock || timeoutMs === undefined) return end;
    return new Promise((resolve) => {
      const cancel = clock.setTimer(timeoutMs, () => {
        const message = `${task} ran longer than its ${timeoutMs} ms`;
        call.abort(new UnavailableError('BATON_UNAVAILABLE_DEADLINE', message));
        resolve({ failure: failureOf('TIMEOUT', message) });
      });
      void end.then((outcome) => {
        cancel();
        resolve(outcome);
      });
    });
  }
}

async function ended(
  task: RunnableTask,
  command: TaskCommand,
  args: Arguments,
  { context }: InProcessCall,
): Promise<Outcome> {
  try {
    const returned =
      command.type === 'execute'
        ? await task.execute(args, context)
        : await task.revert?.(args, revertContext(context, command));
    const value = storable(returned);
    return value ? { value } : {};
  } catch (error) {
    return { failure: toFailure(error) };
  }
}

function revertContext(context: InProcessCall['context'], { result, flowFailures }: RevertCommand) {
  return Object.freeze({ ...context, result: resultOf(result), flowFailures });
}

async function checkedArguments({ args }: TaskCommand, task: RunnableTask): Promise<Arguments> {
  const checked: Record<string, unknown> = {};
  for (const [parameter, schema] of Object.entries({ ...task.optional, ...task.requires })) {
    const argument = args[parameter];
    if (!argument) continue;
    const result = await schema['~standard'].validate(jsonOf(argument));
    if (result.issues)
      throw new InputError(
        'BATON_INPUT_INVALID',
        `${parameter}: ${result.issues.map(({ message }) => message).join('; ')}`,
      );
    checked[parameter] = result.value;
  }
  return checked;
}
