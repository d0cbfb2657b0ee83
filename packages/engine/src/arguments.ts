import { type Failure, failureOf, type JsonValue, openRecord, type Value } from '@baton/core';
import type { Extraction } from '@baton/flow';
import type { AtomNode, Binding } from './compiled.js';
import type { Argument } from './protocol.js';
import { lastValueOf, type RunState } from './run-state.js';
import { visibleProviders } from './visibility.js';

export type Resolved = { readonly args: Readonly<Record<string, Argument>> } | { readonly failure: Failure };

/** The inputs of one method of one atom, first source wins: injection, `store`, visible atoms (E-1101 to E-1105). */
export function resolveArguments(state: RunState, atom: AtomNode, method: 'execute' | 'revert'): Resolved {
  if (atom[method].length === 0) return nothing;
  const args = openRecord<Argument>();
  const missing: string[] = [];
  for (const binding of atom[method]) {
    const found = lookUp(state, atom, binding);
    if (found) args[binding.parameter] = found;
    else if (!binding.optional) missing.push(binding.symbol);
  }
  if (missing.length === 0) return { args };
  const message = `${atom.name} found no value for ${missing.join(', ')}`;
  const context = { phase: 'arguments', atom: atom.name, retryable: false } as const;
  return { failure: { ...failureOf('ARGUMENT_MISSING', message, context), types: ['NotFound', 'Error'] } };
}

const nothing: Resolved = { args: Object.freeze({}) };

function lookUp(state: RunState, reader: AtomNode, binding: Binding): Argument | undefined {
  const { symbol } = binding;
  const injected = reader.inject.get(symbol);
  if (injected !== undefined) return { value: { data: injected } };
  if (Object.hasOwn(state.store, symbol)) return argument(state.store[symbol]);
  let scope: number | undefined;
  for (const provider of visibleProviders(state.compiled, reader, binding)) {
    if (state.runs[provider.atom.id]?.state === 'IGNORE') continue;
    // only the first scope that has a provider counts; inside it, the first whose value can be taken out (E-402)
    if (scope !== undefined && provider.scope !== scope) return undefined;
    scope = provider.scope;
    const found = provided(state, provider.atom, symbol);
    if (found) return found;
  }
  return undefined;
}

/** The value of a symbol as one atom provides it now; `undefined` when it has none. */
export function provided(state: RunState, provider: AtomNode, symbol: string): Argument | undefined {
  const run = state.runs[provider.id];
  if (run?.state !== 'SUCCESS') return undefined;
  return extract(lastValueOf(run), provider.provides.get(symbol) ?? null);
}

/** A part of a value; of a reference, what to take once it is resolved. Nothing was returned: `null`, as a whole. */
export function extract(value: Value | undefined, where: Extraction): Argument | undefined {
  if (where === null) return { value: value ?? { data: null } };
  if (value === undefined || 'bytes' in value) return undefined;
  if ('ref' in value) return { value, path: where };
  const part = partOf(value.data, where);
  return part === undefined ? undefined : { value: { data: part } };
}

/** An own element or key of JSON data. */
export function partOf(data: JsonValue, where: string | number): JsonValue | undefined {
  if (typeof data !== 'object' || data === null || !Object.hasOwn(data, where)) return undefined;
  if (typeof where === 'number' && !Array.isArray(data)) return undefined;
  return (data as Record<string | number, JsonValue>)[where];
}

function argument(value: Value | undefined): Argument | undefined {
  return value && { value };
}
