/**
 * Purpose: calls the functions of tasks in this process, for the commands of one run.
 * States: none of its own; the calls that are under way, so that they can be told to stop.
 * On failure: whatever a task throws, and arguments that do not fit its schemas, are a Failure of the atom.
 * Not here: when a task is called and what becomes of its result (`step`), how many at a time (`drive.ts`).
 */
import {
  type Clock,
  ConflictError,
  failureOf,
  type InlineValue,
  type Logger,
  openRecord,
  toFailure,
  UnavailableError,
} from '@baton/core';
import {
  encodeUserValue,
  InProcessContext,
  type InProcessEars,
  type RunnableTask,
  taskArguments,
} from '@baton/flow';
import type { ExecuteCommand, Outcome, RevertCommand } from '../protocol.js';
import { inlineOf, resultOf } from './json-values.js';

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
  /** A list: there are as many as tasks run at a time, and a map that gains and loses members all the time is dear (`node-set.ts`). */
  readonly #underWay: InProcessContext[] = [];

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
    if (!task) return noSuchTask(command);
    const sent = openRecord<InlineValue>();
    for (const parameter in command.args) {
      const argument = command.args[parameter];
      if (argument) sent[parameter] = inlineOf(argument);
    }
    const checking = taskArguments({ action: command.type, args: sent }, task);
    // most schemas answer at once, and waiting costs more than the engine does
    const checked = checking instanceof Promise ? await checking : checking;
    if ('problems' in checked) return misfit(task, checked.problems);
    const { args } = checked;
    const context = this.#contextOf(command);
    this.#underWay.push(context);
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
    this.#underWay.splice(this.#underWay.indexOf(context), 1);
    return outcome;
  }

  /** Tells a task that nobody wants its result any more; it ends when it ends. */
  abort(requestId: string, why: string): void {
    for (const context of this.#underWay)
      if (context.requestId === requestId) context.abort(new ConflictError('BATON_CONFLICT_CANCELLED', why));
  }

  abortAll(why: string): void {
    for (const context of this.#underWay) context.abort(new ConflictError('BATON_CONFLICT_CANCELLED', why));
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
    if (returned === undefined) return {};
    const encoded = encodeUserValue(returned);
    if (!('problem' in encoded)) return { value: encoded.value };
    if (command.type === 'execute') return unstorable(task, encoded.problem);
    // the work is undone, which counts; what its revert returned is for people only (E-122)
    context.log.warn('what a revert returned is not kept', { reason: encoded.problem });
    return {};
  } catch (error) {
    return { failure: toFailure(error) };
  }
}

function noSuchTask({ atom, task }: TaskCommand): Outcome {
  const message = `${atom} asks for the task ${task}, which was not given`;
  return { failure: failureOf('NO_SUCH_TASK', message, { phase: 'queue', retryable: false }) };
}

/** The body was not called, so there will be nothing to undo (E-861). */
function misfit({ name }: RunnableTask, problems: readonly string[]): Outcome {
  const message = `arguments of ${name}: ${problems.join('; ')}`;
  return { failure: failureOf('ARGUMENTS_INVALID', message, { phase: 'arguments', retryable: false }) };
}

function unstorable({ name }: RunnableTask, problem: string): Outcome {
  const message = `${name} must return JSON data or a Uint8Array: ${problem}`;
  return { failure: failureOf('RESULT_NOT_SERIALISABLE', message, { phase: 'result', retryable: false }) };
}

function ignore(): void {
  // in process nobody need listen
}
