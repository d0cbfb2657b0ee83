/** Routed flows of a document: atoms with transitions, all short forms written out. */
import { literalTemplate } from '../literal-template.js';
import {
  type ClauseDefinition,
  isRouteCommand,
  type RoutedAtomDefinition,
  type RoutedDefinition,
  type RoutedFlowDefinition,
  type Templates,
  type TransitionDefinition,
} from '../routed-definition.js';
import type { Path } from '../schema-check.js';
import { checkDeclared, defaultOf } from './check-ordered.js';
import { checkInserted, checkKind, checkPolicies } from './check-policies.js';
import { checkRoutes } from './check-routes.js';
import {
  type AtomPart,
  atomsOf,
  type ClauseKey,
  clauseKeys,
  type ClausePart,
  type Compiling,
  type DataMap,
  type DocumentPart,
  entriesOf,
  type EntryPart,
  isMap,
  type PoliciesPart,
} from './document.js';
import { insertedIn, policiesOf, withDefaults, workOf } from './policies.js';
import { checkTemplates, inputsOf, nearest, present, providesOf, publishOf } from './short-forms.js';

/** What a transition may lead to beside atoms: the commands, and another name of one (C-434, C-436). */
const commands = ['noop', 'fail', 'succeed', 'suspend', 'pause'];
const clauseFields = {
  'on-success': 'onSuccess',
  'on-error': 'onError',
  'on-complete': 'onComplete',
  'on-skip': 'onSkip',
} as const satisfies Record<ClauseKey, keyof RoutedAtomDefinition>;

/** Problems are added; with any, what it gives is not to be used. */
export function compileRouted(compiling: Compiling, document: DocumentPart): RoutedFlowDefinition {
  const { vars, output, start, requires, optional } = document;
  checkDeclared(compiling, document);
  for (const key of ['vars', 'output', 'output-on-error'] as const)
    checkTemplates(compiling, document[key], [key]);
  const compiler = new RoutedCompiler(compiling, document);
  const atoms = atomsOf(compiling, document, []).map(([name, atom, path]) => compiler.atom(name, atom, path));
  const root: RoutedDefinition = {
    kind: 'routed',
    name: document.flow ?? '',
    atoms,
    ...present({
      requires: requires && Object.keys(requires),
      optional:
        optional &&
        Object.fromEntries(entriesOf(optional, []).map(([name, part]) => [name, defaultOf(part) ?? null])),
      vars: vars as Templates | undefined,
      start: start === undefined ? undefined : [start].flat().filter((name) => name !== undefined),
      output: output as Templates | undefined,
      outputOnError: document['output-on-error'] as Templates | undefined,
      rollback: document.rollback === 'completed' ? document.rollback : undefined,
      merge: document.merge === 'deep' ? document.merge : undefined,
      onExpressionError: document['on-expression-error'] === 'fail-atom' ? ('fail-atom' as const) : undefined,
    }),
  };
  checkRoutes(compiling, document, root);
  return { schemaVersion: 1, root };
}

class RoutedCompiler {
  readonly #compiling: Compiling;
  readonly #names: readonly string[];
  readonly #known: ReadonlySet<string>;
  readonly #defaults: PoliciesPart;
  readonly #fallbacks: ReadonlyMap<ClauseKey, ClauseDefinition>;

  readonly #isUndone: boolean;

