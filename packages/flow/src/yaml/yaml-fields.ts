/** What both shapes of flow are written with. */
import type { Extraction, Inputs } from '../definition.js';
import type {
  Given,
  RoutedAtomDefinition,
  RoutedAttemptPolicy,
  RoutedTimeouts,
} from '../routed-definition.js';

/** Of a map in YAML, in this order; what is undefined is left out. A Map, as objects have keys that are numbers first. */
export type Written = Map<string, unknown>;

export function written(fields: Readonly<Record<string, unknown>>): Written {
  return new Map(Object.entries(fields).filter(([, value]) => value !== undefined));
}

export function declared(names: Iterable<string>): Written | undefined {
  const inputs = new Map(Array.from(names, (name) => [name, 'any']));
  return inputs.size > 0 ? inputs : undefined;
}

export function takenFields({ requires, optional, rebind }: Inputs): Readonly<Record<string, unknown>> {
  return { requires: filled(requires), optional: filled(optional), rebind };
}

export function filled(list: readonly string[] | undefined): readonly string[] | undefined {
  return list?.length === 0 ? undefined : list;
}

export function providesField(provides: Readonly<Record<string, Extraction>>): unknown {
  const entries = Object.entries(provides);
  const [[only, place] = ['', 0]] = entries;
  if (entries.length === 0) return undefined;
  if (entries.length === 1 && place === null) return only;
  return entries.every(([symbol, key]) => symbol === key) ? entries.map(([symbol]) => symbol) : provides;
}

/** `short`: the limit that a time-out without a name is. */
export function workFields(
  work: Pick<RoutedAtomDefinition, 'version' | 'timeout' | 'attempts' | 'onWorkerLoss'>,
  short: keyof RoutedTimeouts,
): Readonly<Record<string, unknown>> {
  const { version, timeout, attempts, onWorkerLoss } = work;
  return {
    version,
    timeout: timeout && timeoutField(timeout, short),
    attempts: attempts && attemptsField(attempts),
    onWorkerLoss,
  };
}

function timeoutField(timeout: RoutedTimeouts, short: keyof RoutedTimeouts): unknown {
  const keys = Object.keys(timeout);
  if (keys.length === 1 && keys[0] === short) return durationField(timeout[short]);
  const { attemptMs, queueMs, waitMs, totalMs } = timeout;
  return written({
    ...{ attempt: durationField(attemptMs), queue: durationField(queueMs) },
    ...{ wait: durationField(waitMs), total: durationField(totalMs) },
  });
}

function attemptsField(policy: RoutedAttemptPolicy): unknown {
  const { delayMs, backoff, maxDelayMs, jitter, scope } = policy;
  const max = givenField(policy.max);
  const more = written({
    ...{ delay: durationField(delayMs), backoff, 'max-delay': durationField(maxDelayMs), jitter },
    ...{ 'retry-on': policy.retryOn, 'stop-on': policy.stopOn },
    ...{ 'break-on': policy.breakOn, 'continue-on': policy.continueOn, scope },
  });
  return more.size === 0 ? max : new Map([['max', max], ...more] as [string, unknown][]);
}

export function durationField(given: Given<number> | undefined): unknown {
  return typeof given === 'number' ? duration(given) : givenField(given);
}

export function givenField(given: Given<number | boolean | string> | undefined): unknown {
  return typeof given === 'object' ? `\${${given.expr}}` : given;
}

export function duration(ms: number): unknown {
  const units = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 };
  const unit = Object.entries(units).find(([, length]) => ms > 0 && ms % length === 0);
  return unit ? `${ms / unit[1]}${unit[0]}` : ms;
}
