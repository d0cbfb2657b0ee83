/** Controllers and deciders of a scenario as functions of an in-process engine; each call is an event of the trace. */
import { assertNever, type Failure, type JsonValue, type Value } from '@baton/core';
import { builtInController } from '@baton/engine';
import type { Compiled, Decision, LocalFunctions, RetryCall, RetryController } from '@baton/engine';
import type { Built } from './definition-of.js';
import type { DeciderSpec, RetrySpec } from './scenario.js';
import { argsJson, historyJson } from './trace.js';
import { failureJson, type Recorded, scriptedError, valueJson, type World } from './world.js';

type Answer = { readonly value: Value | undefined } | { readonly error: unknown };

export class ScriptedFunctions {
  readonly functions: LocalFunctions;
  /** A new owner evaluates once more what the last one had not recorded; the world remembers what was said. */
  repeatLastAnswers = false;
  readonly #answers = new Map<string, Answer>();
  readonly #compiled: Compiled;
  readonly #world: World;
  readonly #record: (event: Recorded) => void;

  constructor(built: Built, compiled: Compiled, world: World, record: (event: Recorded) => void) {
    this.#compiled = compiled;
    this.#world = world;
    this.#record = record;
    this.functions = {
      retries: Object.fromEntries(
        Array.from(built.retries.values(), (spec) => [spec.name, this.#controller(spec)]),
      ),
      deciders: Object.fromEntries(
        Array.from(built.deciders, ([local, { spec, from, to }]) => [
          local,
          ({ history }) => this.#vote(spec, from, to, history),
        ]),
      ),
    };
  }

  failuresJson(failures: Readonly<Record<string, Failure>>): JsonValue {
    return Object.fromEntries(
      Object.entries(failures).map(([atom, failure]) => [atom, failureJson(failure)]),
    );
  }

  #vote(
    spec: DeciderSpec,
    from: string,
    to: string,
    history: Readonly<Record<string, Value | undefined>>,
  ): boolean {
    // TaskFlow's history knows no sub-flows (E-503)
    const atoms = Object.entries(history).filter(([name]) => this.#compiled.atoms.has(name));
    const known = Object.fromEntries(atoms.map(([name, value]) => [name, valueJson(value)]));
    const vote = ballot(spec, known);
    this.#record(['decide', from, to, known, vote]);
    if (vote === 'raise') throw scriptedError('DeciderError', `decider ${from}->${to}`);
    return vote;
  }

  #controller(spec: RetrySpec): RetryController {
    const node = this.#compiled.atoms.get(spec.name);
    const inner = builtInController(node?.kind === 'retry' ? node.retry : { kind: 'alwaysRevert' });
    const scripted = spec.kind === 'Scripted';
    return {
      execute: (call) =>
        this.#evaluated(spec, 'execute', call, [], () =>
          scripted ? { data: call.history.length + 1 } : inner.execute(call),
        ),
      onFailure: (call) => this.#decided(spec, call, () => inner.onFailure(call)),
      revert: (call) =>
        this.#evaluated(spec, 'revert', call, [this.failuresJson(call.flowFailures)], () => undefined),
    };
  }

  #evaluated(
    { name }: RetrySpec,
    method: 'execute' | 'revert',
    call: RetryCall,
    more: Recorded,
    own: () => Value | undefined,
  ): Value | undefined {
    const last = this.repeatLastAnswers ? this.#answers.get(`${name} ${method}`) : undefined;
    if (last && 'error' in last) throw last.error;
    if (last) return last.value;
    const { n, step } = this.#world.call(name, method);
    this.#record([method, name, n, argsJson(call.args), historyJson(call.history), ...more]);
    try {
      if (step.raise !== undefined) throw scriptedError(step.raise, step.message ?? `${name}.${method}#${n}`);
      const computed = own();
      const value =
        step.return === undefined ? computed : step.return === null ? undefined : { data: step.return };
      this.#answers.set(`${name} ${method}`, { value });
      return value;
    } catch (error) {
      this.#answers.set(`${name} ${method}`, { error });
      throw error;
    }
  }

  #decided(spec: RetrySpec, call: RetryCall, own: () => Decision): Decision {
    const { n } = this.#world.call(spec.name, 'resolve');
    const shown =
      spec.kind === 'Scripted'
        ? (spec.decisions?.[Math.min(n, spec.decisions.length) - 1] ?? 'REVERT')
        : own();
    this.#record(['resolve', spec.name, n, argsJson(call.args), historyJson(call.history), shown]);
    if (shown === 'raise') throw scriptedError('ResolveError', `${spec.name}.on_failure#${n}`);
    return shown as Decision;
  }
}

function ballot(
  { op, value = null, atom = '' }: DeciderSpec,
  history: Readonly<Record<string, JsonValue>>,
): boolean | 'raise' {
  switch (op) {
    case 'raise':
      return 'raise';
    case 'const':
      return value === true;
    case 'known':
      return Object.hasOwn(history, atom);
    case 'equals':
      return JSON.stringify(history[atom] ?? null) === JSON.stringify(value);
    default:
      return assertNever(op);
  }
}
