/** Inputs and results of an ordered flow against what its atoms take and give (C-1526, C-1529). */
import type { JsonValue } from '@baton/core';
import type { NodeDefinition, PatternDefinition } from '../definition.js';
import { ancestors, retrySymbols, symbolsOf } from '../node-symbols.js';
import type { Path } from '../schema-check.js';
import { type Compiling, type DocumentPart, entriesOf, type InputPart } from './document.js';
import { nearest } from './short-forms.js';

/** Where nodes stand in a document. */
export type Places = Map<NodeDefinition, Path>;

/** With other problems, what is missing may be what was refused: then nothing is said about it. */
export function checkInputs(
  compiling: Compiling,
  document: DocumentPart,
  root: PatternDefinition,
  places: Places,
): void {
  const { problems } = compiling;
  checkDeclared(compiling, document);
  for (const [name, part, path] of entriesOf(document.optional, ['optional']))
    if (defaultOf(part) !== undefined)
      problems.add(
        [...path, 'default'],
        `is not supported yet in an ordered flow: let the atoms that take ${name} have it in optional`,
      );
  if (problems.count > 0) return;
  const { requires, provides } = symbolsOf(root);
  const declared = [...Object.keys(document.requires ?? {}), ...Object.keys(document.optional ?? {})];
  const required = new Set(Object.keys(document.requires ?? {}));
  const tasks = allTasks(root);
  for (const symbol of requires) {
    if (problems.isFull) return;
    if (required.has(symbol)) continue;
    const givers = tasks.filter((task) => Object.hasOwn(task.provides ?? {}, symbol)).slice(0, 3);
    const hint = (): string =>
      givers.length > 0
        ? `out of its sight, ${givers.map(({ name }) => name).join(' and ')} provides it: put that first, or link them by after`
        : declared.includes(symbol)
          ? 'which the flow has in optional: move it to requires, or let the atom have it in optional'
          : `which nothing provides: write requires: { ${symbol}: any } for the flow, or let an atom provide it; ${nearest(symbol, [...declared, ...provides])}`;
    for (const node of needing(root, symbol))
      problems.add(places.get(node) ?? [], () => `takes ${symbol}; ${hint()}`, 'key');
  }
  const taken = new Set([...requires, ...tasks.flatMap(optionalOf)]);
  for (const [map, part] of [
    ['requires', document.requires],
    ['optional', document.optional],
  ] as const)
    for (const [name, , path] of entriesOf<InputPart>(part, [map]))
      if (!taken.has(name))
        problems.add(
          path,
          () => `is taken by no atom: leave it out, or let an atom require it; ${nearest(name, [...taken])}`,
          'key',
        );
  for (const [index, symbol] of (document.provides ?? []).entries())
    if (!provides.has(symbol))
      problems.add(['provides', index], () => `is provided by no atom: ${nearest(symbol, [...provides])}`);
}

/** C-1526, for both shapes. */
export function checkDeclared({ problems }: Compiling, { requires, optional }: DocumentPart): void {
  for (const [name, part, path] of entriesOf(optional, ['optional'])) {
    if (Object.hasOwn(requires ?? {}, name)) problems.add(path, 'stands in requires too: keep one', 'key');
    const type = typeof part === 'string' ? part : part.type;
    const value = defaultOf(part);
    if (value !== undefined && value !== null && type !== undefined && !isOf(type, value))
      problems.add([...path, 'default'], `is not of the type ${type}`);
  }
  for (const [, part, path] of entriesOf(requires, ['requires']))
    if (defaultOf(part) !== undefined)
      problems.add(
        [...path, 'default'],
        'cannot be: what is required is given. Move the input to optional',
        'key',
      );
}

export function defaultOf(part: InputPart): JsonValue | undefined {
  return typeof part === 'string' ? undefined : part.default;
}

function isOf(type: string, value: JsonValue): boolean {
  const [, outer = type, inner] = /^(list|map)\((.*)\)$/.exec(type) ?? [];
  switch (outer) {
    case 'any':
      return true;
    case 'integer':
      return Number.isInteger(value);
    case 'list':
      return (
        Array.isArray(value) && (inner === undefined || value.every((item: JsonValue) => isOf(inner, item)))
      );
    case 'map':
      return (
        typeof value === 'object' &&
        value !== null &&
        !Array.isArray(value) &&
        (inner === undefined || Object.values(value).every((item: JsonValue) => isOf(inner, item)))
      );
    default:
      return typeof value === outer;
  }
}

type TaskNode = Exclude<NodeDefinition, PatternDefinition>;

function allTasks(node: NodeDefinition): readonly TaskNode[] {
  return node.kind === 'task' ? [node] : (node.children ?? []).flatMap(allTasks);
}

function optionalOf({ optional = [], rebind = {} }: TaskNode): readonly string[] {
  return optional.map((parameter) =>
    Object.hasOwn(rebind, parameter) ? (rebind[parameter] ?? parameter) : parameter,
  );
}

/** The atoms, or flows with their controllers, that look for a symbol and find it nowhere inside of `node`. */
function needing(node: NodeDefinition, symbol: string): readonly NodeDefinition[] {
  if (node.kind === 'task') return [node];
  const controller = retrySymbols(node.retry);
  if (controller.requires.has(symbol)) return [node];
  if (controller.provides.has(symbol)) return [];
  const children = node.children ?? [];
  const before = node.kind === 'graph' ? ancestors(node) : undefined;
  let isGiven = false;
  return children.flatMap((child, index) => {
    const { requires, provides } = symbolsOf(child);
    const isLinked = before?.(index).some((at) => gives(children[at], symbol)) === true;
    const found = requires.has(symbol) && !isGiven && !isLinked ? needing(child, symbol) : [];
    if (node.kind === 'linear') isGiven ||= provides.has(symbol);
    return found;
  });
}

function gives(node: NodeDefinition | undefined, symbol: string): boolean {
  return node !== undefined && symbolsOf(node).provides.has(symbol);
}
