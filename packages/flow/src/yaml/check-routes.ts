/** That a routed flow can be followed: it starts, and its joins can be met (C-1522, C-1523). */
import type { RoutedAtomDefinition, RoutedDefinition } from '../routed-definition.js';
import { type Compiling, type DocumentPart } from './document.js';
import { nearest } from './short-forms.js';

/** With other problems, transitions may be among what was refused: then nothing is said about what they lead to. */
export function checkRoutes({ problems }: Compiling, document: DocumentPart, flow: RoutedDefinition): void {
  const names = Object.keys(document.atoms ?? {});
  const known = new Set(names);
  const joins = new Map(
    flow.atoms.filter(({ join }) => join !== undefined).map(({ name, join }) => [name, join]),
  );
  for (const [index, name] of (flow.start ?? []).entries()) {
    const path = typeof document.start === 'string' ? ['start'] : ['start', index];
    if (!known.has(name)) problems.add(path, () => `is no atom of this flow: ${nearest(name, names)}`);
    else if (joins.has(name))
      problems.add(path, 'is a join, which waits for others: start with what leads to it');
  }
  if (problems.count > 0) return;
  const targets = new Map(flow.atoms.map((atom) => [atom.name, targetsOf(atom, known)]));
  const inbound = new Map<string, number>();
  for (const reached of targets.values())
    for (const to of reached) inbound.set(to, (inbound.get(to) ?? 0) + 1);
  const cyclic = joins.size > 0 ? onCycles(targets) : new Set<string>();
  for (const [name, join] of joins) {
    const path = ['atoms', name, 'join'];
    const count = inbound.get(name) ?? 0;
    if (count === 0)
      problems.add(path, 'waits for others, and no transition leads here: leave it out, or lead to it');
    else if (typeof join === 'number' && join > count)
      problems.add(
        path,
        `waits for ${join}, and only ${count} ${count === 1 ? 'atom leads' : 'atoms lead'} here: at most ${count}`,
      );
    else if (cyclic.has(name))
      problems.add(
        path,
        'stands on a cycle, and a join starts once in a run: make the cycle a flow of its own',
      );
  }
  if (!flow.start && names.every((name) => inbound.has(name)))
    problems.add(
      ['atoms'],
      'has no atom to start with, as a transition leads to each: write start: NAME',
      'key',
    );
}

function targetsOf(atom: RoutedAtomDefinition, known: ReadonlySet<string>): ReadonlySet<string> {
  const clauses = [atom.onSuccess, atom.onError, atom.onComplete, atom.onSkip];
  return new Set(
    clauses
      .flatMap((clause) => clause?.next ?? [])
      .map(({ to }) => to)
      .filter((to) => known.has(to)),
  );
}

/** Atoms that lead back to themselves: those in a strong component of several, or with a transition to themselves (Tarjan, without recursion). */
function onCycles(targets: ReadonlyMap<string, ReadonlySet<string>>): ReadonlySet<string> {
  const numbers = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const isOpen = new Set<string>();
  const found = new Set<string>();
  const enter = (name: string) => {
    numbers.set(name, numbers.size);
    lowest.set(name, numbers.size - 1);
    stack.push(name);
    isOpen.add(name);
    return { name, rest: (targets.get(name) ?? new Set()).values() };
  };
  const lower = (name: string, to: number): void =>
    void lowest.set(name, Math.min(lowest.get(name) ?? to, to));
  for (const root of targets.keys()) {
    if (numbers.has(root)) continue;
    const path = [enter(root)];
    for (let here = path.at(-1); here; here = path.at(-1)) {
      const { name, rest } = here;
      const next = rest.next();
      if (next.done !== true) {
        const to = next.value;
        if (!numbers.has(to)) path.push(enter(to));
        else if (isOpen.has(to)) lower(name, numbers.get(to) ?? 0);
        continue;
      }
      path.pop();
      const above = path.at(-1);
      if (above) lower(above.name, lowest.get(name) ?? 0);
      if (lowest.get(name) !== numbers.get(name)) continue;
      const component = stack.splice(stack.lastIndexOf(name));
      for (const member of component) isOpen.delete(member);
      if (component.length > 1 || targets.get(name)?.has(name) === true)
        for (const member of component) found.add(member);
    }
  }
  return found;
}