  constructor(compiling: Compiling, document: DocumentPart) {
    const { atoms = {}, 'atom-defaults': defaults = {}, rollback } = document;
    this.#compiling = compiling;
    this.#isUndone = rollback === 'completed';
    this.#names = Object.keys(atoms);
    this.#known = new Set(this.#names);
    this.#defaults = defaults;
    checkPolicies(compiling, defaults, ['atom-defaults']);
    this.#fallbacks = new Map(
      clauseKeys.flatMap((key) => {
        const part = defaults[key];
        return part === undefined || part === null ? [] : [[key, this.#clause(part, ['atom-defaults', key])]];
      }),
    );
  }

  atom(name: string, own: AtomPart, path: Path): RoutedAtomDefinition {
    const { problems } = this.#compiling;
    if (commands.includes(name))
      problems.add(
        path,
        'is a command, which a transition may lead to, and no name for an atom: call it otherwise',
        'key',
      );
    if (isMap(own.flow))
      problems.add(
        [...path, 'flow'],
        'is written out inside of a routed flow, which is not supported yet: make it a document of its own, and write its name',
      );
    checkKind(this.#compiling, own, path);
    checkPolicies(this.#compiling, own, path);
    checkTemplates(this.#compiling, own.output, [...path, 'output']);
    if (own.output !== undefined && this.#isUndone)
      problems.add(
        [...path, 'output'],
        'cannot be with rollback: completed, as tasks are undone with what they gave: leave out one of them',
        'key',
      );
    const atom = withDefaults(this.#compiling, own, this.#defaults, path);
    const clauses = clauseKeys.map(
      (key) => [clauseFields[key], this.#clauseOf(name, own, key, path)] as const,
    );
    const { provides, join } = atom;
    return {
      name,
      ...present({ task: atom.task }),
      ...this.#taken(atom, path),
      ...workOf(this.#compiling, atom, path),
      ...policiesOf(atom),
      ...present({
        provides: provides === undefined ? undefined : providesOf(provides),
        publish: this.#published(atom.publish, [...path, 'publish']),
        publishOnError: this.#published(atom['publish-on-error'], [...path, 'publish-on-error']),
        publishOnSkip: this.#published(atom['publish-on-skip'], [...path, 'publish-on-skip']),
        output: atom.output,
        keepResult: atom['keep-result'],
        join: join === 'one' ? 1 : join,
      }),
      ...Object.fromEntries(clauses.filter(([, clause]) => clause !== undefined)),
    };
  }

  /** Constants are inputs whose texts insert nothing (C-602, C-603). */
  #taken(atom: AtomPart, path: Path): Partial<RoutedAtomDefinition> {
    const { inject = {}, input, rebind = {} } = atom;
    const taken = inputsOf(atom);
    checkTemplates(this.#compiling, typeof input === 'string' ? undefined : input, [...path, 'input']);
    checkInserted(this.#compiling, input, [...path, 'input']);
    if (isMap(input) && Object.keys(input).length === 1 && typeof input['expr'] === 'string')
      this.#compiling.problems.add(
        [...path, 'input', 'expr'],
        'would be taken for an expression that gives all parameters: write input: "${…}" if it is one, else call the parameter otherwise',
        'key',
      );
    if (Object.keys(inject).length === 0)
      return {
        ...taken,
        ...present({ input: typeof input === 'string' ? { expr: insertedIn(input)?.trim() ?? '' } : input }),
      };
    if (typeof input === 'string')
      this.#compiling.problems.add(
        [...path, 'inject'],
        'and an input that gives all parameters exclude each other',
        'key',
      );
    const renamed = new Set(Object.values(rebind));
    const symbolOf = (parameter: string): string =>
      Object.hasOwn(rebind, parameter) ? (rebind[parameter] ?? parameter) : parameter;
    const parameters = new Set([
      ...Object.keys(inject).filter((symbol) => !renamed.has(symbol)),
      ...Object.keys(rebind).filter((parameter) => Object.hasOwn(inject, symbolOf(parameter))),
    ]);
    const constants = Array.from(
      parameters,
      (parameter) => [parameter, literalTemplate(inject[symbolOf(parameter)] ?? null)] as const,
    );
    const others = Object.entries(rebind).filter(([parameter]) => !parameters.has(parameter));
    const { rebind: _, ...rest } = taken;
    return {
      ...rest,
      ...(others.length > 0 && { rebind: Object.fromEntries(others) }),
      input: { ...Object.fromEntries(constants), ...(input as Templates | undefined) },
    };
  }

  #published(part: DataMap | undefined, path: Path) {
    return part && publishOf(this.#compiling, part, path, { named: false });
  }

  /** Of defaults an atom has all but what leads to itself (C-1332). */
  #clauseOf(name: string, own: AtomPart, key: ClauseKey, path: Path): ClauseDefinition | undefined {
    const part = own[key];
    if (Object.hasOwn(own, key))
      return part === undefined || part === null ? undefined : this.#clause(part, [...path, key]);
    const { next, ...rest } = this.#fallbacks.get(key) ?? {};
    const kept = next?.filter(({ to }) => to !== name) ?? [];
    if (kept.length === 0 && rest.publish === undefined) return undefined;
    return { ...rest, ...(kept.length > 0 && { next: kept }) };
  }

  #clause(part: ClausePart, path: Path): ClauseDefinition {
    if (!isMap(part) || !Object.hasOwn(part, 'publish')) return { next: this.#next(part, path) };
    const { publish, next } = part;
    return {
      ...(isMap(publish) && {
        publish: publishOf(this.#compiling, publish, [...path, 'publish'], { named: true }),
      }),
      ...(next !== undefined && { next: this.#next(next as ClausePart, [...path, 'next']) }),
    };
  }

  #next(part: ClausePart, path: Path): readonly TransitionDefinition[] {
    if (!Array.isArray(part)) return [this.#transition(part as EntryPart, path)];
    const entries = part as readonly (EntryPart | undefined)[];
    const seen = new Set<string>();
    return entries.flatMap((entry, index) => {
      if (entry === undefined) return [];
      const transition = this.#transition(entry, [...path, index]);
      const text = JSON.stringify(transition);
      if (seen.has(text))
        this.#compiling.problems.add([...path, index], 'stands twice in one clause: keep one');
      seen.add(text);
      return [transition];
    });
  }

  #transition(entry: EntryPart, path: Path): TransitionDefinition {
    const { problems, expressions } = this.#compiling;
    const isFull = isMap(entry) && Object.hasOwn(entry, 'to');
    const [key = '', guard] = typeof entry === 'string' ? [entry] : (Object.entries(entry)[0] ?? []);
    const name = isFull ? String(entry['to'] ?? '') : key;
    const when = isFull ? entry['when'] : guard;
    const message = isFull ? entry['message'] : undefined;
    const to = name === 'pause' ? 'suspend' : name;
    const at = isFull ? [...path, 'to'] : typeof entry === 'string' ? path : [...path, key];
    if (name !== '' && !this.#known.has(to) && !isRouteCommand(to))
      problems.add(
        at,
        () =>
          `leads to ${name}, which is no atom of this flow and no command: ${nearest(name, [...this.#names.slice(0, 100), ...commands])}`,
        'value',
      );
    const reason = typeof when === 'string' ? expressions?.guard(when) : undefined;
    if (reason !== undefined) problems.add(isFull ? [...path, 'when'] : at, reason);
    if (message !== undefined && !isRouteCommand(to))
      problems.add(
        [...path, 'message'],
        'is for commands (noop, fail, succeed, suspend): leave it out',
        'key',
      );
    checkTemplates(this.#compiling, message, [...path, 'message']);
    return { to, ...(typeof when === 'string' && { when }), ...(message !== undefined && { message }) };
  }
}
