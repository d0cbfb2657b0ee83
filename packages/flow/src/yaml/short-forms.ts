/** Short forms of values, written out as flow JSON has them. */
import { closest, durationMs, type JsonValue } from '@baton/core';
import type { Extraction, Inputs } from '../definition.js';
import { symbol } from '../flow-schema.js';
import type { PublishDefinition, Templates } from '../routed-definition.js';
import type { Path } from '../schema-check.js';
import {
  type Compiling,
  type DataMap,
  type DurationPart,
  isMap,
  type ProvidesPart,
  type TakingPart,
} from './document.js';

/** Without the fields that have no value. */
export function present<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

export function msOf(duration: DurationPart | undefined): number | undefined {
  return duration === undefined ? undefined : durationMs(duration);
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

/** To YAML, 1.10 is the number 1.1. */
export function versionOf({ problems }: Compiling, version: string | number, path: Path): string {
  const text = typeof version === 'string' ? version : (problems.textOf(path) ?? '');
  if (!/^[0-9]{1,6}\.[0-9]{1,6}$/.test(text)) problems.add(path, 'must be major.minor, such as 1.0');
  return text;
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
