/** Short forms of values, written out as flow JSON has them. */
import { closest, durationMs, type JsonValue } from '@baton/core';
import type { AttemptPolicy, Extraction, Inputs, TaskTimeouts } from '../definition.js';
import { symbol } from '../flow-schema.js';
import type { PublishDefinition, Templates } from '../routed-definition.js';
import type { Path } from '../schema-check.js';
import {
  type AtomPart,
  type AttemptsPart,
  type Compiling,
  type DataMap,
  type DurationPart,
  isMap,
  type PoliciesPart,
  type ProvidesPart,
  type TakingPart,
  type TimeoutPart,
} from './document.js';

/** Without the fields that have no value. */
export function present<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

export function msOf(duration: DurationPart | undefined): number | undefined {
  return duration === undefined ? undefined : durationMs(duration);
}

/** C-1017. */
export function attemptsOf(part: AttemptsPart): AttemptPolicy {
  if (typeof part === 'number') return { max: part };
  const { max = 1, delay, backoff, 'retry-on': retryOn } = part;
  return { max, ...present({ delayMs: msOf(delay), backoff, retryOn }) };
}

/** C-1026. */
export function timeoutsOf(part: TimeoutPart): TaskTimeouts {
  if (!isPart(part)) return present({ attemptMs: msOf(part) });
  return present({ attemptMs: msOf(part.attempt), queueMs: msOf(part.queue) });
}

function isPart<T extends object>(part: T | DurationPart): part is T {
  return typeof part === 'object';
}

export function providesOf(part: ProvidesPart): Readonly<Record<string, Extraction>> {
  if (typeof part === 'string') return { [part]: null };
  if (Array.isArray(part)) return Object.fromEntries(part.map((name: string) => [name, name]));
  const byIndex = (part as DataMap)['by-index'];
  if (Array.isArray(byIndex)) return Object.fromEntries(byIndex.map((name: string, index) => [name, index]));
  return part as Readonly<Record<string, Extraction>>;
}

/** `requires`, `optional`, `rebind` as they are. */
export function inputsOf({ requires, optional, rebind }: TakingPart): Inputs {
  return present({ requires, optional, rebind });
}

/** What all tasks have; `null` was needed to cancel a default, and is nothing. */
export function workOf(compiling: Compiling, atom: AtomPart, path: Path) {
  const { attempts, timeout, onWorkerLoss, version } = atom;
  return present({
    version: version === undefined ? undefined : versionOf(compiling, version, [...path, 'version']),
    timeout: timeout === undefined || timeout === null ? undefined : timeoutsOf(timeout),
    onWorkerLoss: onWorkerLoss ?? undefined,
    attempts: attempts === undefined || attempts === null ? undefined : attemptsOf(attempts),
  });
}

/** To YAML, 1.10 is the number 1.1. */
function versionOf({ problems }: Compiling, version: string | number, path: Path): string {
  const text = typeof version === 'string' ? version : (problems.textOf(path) ?? '');
  if (!/^[0-9]{1,6}\.[0-9]{1,6}$/.test(text)) problems.add(path, 'must be major.minor, such as 1.0');
  return text;
}

/** An atom with the defaults of its flow: its own replaces, null cancels (C-1331). Policies are for those that do work. */
export function withDefaults(
  compiling: Compiling,
  atom: AtomPart,
  defaults: PoliciesPart,
  path: Path,
): AtomPart {
  const filled: Record<string, unknown> = { ...atom };
  for (const [key, value] of Object.entries(atom))
    if (value === null && !Object.hasOwn(defaults, key))
      compiling.problems.add(
        [...path, key],
        'cancels a default, and atom-defaults has none: leave it out',
        'value',
      );
  for (const [key, value] of Object.entries(defaults))
    if (!Object.hasOwn(atom, key) && value !== null && (key.startsWith('on-') || atom.task !== undefined))
      filled[key] = value;
  return filled as AtomPart;
}

/** Expressions in the texts of some data, each where it stands. */
export function checkTemplates(compiling: Compiling, value: JsonValue | undefined, path: Path): void {
  if (typeof value === 'string') {
    const reason = value.includes('${') ? compiling.expressions?.template(value) : undefined;
    if (reason !== undefined) compiling.problems.add(path, reason);
  } else if (Array.isArray(value))
    for (const [index, item] of value.entries())
      checkTemplates(compiling, item as JsonValue, [...path, index]);
  else if (isMap(value))
    for (const [key, part] of Object.entries(value)) checkTemplates(compiling, part, [...path, key]);
}

const scopes: readonly string[] = ['branch', 'global'];

/** C-703, C-704, C-709. `named`: the scopes must be. */
export function publishOf(
  compiling: Compiling,
  part: DataMap,
  path: Path,
  { named }: { readonly named: boolean },
): PublishDefinition {
  const { problems } = compiling;
  const entries = Object.entries(part).filter(([, value]) => value !== undefined);
  const scoped = entries.filter(([key, value]) => scopes.includes(key) && isMap(value));
  if (isMap(part['atomic']))
    problems.add([...path, 'atomic'], 'is no scope: what is published under global is atomic already', 'key');
  else if (scoped.length > 0 && scoped.length < entries.length)
    problems.add(
      path,
      'has scopes (branch, global) and variables side by side: put the variables under branch',
    );
  else if (scoped.length === 0 && named)
    problems.add(path, 'must name its scopes in a clause: { branch: variables } or { global: variables }');
  checkTemplates(compiling, part, path);
  if (scoped.length === 0) return { branch: part as Templates };
  for (const [scope, variables] of scoped)
    for (const name of Object.keys(variables as DataMap))
      if (!new RegExp(symbol.pattern ?? '', 'u').test(name))
        problems.add(
          [...path, scope, name],
          'is no name of a variable: letters, digits, . _ $ - only',
          'key',
        );
  return part as PublishDefinition;
}

/** `did you mean …`, or what there is. */
export function nearest(name: string, known: readonly string[]): string {
  // how far apart two names are takes the product of their lengths
  const meant = name.length > 100 ? undefined : closest(name, known.slice(0, 200));
  if (meant !== undefined) return `did you mean ${meant}?`;
  const some = known.slice(0, 10).join(', ');
  return known.length === 0 ? 'there are none' : `there are ${some}${known.length > 10 ? ', …' : ''}`;
}
