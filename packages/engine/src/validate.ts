import { DefinitionError } from '@baton/core';
import { awaitedOutside } from '@baton/flow';
import { stdTaskFault } from './built-in-tasks.js';
import { checkExpressions } from './check-expressions.js';
import type { AtomNode, Binding, Compiled, TaskNode } from './compiled.js';
import { visibleProviders } from './visibility.js';

/** A required symbol that nothing can give. */
export interface MissingDependency {
  readonly atom: string;
  readonly method: 'execute' | 'revert';
  readonly parameter: string;
  readonly symbol: string;
  /** Atoms that provide it where this one cannot see them. */
  readonly providedBy: readonly string[];
}

/** Every required input that has no potential source: injection, `store`, or a visible atom (E-310). In document order. */
export function missingDependencies(
  compiled: Compiled,
  store: Iterable<string>,
): readonly MissingDependency[] {
  const given = new Set(store);
  const missing: MissingDependency[] = [];
  for (const atom of compiled.atoms.values())
    for (const method of ['execute', 'revert'] as const)
      for (const binding of atom[method])
        if (!hasSource(compiled, atom, binding, given)) missing.push(describe(atom, method, binding));
  return missing;
}

/**
 * @throws DefinitionError `BATON_DEFINITION_INVALID` for a task of Baton's that cannot run there; `BATON_DEFINITION_MISSING_REQUIREMENT` naming all offenders, `details.missing` has them as data;
 *   `BATON_DEFINITION_EXPRESSION` for an expression that is wrong.
 */
export function validate(compiled: Compiled, store: Iterable<string>): void {
  checkExpressions(compiled);
  checkTasks(compiled);
  const missing = missingDependencies(compiled, store);
  if (missing.length === 0) return;
  const keyOf = ({ atom, symbol }: MissingDependency): string => `${atom} ${symbol}`;
  const asked = new Set(missing.filter(({ method }) => method === 'execute').map(keyOf));
  const lines = missing
    // a revert asks for what its execute asks for, unless told otherwise, and most tasks have none: said once
    .filter((dependency) => dependency.method === 'execute' || !asked.has(keyOf(dependency)))
    .map(
      ({ atom, method, symbol, providedBy }) =>
        `${method === 'revert' ? `${atom}.revert` : atom} needs ${symbol}${providedBy.length === 0 ? '' : ` (provided, out of its sight, by ${providedBy.join(', ')})`}`,
    );
  throw new DefinitionError('BATON_DEFINITION_MISSING_REQUIREMENT', lines.join('; '), {
    details: { missing },
  });
}

function checkTasks({ atoms }: Compiled): void {
  for (const atom of atoms.values()) {
    const fault = atom.kind === 'task' ? taskFault(atom) : undefined;
    if (fault !== undefined) throw new DefinitionError('BATON_DEFINITION_INVALID', `${atom.name} ${fault}`);
  }
}

function taskFault({ name, task: { task, delegate, expects, open, timeout } }: TaskNode): string | undefined {
  const wait = timeout?.waitMs;
  if (delegate !== undefined && task !== undefined) return 'has task and delegate: it is one of them';
  if (delegate !== undefined) return undefined;
  if (expects !== undefined || open !== undefined)
    return `has ${expects ? 'expects' : 'open'}, which means nothing without delegate`;
  if (wait !== undefined && awaitedOutside({ task: task ?? name }) === undefined)
    return 'has timeout.wait, which means nothing for a task: there are timeout.attempt and timeout.queue';
  return stdTaskFault(task ?? name);
}

function hasSource(
  compiled: Compiled,
  atom: AtomNode,
  binding: Binding,
  given: ReadonlySet<string>,
): boolean {
  const { symbol, optional } = binding;
  if (optional || given.has(symbol) || atom.inject.has(symbol)) return true;
  return visibleProviders(compiled, atom, binding).next().done !== true;
}

function describe(
  atom: AtomNode,
  method: 'execute' | 'revert',
  { parameter, symbol, providers }: Binding,
): MissingDependency {
  const providedBy = providers.map(({ name }) => name);
  return { atom: atom.name, method, parameter, symbol, providedBy };
}
