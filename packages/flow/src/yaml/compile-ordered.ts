/** Ordered flows of a document: patterns of tasks, in the order of links and data. */
import { codeOf, type JsonValue } from '@baton/core';
import type {
  DeciderDefinition,
  FlowDefinition,
  FlowOptions,
  LinkDefinition,
  NodeDefinition,
  PatternDefinition,
  RetryDefinition,
  TaskDefinition,
} from '../definition.js';
import { symbol } from '../flow-schema.js';
import { awaitedOutside } from '../routed-definition.js';
import { GraphLinks } from '../graph-links.js';
import type { Path } from '../schema-check.js';
import { checkInputs, type Places } from './check-ordered.js';
import { kindOf } from './check-policies.js';
import { checkKeys } from './check-shape.js';
import { retryOf } from './compile-retry.js';
import {
  type AtomPart,
  atomsOf,
  type Compiling,
  type DocumentPart,
  entriesOf,
  type FlowPart,
  isMap,
  type LinkPart,
} from './document.js';
import { withDefaults, workOf } from './policies.js';
import { inputsOf, nearest, present, providesOf } from './short-forms.js';

/** Problems are added; with any, what it gives is not to be used. */
export function compileOrdered(compiling: Compiling, document: DocumentPart): FlowDefinition {
  const compiler = new OrderedCompiler(compiling);
  const root = compiler.pattern(document, [], document.flow ?? '', []);
  checkInputs(compiling, document, root, compiler.places);
  const options: FlowOptions = present({
    deferReverts: document['defer-reverts'],
    neverResolve: document['never-resolve'],
  });
  return { schemaVersion: 1, root, ...(Object.keys(options).length > 0 && { options }) };
}

type WorkKey = 'version' | 'timeout' | 'attempts' | 'onWorkerLoss';
type Child = readonly [key: string, atom: AtomPart, path: Path, node: NodeDefinition];

class OrderedCompiler {
  /** Where nodes stand in the document. */
  readonly places: Places = new Map();
  readonly #compiling: Compiling;
  /** Names of atoms, unique over the whole flow (E-101). */
  readonly #names = new Map<string, Path>();

  constructor(compiling: Compiling) {
    this.#compiling = compiling;
  }

  /** `around`: names that conditions see from outside. */
  pattern(flow: FlowPart, path: Path, name: string, around: readonly string[]): PatternDefinition {
    const kind = flow.pattern === undefined || flow.pattern === 'routed' ? 'graph' : flow.pattern;
    const retry =
      flow.retry === undefined ? undefined : retryOf(this.#compiling, flow.retry, [...path, 'retry']);
    if (retry) this.#claim(retry.name ?? `${name}_retry`, [...path, 'retry']);
    const defaults = flow['atom-defaults'] ?? {};
    const children = atomsOf(this.#compiling, flow, path).map(([key, atom, at]): Child => {
      const sources = sourcesOf(atom).map(([source]) => flow.atoms?.[source]?.name ?? source);
      const node = this.#node(key, atom, at, [...around, ...sources], defaults);
      this.places.set(node, at);
      return [key, atom, at, node];
    });
    const linked = kind === 'graph' ? this.#links(flow, path, name, { retry, children, around }) : undefined;
    const node = {
      ...{ kind, name, children: children.map(([, , , child]) => child) },
      ...(retry && { retry }),
      ...(linked && { links: linked }),
    };
    if (kind !== 'graph') this.#refuseLinks(kind, flow, path);
    this.places.set(node, path);
    return node;
  }

