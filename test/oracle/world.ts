import type { Failure, JsonValue, Value } from '@baton/core';
import type { Outcome } from '@baton/engine';
import type { Scenario, Step } from './scenario.js';

export type Recorded = readonly JsonValue[];

interface Scripts {
  readonly execute?: readonly Step[];
  readonly revert?: readonly Step[];
}

/** The outside world of a scenario: scripts of every method, and how often each was called. */
export class World {
  #scripts: ReadonlyMap<string, Scripts> = new Map();
  readonly #calls = new Map<string, number>();
  /** Last reported progress of each task (E-151). */
  readonly progress = new Map<string, number>();

  /** Scripts change when a flow is loaded in a new form; the counters are the world's and stay. */
  read(flow: Scenario['flow']): void {
    const scripts = new Map<string, Scripts>();
    const visit = (node: Scenario['flow']): void => {
      if (node.type === 'ref') return;
      if (node.type === 'task') return void scripts.set(node.name, node);
      if (node.retry) scripts.set(node.retry.name, node.retry);
      node.children?.forEach(visit);
    };
    visit(flow);
    this.#scripts = scripts;
  }

  /** The counters as they were at a snapshot (FORMAT 4.3). */
  setCalls(calls: Readonly<Record<string, Readonly<Record<string, number>>>>): void {
    this.#calls.clear();
    for (const [atom, methods] of Object.entries(calls))
      for (const [method, n] of Object.entries(methods)) this.#calls.set(`${atom} ${method}`, n);
  }

  /** Counts a call; gives its number and what the script says. */
  call(atom: string, method: 'execute' | 'revert' | 'resolve'): { readonly n: number; readonly step: Step } {
    const n = (this.#calls.get(`${atom} ${method}`) ?? 0) + 1;
    this.#calls.set(`${atom} ${method}`, n);
    const steps = (method === 'resolve' ? undefined : this.#scripts.get(atom)?.[method]) ?? [];
    return { n, step: steps[Math.min(n, steps.length) - 1] ?? {} };
  }

  /** An atom that is asked for, for the first time or once more, has made no progress (E-152). */
  beginsAnew(atom: string): void {
    if (this.progress.has(atom)) this.progress.set(atom, 0);
  }

  /** Runs a task's method by its script. `event` is called when the body starts. */
  runTask(
    atom: string,
    method: 'execute' | 'revert',
    event: (event: Recorded) => void,
    body: (n: number) => Recorded,
  ): Outcome {
    const { n, step } = this.call(atom, method);
    const where = step.in ?? 'body';
    const raised = step.raise;
    if (where !== 'pre' || raised === undefined) {
      event(body(n));
      for (const amount of step.progress ?? []) this.progress.set(atom, Math.min(1, Math.max(0, amount)));
    }
    if (raised === undefined) {
      const value = step.return ?? (method === 'execute' && !('return' in step) ? `${atom}.${n}` : null);
      return value === null && method === 'revert' ? {} : { value: { data: value } };
    }
    if (where !== 'body') event([where, atom, method, n]);
    const hook = where === 'body' ? method : `${where}_${method}`;
    return { failure: scripted(raised, step.message ?? `${atom}.${hook}#${n}`) };
  }
}

export function scripted(type: string, message: string): Failure {
  return { version: 1, message, types: [type, 'Error'], code: 'SCRIPTED', retryable: true };
}

/** An error whose failure is `scripted` (controllers and deciders throw). */
export function scriptedError(type: string, message: string): Error {
  return Object.assign(new Error(message), { name: type, code: 'SCRIPTED' });
}

/** FORMAT 2.1: the text is given only for errors raised by scripts. */
export function failureJson(failure: Failure): JsonValue {
  return {
    $failure: failure.code === 'RESULT_SHAPE' ? 'ResultShape' : (failure.types[0] ?? 'Error'),
    message: failure.code === 'SCRIPTED' ? failure.message : null,
  };
}

export function valueJson(value: Value | undefined): JsonValue {
  return value && 'data' in value ? value.data : null;
}
