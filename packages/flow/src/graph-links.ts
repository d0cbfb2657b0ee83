/** Links of a graph, made by hand or by what nodes require and provide (engine.md 2.1; taskflow patterns/graph_flow.py). */
import { DefinitionError } from '@baton/core';
import type { LinkDefinition, NodeDefinition, RetryDefinition } from './definition.js';
import { retrySymbols, symbolsOf } from './node-symbols.js';

/** Whether a new node is linked to what it requires, and existing nodes to what it provides. Default both. */
export interface LinkingOptions {
  readonly resolveRequires?: boolean;
  readonly resolveExisting?: boolean;
}

/** Nodes and links while a graph grows. A copy is changed and kept only when all went well, so a failed `add` leaves no trace. */
export class GraphLinks {
  readonly #graph: string;
  readonly #retry: RetryDefinition | undefined;
  readonly #nodes: NodeDefinition[] = [];
  readonly #links = new Map<string, LinkDefinition>();
  /** Children after and before each child. */
  readonly #after: number[][] = [];
  readonly #before: number[][] = [];
  /** Symbol → children that provide it, and those that still want it. */
  readonly #providers = new Map<string, number[]>();
  readonly #wanted = new Map<string, number[]>();

  constructor(graph: string, retry: RetryDefinition | undefined) {
    this.#graph = graph;
    this.#retry = retry;
  }

  copy(): GraphLinks {
    const copy = new GraphLinks(this.#graph, this.#retry);
    for (const node of this.#nodes) copy.#nodes.push(node);
    for (const [key, link] of this.#links) copy.#links.set(key, link);
    for (const list of this.#after) copy.#after.push([...list]);
    for (const list of this.#before) copy.#before.push([...list]);
    for (const [symbol, list] of this.#providers) copy.#providers.set(symbol, [...list]);
    for (const [symbol, list] of this.#wanted) copy.#wanted.set(symbol, [...list]);
    return copy;
  }

  get definitions(): readonly LinkDefinition[] {
    return [...this.#links.values()];
  }

  /** @throws DefinitionError `…_AMBIGUOUS_DEPENDENCY`, `…_CYCLE`, `…_RETRY_NEEDS_OWN_FLOW` */
  add(node: NodeDefinition, { resolveRequires = true, resolveExisting = true }: LinkingOptions = {}): void {
    const index = this.#nodes.push(node) - 1;
    this.#after.push([]);
    this.#before.push([]);
    const { requires, provides } = symbolsOf(node);
    const controller = retrySymbols(this.#retry);
    for (const symbol of [...requires].toSorted()) {
      if (controller.provides.has(symbol)) continue;
      const provider = resolveRequires ? this.#providerOf(symbol, node) : undefined;
      if (provider === undefined) push(this.#wanted, symbol, index);
      else this.#join(provider, index, symbol);
    }
    for (const symbol of [...provides].toSorted()) {
      if (controller.requires.has(symbol)) this.#refuseFeedingRetry(node, symbol);
      push(this.#providers, symbol, index);
      if (resolveExisting) this.#serve(symbol, index);
    }
    // a cycle needs a way in and a way out of the new node
    if ((this.#before[index] ?? []).length > 0 && this.#reaches(index, index)) this.#refuseCycle(node.name);
  }

  /** A link by hand; made again, it replaces the earlier decider (E-226). @throws DefinitionError `…_CYCLE` */
  link(link: LinkDefinition): void {
    const { from, to } = link;
    if (from === to || this.#reaches(to, from)) this.#refuseCycle(this.#nodes[to]?.name ?? '');
    const key = `${from}→${to}`;
    if (!this.#links.has(key)) this.#connect(from, to);
    this.#links.set(key, link);
  }

  #providerOf(symbol: string, node: NodeDefinition): number | undefined {
    const providers = this.#providers.get(symbol) ?? [];
    if (providers.length > 1)
      throw new DefinitionError(
        'BATON_DEFINITION_AMBIGUOUS_DEPENDENCY',
        `${node.name} requires ${symbol}, which ${providers.map((at) => this.#nodes[at]?.name).join(' and ')} provide`,
      );
    return providers[0];
  }

  /** Links a new provider to the children that want its symbol, unless something before them gives it by now (E-223). */
  #serve(symbol: string, provider: number): void {
    const waiting = this.#wanted.get(symbol) ?? [];
    this.#wanted.set(
      symbol,
      waiting.filter((child) => child === provider),
    );
    for (const child of waiting)
      if (child !== provider && !this.#hasBefore(child, symbol)) this.#join(provider, child, symbol);
  }

  #hasBefore(child: number, symbol: string): boolean {
    const seen = new Set(this.#before[child]);
    for (const at of seen) {
      const node = this.#nodes[at];
      if (node && symbolsOf(node).provides.has(symbol)) return true;
      for (const before of this.#before[at] ?? []) seen.add(before);
    }
    return false;
  }

  #join(from: number, to: number, symbol: string): void {
    const key = `${from}→${to}`;
    const known = this.#links.get(key);
    if (!known) this.#connect(from, to);
    this.#links.set(key, { ...(known ?? { from, to }), symbols: [...(known?.symbols ?? []), symbol] });
  }

  #connect(from: number, to: number): void {
    this.#after[from]?.push(to);
    this.#before[to]?.push(from);
  }

  /** Whether a way of at least one link leads from one child to another. */
  #reaches(from: number, to: number): boolean {
    const seen = new Set(this.#after[from]);
    for (const at of seen) {
      if (at === to) return true;
      for (const next of this.#after[at] ?? []) seen.add(next);
    }
    return false;
  }

  #refuseCycle(node: string): never {
    throw new DefinitionError(
      'BATON_DEFINITION_CYCLE',
      `linking ${node} would close a cycle in ${this.#graph}`,
    );
  }

  #refuseFeedingRetry(node: NodeDefinition, symbol: string): never {
    throw new DefinitionError(
      'BATON_DEFINITION_RETRY_NEEDS_OWN_FLOW',
      `the retry of ${this.#graph} requires ${symbol}, but ${node.name}, which provides it, runs after it`,
    );
  }
}

function push(map: Map<string, number[]>, symbol: string, index: number): void {
  const list = map.get(symbol);
  if (list) list.push(index);
  else map.set(symbol, [index]);
}