  #node(
    key: string,
    atom: AtomPart,
    path: Path,
    around: readonly string[],
    defaults: NonNullable<FlowPart['atom-defaults']>,
  ): NodeDefinition {
    const { problems } = this.#compiling;
    const name = atom.name ?? key;
    if (Object.hasOwn(atom, 'flow')) {
      for (const other of Object.keys(atom))
        if (!['flow', 'name', 'after', 'depth', 'description'].includes(other))
          problems.add(
            [...path, other],
            'is for a task, and this atom is a flow: say it inside of the flow',
            'key',
          );
      if (typeof atom.flow === 'string')
        problems.add(
          [...path, 'flow'],
          'names a flow, which is not supported yet in an ordered flow: write it out, { atoms }',
        );
      const inner = isMap(atom.flow) ? (atom.flow as FlowPart) : {};
      checkKeys(this.#compiling, inner, [...path, 'flow'], 'inner');
      return this.pattern(inner, [...path, 'flow'], name, around);
    }
    const kind = kindOf(this.#compiling, atom, path);
    if (kind === undefined)
      problems.add(
        [...path, 'task'],
        'is missing: write task: NAME or delegate: NAME; an atom that does nothing is not supported yet in an ordered flow',
        'missing',
      );
    this.#claim(name, path);
    const filled = withDefaults(this.#compiling, atom, defaults, path);
    const { provides, priority, 'revert-inputs': revertInputs, delegate, expects, open } = atom;
    return {
      kind: 'task',
      name,
      ...(atom.task !== undefined && atom.task !== name && { task: atom.task }),
      ...this.#taken(atom, path),
      ...present({
        provides: provides === undefined ? undefined : providesOf(provides),
        priority,
        revertInputs: revertInputs && inputsOf(revertInputs),
        ...{ delegate, expects, open },
      }),
      ...this.#work(atom, filled, path),
    } satisfies TaskDefinition;
  }

  /** What only routed atoms have is refused with the keys; of a default, an atom has what is for it. */
  #work(atom: AtomPart, filled: AtomPart, path: Path): Pick<TaskDefinition, WorkKey> {
    const work = workOf(this.#compiling, filled, path) as Pick<TaskDefinition, WorkKey>;
    if (awaitedOutside(atom) !== undefined) return work;
    if (isMap(atom.timeout) && Object.hasOwn(atom.timeout, 'wait'))
      this.#compiling.problems.add(
        [...path, 'timeout', 'wait'],
        'is how long an answer is waited for, and a worker runs this atom: leave it out',
        'key',
      );
    const { timeout: { waitMs: _, ...timeout } = {}, ...rest } = work;
    return { ...rest, ...(Object.keys(timeout).length > 0 && { timeout }) };
  }

  #claim(name: string, path: Path): void {
    const other = this.#names.get(name);
    if (other)
      this.#compiling.problems.add(
        path,
        `is called ${name}, as is ${other.join('.')}: name one of them otherwise`,
        'key',
      );
    this.#names.set(name, path);
  }

  /** What is taken: listed, given by `input`, or renamed (C-602, C-603). */
  #taken(atom: AtomPart, path: Path): Partial<TaskDefinition> {
    const { requires = [], optional = [], rebind = {}, inject = {}, input = {} } = atom;
    const bound: Record<string, string> = { ...rebind };
    const constants: Record<string, JsonValue> = { ...inject };
    if (typeof input === 'string') this.#compiling.problems.add([...path, 'input'], notComputed);
    const given = typeof input === 'string' ? {} : input;
    const wholes = Object.fromEntries(
      Object.entries(given).flatMap(([parameter, value]) => {
        const whole = typeof value === 'string' ? symbolIn(value) : undefined;
        return whole === undefined ? [] : [[parameter, whole]];
      }),
    );
    const listed = [...requires, ...optional, ...Object.keys(rebind)].filter(
      (parameter) => !Object.hasOwn(given, parameter),
    );
    const others = new Set([
      ...listed.map((parameter) => rebind[parameter] ?? parameter),
      ...Object.values(wholes),
    ]);
    for (const [parameter, value] of Object.entries(given)) {
      const whole = wholes[parameter];
      // a constant is known by a symbol, which must not hide one that another parameter takes
      const own = others.has(parameter) ? `input.${parameter}` : parameter;
      if (whole === undefined) constants[own] = this.#constant(value, [...path, 'input', parameter]);
      const symbolOf = whole ?? own;
      if (symbolOf === parameter) delete bound[parameter];
      else bound[parameter] = symbolOf;
    }
    const named = [...Object.keys(given), ...Object.keys(bound)];
    const all = new Set([...requires, ...named.filter((parameter) => !optional.includes(parameter))]);
    for (const name of optional)
      if (requires.includes(name))
        this.#compiling.problems.add([...path, 'optional'], `${name} stands in requires too: keep one`);
    return present({
      requires: all.size > 0 ? [...all] : undefined,
      optional: optional.length > 0 ? optional : undefined,
      rebind: Object.keys(bound).length > 0 ? bound : undefined,
      inject: Object.keys(constants).length > 0 ? constants : undefined,
    });
  }

  #constant(value: JsonValue, path: Path): JsonValue {
    if (typeof value === 'string') {
      const text = value.replaceAll('$${', '');
      if (text.includes('${')) this.#compiling.problems.add(path, notComputed);
      return value.replaceAll('$${', '${');
    }
    if (Array.isArray(value))
      return value.map((item: JsonValue, index) => this.#constant(item, [...path, index]));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, part]) => [key, this.#constant(part, [...path, key])]),
    );
  }

  #links(
    flow: FlowPart,
    path: Path,
    name: string,
    {
      retry,
      children,
      around,
    }: { retry: RetryDefinition | undefined; children: readonly Child[]; around: readonly string[] },
  ): readonly LinkDefinition[] {
    const { problems } = this.#compiling;
    const links = new GraphLinks(name, retry);
    const indexes = new Map(children.map(([key], index) => [key, index]));
    const explicit = flow.links !== undefined;
    const infer = { resolveRequires: !explicit, resolveExisting: !explicit };
    let isWhole = true;
    for (const [, , at, node] of children) isWhole &&= this.#tried(at, () => links.add(node, infer));
    const byHand = explicit
      ? this.#explicitLinks(flow, [...path, 'links'], indexes, around)
      : this.#afterLinks(flow, children, indexes, around);
    for (const [link, at] of byHand) isWhole &&= this.#tried(at, () => links.link(link));
    if (explicit)
      for (const [, atom, at] of children)
        if (atom.after !== undefined)
          problems.add([...at, 'after'], 'is said by links already: keep one of them', 'key');
    return links.definitions;
  }

  /** One that fails leaves a graph that is not to be added to. */
  #tried(path: Path, add: () => void): boolean {
    try {
      add();
      return true;
    } catch (error) {
      if (codeOf(error)?.startsWith('BATON_DEFINITION_') !== true) throw error;
      this.#compiling.problems.add(path, `cannot be linked: ${(error as Error).message}`, 'key');
      return false;
    }
  }

  #afterLinks(
    { atoms = {} }: FlowPart,
    children: readonly Child[],
    indexes: ReadonlyMap<string, number>,
    around: readonly string[],
  ): readonly (readonly [LinkDefinition, Path])[] {
    const { problems } = this.#compiling;
    return children.flatMap(([, atom, path], to) => {
      const sources = sourcesOf(atom);
      const names = new Set([...around, ...sources.map(([source]) => atoms[source]?.name ?? source)]);
      if (atom.depth !== undefined && !sources.some(([, when]) => when !== undefined))
        problems.add(
          [...path, 'depth'],
          'says what else a condition leaves out, and after has none: leave it out',
          'key',
        );
      return sources.flatMap(([source, when, key]) => {
        const at = [...path, 'after', ...key];
        const from = indexes.get(source);
        if (!Object.hasOwn(atoms, source))
          problems.add(
            at,
            () => `is after ${source}, which is no atom of this flow: ${nearest(source, Object.keys(atoms))}`,
          );
        if (when !== undefined) this.#checkDecider(when, names, at);
        if (from === undefined) return [];
        if (when === undefined) return [[{ from, to }, at] as const];
        return [[{ from, to, decider: { expr: when }, ...present({ depth: atom.depth }) }, at] as const];
      });
    });
  }

  #explicitLinks(
    { atoms = {}, links = [] }: FlowPart,
    path: Path,
    indexes: ReadonlyMap<string, number>,
    around: readonly string[],
  ): readonly (readonly [LinkDefinition, Path])[] {
    const { problems } = this.#compiling;
    const sources = new Map<string, Set<string>>();
    for (const { from = '', to = '' } of links.flatMap((link) => link ?? [])) {
      const names = sources.get(to) ?? new Set(around);
      sources.set(to, names.add(nameOf(atoms, from)));
    }
    return links.flatMap((link, index) => {
      const at = [...path, index];
      const { from = '', to = '', symbols, when, local, depth } = link ?? ({} as LinkPart);
      const ends = [from, to].map((name) => indexes.get(name));
      for (const [end, name] of Object.entries({ from, to }))
        if (name !== '' && !Object.hasOwn(atoms, name))
          problems.add([...at, end], () => `is no atom of this flow: ${nearest(name, Object.keys(atoms))}`);
      if (when !== undefined && local !== undefined)
        problems.add([...at, 'local'], 'and when both decide: keep one', 'key');
      const decider: DeciderDefinition | undefined =
        when !== undefined ? { expr: when } : local !== undefined ? { local } : undefined;
      if (depth !== undefined && !decider)
        problems.add(
          [...at, 'depth'],
          'says what else a condition leaves out, and there is none: leave it out',
          'key',
        );
      if (when !== undefined) this.#checkDecider(when, sources.get(to) ?? new Set(), [...at, 'when']);
      const [start, end] = ends;
      if (start === undefined || end === undefined) return [];
      return [[{ from: start, to: end, ...present({ symbols, decider, depth }) }, at] as const];
    });
  }

  #checkDecider(source: string, names: ReadonlySet<string>, path: Path): void {
    const { expressions, problems } = this.#compiling;
    const reason = expressions?.decider(source, names);
    if (reason !== undefined) problems.add(path, reason);
  }

  #refuseLinks(kind: string, flow: FlowPart, path: Path): void {
    const { problems } = this.#compiling;
    const reason = `is for graphs, and this flow is ${kind}: leave it out, or leave out pattern`;
    if (flow.links !== undefined) problems.add([...path, 'links'], reason, 'key');
    for (const [, atom, at] of entriesOf(flow.atoms, [...path, 'atoms']))
      for (const key of ['after', 'depth'] as const)
        if (atom[key] !== undefined) problems.add([...at, key], reason, 'key');
  }
}

const notComputed =
  'computes something, which is not supported yet in an ordered flow: write data, or one ${symbol}, and let an atom compute the rest';

/** `${symbol}`, and nothing else. */
function symbolIn(text: string): string | undefined {
  const inside = /^\$\{([^{}]*)\}$/.exec(text)?.[1]?.trim();
  return inside !== undefined && new RegExp(symbol.pattern ?? '', 'u').test(inside) ? inside : undefined;
}

/** Each source with its condition, and where it stands in `after` (C-1511). */
function sourcesOf({ after }: AtomPart): readonly (readonly [string, string | undefined, Path])[] {
  if (after === undefined) return [];
  if (typeof after === 'string') return [[after, undefined, []]];
  if (Array.isArray(after))
    return after.flatMap((source: string | undefined, index) =>
      source === undefined ? [] : [[source, undefined, [index]] as const],
    );
  return Object.entries(after as Readonly<Record<string, string | null | undefined>>).map(
    ([source, when]) => [source, when ?? undefined, [source]],
  );
}

function nameOf(atoms: Readonly<Record<string, AtomPart | undefined>>, key: string): string {
  return atoms[key]?.name ?? key;
}
