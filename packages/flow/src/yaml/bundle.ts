/** Bundles: several flows in one document, which know each other by short names, and other names for tasks in them (C-1503, C-1504). */
import type { JsonValue } from '@baton/core';
import { misfits, type Path } from '../schema-check.js';
import { yamlBundleSchema, yamlMemberSchema } from './bundle-schema.js';
import {
  type AliasPart,
  type AtomPart,
  type BundlePart,
  type Compiling,
  type DataMap,
  type DocumentPart,
  entriesOf,
  type FlowPart,
  isMap,
  withoutRefused,
} from './document.js';
import type { SourceNode } from './problems.js';
import { checkTemplates } from './short-forms.js';

export function isBundle(value: JsonValue): value is DataMap {
  return isMap(value) && Object.hasOwn(value, 'bundle');
}

/** What is wrong with it but for its flows is added to the problems. */
export function readBundle(compiling: Compiling, value: DataMap): Bundle {
  // flows are looked at one by one, each with what is wrong in it
  const { flows: _, ...properties } = yamlBundleSchema.properties ?? {};
  const frame = { ...yamlBundleSchema, properties: { ...properties, flows: framed } };
  const refused = misfits(frame, value, { unknownFields: 'refused', max: 100 });
  for (const { keys, reason, what } of refused) compiling.problems.add(keys, reason, what);
  const paths = refused.map(({ keys }) => keys);
  return new Bundle(compiling, withoutRefused(value, paths) as BundlePart);
}

const framed = { ...yamlBundleSchema.properties?.['flows'], additionalProperties: {} };

class Bundle {
  /** Names of its flows, in the order of the text. */
  readonly members: readonly string[];
  readonly schema = yamlMemberSchema;
  readonly #compiling: Compiling;
  readonly #name: string;
  readonly #flows: Readonly<Record<string, unknown>>;
  readonly #tasks: Readonly<Record<string, AliasPart | undefined>>;

  constructor(compiling: Compiling, { bundle = '', flows = {}, tasks = {} }: BundlePart) {
    this.#compiling = compiling;
    this.#name = bundle;
    this.#flows = flows;
    this.#tasks = tasks;
    const refused = (name: string): boolean => !Object.hasOwn(flows, name) || flows[name] === undefined;
    this.members = compiling.problems.keysAt(['flows']).filter((name) => !refused(name));
    for (const [name, alias, path] of entriesOf(tasks, ['tasks'])) this.#check(name, alias, path);
  }

  /** By which others know one of its flows. */
  nameOf(member: string): string {
    return `${this.#name}.${member}`;
  }

  /** One of its flows, and where it stands. */
  read(member: string, { parts }: SourceNode): readonly [JsonValue, SourceNode] {
    const source = parts?.get('flows')?.parts?.get(member);
    return [(this.#flows[member] ?? null) as JsonValue, source ?? { at: 0 }];
  }

  /** One of its flows as a document of its own. */
  flowOf(member: string, part: DocumentPart): DocumentPart {
    return { ...part, flow: this.nameOf(member), ...this.#resolved(part, []) };
  }

  #resolved(flow: FlowPart, path: Path): Pick<FlowPart, 'atoms'> {
    const entries = entriesOf(flow.atoms, [...path, 'atoms']).map(
      ([key, atom, at]) => [key, isMap(atom) ? this.#atom(atom, at) : atom] as const,
    );
    return flow.atoms ? { atoms: Object.fromEntries(entries) } : {};
  }

  /** Its flow, if that is one of the bundle, and its task or delegate, if that is another name for one. */
  #atom(atom: AtomPart, path: Path): AtomPart {
    const { flow } = atom;
    if (typeof flow === 'string' && this.members.includes(flow)) return { ...atom, flow: this.nameOf(flow) };
    if (isMap(flow))
      return {
        ...atom,
        flow: { ...(flow as FlowPart), ...this.#resolved(flow as FlowPart, [...path, 'flow']) },
      };
    for (const kind of ['task', 'delegate'] as const) {
      const used = atom[kind];
      if (used !== undefined && this.#aliasOf(used)) return this.#unaliased(atom, kind, used, path);
    }
    return atom;
  }

  /** What the atom says itself goes before. */
  #unaliased(atom: AtomPart, kind: 'task' | 'delegate', used: string, path: Path): AtomPart {
    const { problems } = this.#compiling;
    const { uses, input, output } = this.#meant(used);
    if (input !== undefined && typeof atom.input === 'string')
      problems.add(
        [...path, 'input'],
        `gives all parameters, and ${used} has given some already: write a map of the others`,
      );
    if (output !== undefined && atom.output !== undefined)
      problems.add(
        [...path, 'output'],
        `and that of ${used} both make something of the result: keep one`,
        'key',
      );
    return {
      ...atom,
      [kind]: uses,
      ...(input !== undefined && { input: { ...input, ...(isMap(atom.input) && atom.input) } }),
      ...(output !== undefined && { output }),
    };
  }

  /** An alias with those that it uses. */
  #meant(name: string): { readonly uses: string } & Pick<AliasPart, 'input' | 'output'> {
    let input: DataMap | undefined;
    let output: JsonValue | undefined;
    let uses = name;
    const seen = new Set<string>();
    for (let alias = this.#aliasOf(uses); alias && !seen.has(uses); alias = this.#aliasOf(uses)) {
      seen.add(uses);
      if (alias.input) input = { ...alias.input, ...input };
      output ??= alias.output;
      uses = alias.uses ?? '';
    }
    return { uses, ...(input && { input }), ...(output !== undefined && { output }) };
  }

  #check(name: string, { uses, input, output }: AliasPart, path: Path): void {
    const { problems } = this.#compiling;
    checkTemplates(this.#compiling, input, [...path, 'input']);
    checkTemplates(this.#compiling, output, [...path, 'output']);
    const chain = [name];
    for (let at = uses; at !== undefined; at = this.#aliasOf(at)?.uses) {
      if (at === name) {
        problems.add([...path, 'uses'], `leads back to itself: ${[...chain, at].join(' → ')}`);
        return;
      }
      // a circle further on is told there
      if (chain.includes(at)) return;
      chain.push(at);
    }
    const other = chain.slice(1).find((used) => this.#aliasOf(used)?.output !== undefined);
    if (output !== undefined && other !== undefined)
      problems.add(
        [...path, 'output'],
        `and that of ${other} both make something of the result: keep one`,
        'key',
      );
  }

  #aliasOf(name: string): AliasPart | undefined {
    return Object.hasOwn(this.#tasks, name) ? this.#tasks[name] : undefined;
  }
}
