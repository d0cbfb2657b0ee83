/**
 * Purpose: the loop around `step` for engines of one process: it takes an event, has the turn stored, carries the commands out, tells
 *   who listens, and waits for the next event (E-1702, E-1405). Serial and parallel engines differ in two numbers.
 * States: running, until the flow is over or suspended.
 * What is authoritative: the run behind `turns`; here are only calls and timers that are under way.
 * On failure: an error of the log book or the engine ends the loop; calls that are under way are told to stop and waited for.
 * Not here: what a turn is (`turns.ts`), how a task is called (`task-calls.ts`).
 */
import {
  assertNever,
  type Clock,
  failureOf,
  flowOutcomes,
  type FlowState,
  InvariantError,
} from '@baton/core';
import { waitEventTask } from '@baton/flow';
import { isRunningOut } from '../any-run.js';
import type { Command, Event } from '../protocol.js';
import { answerOf } from './lazy-engine.js';
import { Queue } from '../queue.js';
import type { TaskCalls, TaskCommand } from './task-calls.js';
import type { ChildRuns } from './child-runs.js';
import { TimerQueue } from './timer-queue.js';
import type { StoredTurn, Turns } from './turns.js';

type DelegateCommand = Extract<Command, { type: 'openDelegate' }>;

export interface DriveOptions {
  readonly turns: Turns;
  readonly calls: TaskCalls;
  readonly children: ChildRuns;
  /** How many tasks may run at a time. */
  readonly concurrency: number;
  /** An answer is taken only when nothing runs and nothing waits to: a whole round comes before its results (E-1401). */
  readonly inRounds: boolean;
  /** Without one, time passes when there is nothing else to do, at once. */
  readonly clock: Clock | undefined;
  /** Told of each turn after its commands were given out. */
  readonly notify: (turn: StoredTurn) => void;
}

export class Drive {
  readonly #options: DriveOptions;
  readonly #waiting = new Queue<TaskCommand>();
  #running = 0;
  /** Delegates that have not answered. */
  #opened = 0;
  #childrenRunning = 0;
  /** What a person or signal wants, and timers of the clock; go before answers. */
  readonly #controls = new Queue<Event>();
  readonly #answers = new Queue<Event>();
  readonly #virtualTimers = new TimerQueue();
  #virtualMs = 0;
  readonly #timers = new Map<string, () => void>();
  #wake: (() => void) | undefined;
  /** Of a child run. */
  #fault: { readonly error: unknown } | undefined;

  constructor(options: DriveOptions) {
    this.#options = options;
  }

