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
import { InProcessContext, type InProcessEars, type RunnableTask } from '@baton/flow';
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

const silent: Logger = Object.freeze({ debug: ignore, info: ignore, warn: ignore, error: ignore });

export class TaskCalls {
  readonly #options: TaskCallOptions;
  readonly #tasks: ReadonlyMap<string, RunnableTask>;
  readonly #ears: InProcessEars;
  readonly #underWay = new Map<string, InProcessContext>();

  constructor(options: TaskCallOptions) {
    this.#options = options;
    this.#tasks = new Map(Array.from(options.tasks, (task) => [task.name, task]));
    const { log = silent, progress } = options;
    this.#ears = {
      log,
      progress: (atom, fraction, message) =>
        progress({ atom, fraction, ...(message !== undefined && { message }) }),
    };
  }

  /** Never rejects. After a timeout the function may go on, but nobody hears of it. */
  async call(command: TaskCommand): Promise<Outcome> {
    const task = this.#tasks.get(command.task);
    if (!task) return { failure: failureOf('NO_SUCH_TASK', `the flow has no task ${command.task}`) };
    let args: Arguments;
    try {
      const checked = checkedArguments(command, task);
      // most schemas answer at once, and waiting costs more than the engine does
      args = checked instanceof Promise ? await checked : checked;
    } catch (error) {
      // the body was not called, so there will be nothing to undo (E-861)
      return { failure: toFailure(error, { phase: 'arguments' }) };
    }
    const context = this.#contextOf(command);
    this.#underWay.set(command.requestId, context);
    const { clock } = this.#options;
    const outcome =
      clock && command.timeoutMs !== undefined
        ? await inTime(
            clock,
            { ...command, timeoutMs: command.timeoutMs },
            context,
            bodyOf(task, command, args, context),
          )
        : await bodyOf(task, command, args, context);
    if (this.#underWay.get(command.requestId) === context) this.#underWay.delete(command.requestId);
    return outcome;
  }

  /** Tells a task that nobody wants its result any more; it ends when it ends. */
  abort(requestId: string, why: string): void {
    this.#underWay.get(requestId)?.abort(new ConflictError('BATON_CONFLICT_CANCELLED', why));
  }

  abortAll(why: string): void {
    for (const requestId of this.#underWay.keys()) this.abort(requestId, why);
  }

  #contextOf(command: TaskCommand): InProcessContext {
    const { flowId, clock } = this.#options;
    const { atom, attempt, round, requestId, timeoutMs } = command;
    const limited = clock && timeoutMs !== undefined && { deadline: clock.wallMs() + timeoutMs };
    const undone = command.type === 'revert' && {
      result: resultOf(command.result),
      flowFailures: command.flowFailures,
    };
    const request = { flowId, atom, attempt, round, requestId };
    return new InProcessContext(
      limited || undone ? { ...request, ...limited, ...undone } : request,
      this.#ears,
    );
  }
}

function inTime(
  clock: Clock,
  { task, timeoutMs }: { readonly task: string; readonly timeoutMs: number },
  context: InProcessContext,
  body: Promise<Outcome>,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const cancel = clock.setTimer(timeoutMs, () => {
      const message = `${task} ran longer than its ${timeoutMs} ms`;
      context.abort(new UnavailableError('BATON_UNAVAILABLE_DEADLINE', message));
      resolve({ failure: failureOf('TIMEOUT', message) });
    });
    void body.then((outcome) => {
      cancel();
      resolve(outcome);
    });
  });
}

/** Never rejects. */
async function bodyOf(
  task: RunnableTask,
  command: TaskCommand,
  args: Arguments,
  context: InProcessContext,
): Promise<Outcome> {
  try {
    const returned =
      command.type === 'execute' ? await task.execute(args, context) : await task.revert?.(args, context);
    const value = storable(returned);
    return value ? { value } : {};
  } catch (error) {
    return { failure: toFailure(error) };
  }
}

type Checked = Record<string, unknown>;

/** A promise only where a schema gives one. */
function checkedArguments({ args }: TaskCommand, task: RunnableTask): Arguments | Promise<Arguments> {
  const checked: Checked = {};
  const late: Promise<void>[] = [];
  for (const shape of [task.optional, task.requires])
    for (const parameter in shape) {
      const [argument, schema] = [args[parameter], shape[parameter]];
      if (!argument || !schema) continue;
      const result = schema['~standard'].validate(jsonOf(argument));
      if (result instanceof Promise) late.push(result.then((later) => accept(checked, parameter, later)));
      else accept(checked, parameter, result);
    }
  return late.length === 0 ? checked : Promise.all(late).then(() => checked);
}

function accept(checked: Checked, parameter: string, result: Judgement): void {
  if (result.issues)
    throw new InputError(
      'BATON_INPUT_INVALID',
      `${parameter}: ${result.issues.map(({ message }) => message).join('; ')}`,
    );
  checked[parameter] = result.value;
}

/** What a schema says (Standard Schema). */
type Judgement =
  | { readonly value: unknown; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] };

function ignore(): void {
  // in process nobody need listen
}
