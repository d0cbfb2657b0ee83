import type { Failure, JsonValue, Value } from '@baton/core';
import type { Outcome } from '@baton/engine';
import type { Scenario, Step } from './scenario.js';

export type Recorded = readonly JsonValue[];

/** The outside world of a scenario: scripts of every method, and how often each was called. */
export class World {
  readonly #scripts: ReadonlyMap<
    string,
    { readonly execute?: readonly Step[]; readonly revert?: readonly Step[] }
  >;
  readonly #calls = new Map<string, number>();

  constructor(scenario: Scenario) {
    const scripts = new Map<
      string,
      { readonly execute?: readonly Step[]; readonly revert?: readonly Step[] }
    >();
    const visit = (node: Scenario['flow']): void => {
      if (node.type === 'task') return void scripts.set(node.name, node);
      if (node.retry) scripts.set(node.retry.name, node.retry);
      node.children?.forEach(visit);
    };
    visit(scenario.flow);
    this.#scripts = scripts;
  }

  /** Counts a call; gives its number and what the script says. */
  call(atom: string, method: 'execute' | 'revert' | 'resolve'): { readonly n: number; readonly step: Step } {
    const n = (this.#calls.get(`${atom} ${method}`) ?? 0) + 1;
    this.#calls.set(`${atom} ${method}`, n);
    const steps = (method === 'resolve' ? undefined : this.#scripts.get(atom)?.[method]) ?? [];
    return { n, step: steps[Math.min(n, steps.length) - 1] ?? {} };
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
    if (where !== 'pre' || raised === undefined) event(body(n));
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
    $failure: failure.types[0] ?? 'Error',
    message: failure.code === 'SCRIPTED' ? failure.message : null,
  };
}

export function valueJson(value: Value | undefined): JsonValue {
  return value && 'data' in value ? value.data : null;
}