  /** Drives the run to its end or to a suspension, and gives its last turn. */
  async run(first: Event): Promise<StoredTurn> {
    return this.#drive(async () => {
      // what an operator wants touches one place of a run; the rest of one whose engine stopped is to be taken up as well
      if (first.type !== 'run' && first.type !== 'revert') await this.#take({ type: 'adopt' });
      const turn = await this.#take(first);
      return turn.state.flow === 'PENDING' ? this.#take({ type: 'run' }) : turn;
    });
  }

  /** The same for a run that is to be undone, wherever it stands: what goes on is cancelled, what has ended is reverted. */
  async undo(again: boolean): Promise<StoredTurn> {
    return this.#drive(async () => {
      await this.#take({ type: 'adopt' });
      const turn = await this.#take({ type: 'cancel', revert: 'always' });
      const { flow } = turn.state;
      const isOver = flow === 'SUCCESS' || flow === 'FAILURE' || flow === 'CANCELLED';
      return isOver ? this.#take({ type: 'revert', again }) : turn;
    });
  }

  async #take(event: Event): Promise<StoredTurn> {
    const turn = await this.#options.turns.take(event);
    for (const command of turn.commands) this.#carryOut(command);
    this.#options.notify(turn);
    return turn;
  }

  async #drive(begin: () => Promise<StoredTurn>): Promise<StoredTurn> {
    try {
      let turn: StoredTurn | undefined = await begin();
      for (;;) {
        const { flow } = turn.state;
        if (isAtRest(flow) && !isRunningOut(turn.state)) return turn;
        if (flow === 'SUSPENDING') this.#withdrawWaiting();
        // it may be as large as the flow, and what comes next takes as long as its tasks
        turn = undefined;
        turn = await this.#take(await this.#nextEvent());
      }
    } catch (error) {
      await this.#abandon();
      throw error;
    } finally {
      for (const cancel of this.#timers.values()) cancel();
      if (this.#opened > 0) this.#options.calls.abortAll('the run has ended, or is suspended');
      await this.#until(() => this.#childrenRunning === 0);
    }
  }

  /** An event from outside: suspend or cancel. */
  send(event: Event): void {
    this.#controls.push(event);
    this.#awake();
  }

  #carryOut(command: Command): void {
    switch (command.type) {
      case 'execute':
        // in process a task stands for who answers: nobody has to be asked, and there is no link
        if (command.opens !== undefined) return this.#answers.push(answerOf(command.requestId, {}));
        this.#waiting.push(command);
        return this.#startWaiting();
      case 'revert':
        this.#waiting.push(command);
        return this.#startWaiting();
      case 'openDelegate':
        return void this.#open(command);
      case 'awaitEvent': {
        const { event, type: _, ...of } = command;
        const args = { name: { value: { data: event.name } }, key: { value: { data: event.key } } };
        return void this.#open({ ...of, type: 'openDelegate', delegate: waitEventTask, args });
      }
      case 'startChild':
        return void this.#withChildren((children) => children.run(command));
      case 'cancelChild':
        return this.#options.children.tell(command.flowId, { type: 'cancel', revert: command.revert });
      case 'revertChild':
        return void this.#withChildren((children) => children.undo(command));
      case 'suspendChild':
        return this.#options.children.tell(command.flowId, {
          ...{ type: 'suspend', isShared: command.isShared === true },
        });
      case 'resumeChild': // it is started again, and goes on by that
        return;
      case 'evaluated':
        return this.#answers.push(answerOf(command.requestId, command.outcome));
      case 'startTimer':
        return this.#startTimer(command.id, command.delayMs);
      case 'cancelTimer':
        this.#virtualTimers.cancel(command.id);
        this.#timers.get(command.id)?.();
        return void this.#timers.delete(command.id);
      case 'abort':
        return this.#abort(command.requestId, `${command.atom} was cancelled`);
      case 'suspended':
      case 'finish':
        return;
      default:
        return assertNever(command);
    }
  }

  /** What has not begun never will. */
  #abort(requestId: string, why: string): void {
    if (this.#waiting.remove((command) => command.requestId === requestId))
      this.#answers.push(answerOf(requestId, { failure: failureOf('CANCELLED', why) }));
    else this.#options.calls.abort(requestId, why);
  }

  #startWaiting(): void {
    while (this.#running < this.#options.concurrency) {
      const command = this.#waiting.shift();
      if (!command) return;
      this.#running++;
      void this.#call(command);
    }
  }

  async #call(command: TaskCommand): Promise<void> {
    const outcome = await this.#options.calls.call(command);
    this.#running--;
    this.#answers.push(answerOf(command.requestId, outcome));
    this.#startWaiting();
    this.#awake();
  }

  /** A task of the delegate's name stands for who answers it from outside: it takes no place, and no round waits for it. */
  async #open({ requestId, delegate: task, ...command }: DelegateCommand): Promise<void> {
    this.#opened++;
    const request = { ...command, requestId, task, taskVersion: '1.0', round: 0 };
    const outcome = await this.#options.calls.call({ ...request, type: 'execute', onWorkerLoss: 'fail' });
    this.#opened--;
    this.#controls.push(answerOf(requestId, outcome));
    this.#awake();
  }

  async #withChildren(work: (children: ChildRuns) => Promise<Event | undefined>): Promise<void> {
    this.#childrenRunning++;
    try {
      const ended = await work(this.#options.children);
      if (ended) this.#controls.push(ended);
    } catch (error) {
      this.#fault ??= { error };
    }
    this.#childrenRunning--;
    this.#awake();
  }

  /** E-812: what nobody began stays to be asked for by the next run. */
  #withdrawWaiting(): void {
    for (const { requestId } of this.#waiting.drain()) this.#controls.push({ type: 'withdrawn', requestId });
  }

  #startTimer(id: string, delayMs: number): void {
    const { clock } = this.#options;
    if (!clock) return this.#virtualTimers.set(id, this.#virtualMs + delayMs);
    const fire = (): void => {
      this.#timers.delete(id);
      this.#controls.push({ type: 'timerFired', id });
      this.#awake();
    };
    this.#timers.set(id, clock.setTimer(delayMs, fire));
  }

  async #nextEvent(): Promise<Event> {
    for (;;) {
      const event = this.#arrived();
      if (event) return event;
      if (this.#fault) throw this.#fault.error;
      if (this.#underWay + this.#timers.size === 0)
        throw new InvariantError('BATON_INVARIANT_UNREACHABLE', 'a run waits, and nothing is under way');
      await this.#woken();
    }
  }

  get #underWay(): number {
    return this.#running + this.#opened + this.#childrenRunning;
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await this.#woken();
  }

  #arrived(): Event | undefined {
    const control = this.#controls.shift();
    if (control) return control;
    if (this.#options.inRounds && this.#running > 0) return undefined;
    const answer = this.#answers.shift();
    if (answer || this.#underWay > 0) return answer;
    const timer = this.#virtualTimers.next();
    if (!timer) return undefined;
    this.#virtualMs = timer.dueMs;
    return { type: 'timerFired', id: timer.id };
  }

  #awake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** This engine is done for; the next one must not meet calls of this one. */
  async #abandon(): Promise<void> {
    this.#waiting.drain();
    this.#options.calls.abortAll('the engine has stopped');
    this.#options.children.cancelAll();
    await this.#until(() => this.#underWay === 0);
  }
}

/** Over, or suspended: nothing happens before somebody runs it again. */
export function isAtRest(flow: FlowState): boolean {
  return flow === 'SUSPENDED' || (flowOutcomes as readonly FlowState[]).includes(flow);
}
