/**
 * What an activation knows: variables that activations before it published, each with how often it was published on the way. Never
 * changed, and shared as long as nothing is published; values are not copied (C-710).
 */
import type { Argument, Arguments, JsonValue } from '@baton/core';

interface Published {
  readonly value: Argument;
  readonly version: number;
}

export type Context = ReadonlyMap<string, Published>;

export const noContext: Context = new Map<string, Published>();

export type Merge = 'deep' | undefined;

/** The context behind an activation (C-706). */
export function outbound(inbound: Context, published: Arguments | undefined, merge: Merge): Context {
  const entries = Object.entries(published ?? {});
  if (entries.length === 0) return inbound;
  const context = new Map(inbound);
  for (const [name, value] of entries) {
    const known = inbound.get(name);
    const whole = merge === 'deep' && known ? deeplyMerged(known.value, value) : value;
    context.set(name, { value: whole, version: (known?.version ?? 0) + 1 });
  }
  return context;
}

/** Of branches that come together the one that published a variable more often counts; of equal ones the first (C-707). */
export function merged(branches: readonly Context[], merge: Merge): Context {
  const [first = noContext, ...others] = branches;
  if (others.every((other) => other === first)) return first;
  const context = new Map(first);
  for (const other of others)
    for (const [name, theirs] of other) {
      const ours = context.get(name);
      const [later, earlier] = !ours || theirs.version > ours.version ? [theirs, ours] : [ours, theirs];
      const isDeep = merge === 'deep' && earlier;
      context.set(name, isDeep ? { ...later, value: deeplyMerged(earlier.value, later.value) } : later);
    }
  return context;
}

/** What is known of both stays as the later one has it. */
function deeplyMerged(earlier: Argument, later: Argument): Argument {
  const [below, above] = [dataIn(earlier), dataIn(later)];
  return isRecord(below) && isRecord(above) ? { value: { data: deepest(below, above) } } : later;
}

type JsonRecord = Readonly<Record<string, JsonValue>>;

function deepest(below: JsonRecord, above: JsonRecord): JsonRecord {
  const entries = new Map(Object.entries(below));
  for (const [key, value] of Object.entries(above)) {
    const known = entries.get(key);
    entries.set(key, isRecord(known) && isRecord(value) ? deepest(known, value) : value);
  }
  return Object.fromEntries(entries);
}

function dataIn({ value, path }: Argument): JsonValue | undefined {
  return 'data' in value && path === undefined ? value.data : undefined;
}

function isRecord(value: JsonValue | undefined): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
