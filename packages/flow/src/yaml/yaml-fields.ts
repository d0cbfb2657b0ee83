/** What both shapes of flow are written with. */
import type { AttemptPolicy, Extraction, Inputs, TaskDefinition, TaskTimeouts } from '../definition.js';

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

export function workFields(
  work: Pick<TaskDefinition, 'version' | 'timeout' | 'attempts' | 'onWorkerLoss'>,
): Readonly<Record<string, unknown>> {
  const { version, timeout, attempts, onWorkerLoss } = work;
  return {
    version,
    timeout: timeout && timeoutField(timeout),
    attempts: attempts && attemptsField(attempts),
    onWorkerLoss,
  };
}

function timeoutField({ attemptMs, queueMs }: TaskTimeouts): unknown {
  if (attemptMs !== undefined && queueMs === undefined) return duration(attemptMs);
  return written({ attempt: durationField(attemptMs), queue: durationField(queueMs) });
}

function attemptsField({ max, delayMs, backoff, retryOn }: AttemptPolicy): unknown {
  const more = written({ delay: durationField(delayMs), backoff, 'retry-on': retryOn });
  return more.size === 0 ? max : new Map([['max', max], ...more] as [string, unknown][]);
}

export function durationField(ms: number | undefined): unknown {
  return ms === undefined ? undefined : duration(ms);
}

export function duration(ms: number): unknown {
  const units = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 };
  const unit = Object.entries(units).find(([, length]) => ms > 0 && ms % length === 0);
  return unit ? `${ms / unit[1]}${unit[0]}` : ms;
}
