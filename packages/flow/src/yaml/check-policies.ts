/** Policies, fan-outs and delegates of routed atoms: that they stand where they mean something, and say it in CEL (C-1524, C-1525, C-1530). */
import type { JsonValue } from '@baton/core';
import type { Path } from '../schema-check.js';
import { type AtomPart, type Compiling, isMap, type ListPart, type PoliciesPart } from './document.js';
import { insertedIn, isLists } from './policies.js';
import { checkTemplates } from './short-forms.js';

const kinds = ['task', 'delegate', 'flow'] as const;

/** Expressions of policies, those of an atom or of `atom-defaults`, where they stand. */
export function checkPolicies(compiling: Compiling, part: PoliciesPart, path: Path): void {
  const { attempts, timeout } = part;
  for (const key of ['pause-before', 'wait-before', 'wait-after', 'parallel'] as const)
    checkInserted(compiling, part[key], [...path, key]);
  checkCel(compiling, part['fail-on'], [...path, 'fail-on']);
  const limits = { attempts, timeout };
  for (const [key, limit] of Object.entries(limits)) {
    if (!isMap(limit)) checkInserted(compiling, limit, [...path, key]);
    else
      for (const [name, value] of Object.entries(limit)) {
        const check = ['break-on', 'continue-on'].includes(name) ? checkCel : checkInserted;
        check(compiling, value, [...path, key, name]);
      }
  }
}

/** What an atom is, and that a fan-out has something to run, and nothing else has what is for fan-outs (C-1524, C-1525, C-1530). */
export function checkKind(compiling: Compiling, atom: AtomPart, path: Path): void {
  const { problems } = compiling;
  const kind = kindOf(compiling, atom, path);
  if (Object.hasOwn(atom, 'output') && kind === undefined)
    problems.add(
      [...path, 'output'],
      'has no result to be made of: write task: NAME, delegate: NAME or flow: NAME',
      'key',
    );
  checkInserted(compiling, atom.flow, [...path, 'flow']);
  if (kind === 'flow') checkFlow(compiling, atom, path);
  if (Object.hasOwn(atom, 'for-each')) {
    if (kind === undefined)
      problems.add(
        [...path, 'for-each'],
        'has nothing to run for each item: write task: NAME, delegate: NAME or flow: NAME',
        'key',
      );
    return checkLists(compiling, atom, [...path, 'for-each']);
  }
  const stray = (at: Path): void =>
    problems.add(at, 'means nothing without for-each: leave it out, or write for-each', 'key');
  for (const key of ['as', 'parallel', 'on-item-error'] as const)
    if (Object.hasOwn(atom, key) && atom[key] !== null) stray([...path, key]);
  if (isMap(atom.attempts) && Object.hasOwn(atom.attempts, 'scope')) stray([...path, 'attempts', 'scope']);
}

/** What an atom is: one of these, or a decision point. */
export function kindOf(
  { problems }: Compiling,
  atom: AtomPart,
  path: Path,
): (typeof kinds)[number] | undefined {
  const [kind, other] = kinds.filter((key) => Object.hasOwn(atom, key));
  if (other !== undefined)
    problems.add(
      [...path, other],
      `and ${kind ?? ''} exclude each other, an atom is one of them: keep one`,
      'key',
    );
  for (const key of ['expects', 'open'] as const)
    if (Object.hasOwn(atom, key) && !Object.hasOwn(atom, 'delegate'))
      problems.add([...path, key], 'means nothing without delegate: leave it out, or write delegate', 'key');
  return kind;
}

/** A flow has limits and inputs of its own; of the atom that runs it there is the time in all. */
function checkFlow({ problems }: Compiling, { timeout, ...atom }: AtomPart, path: Path): void {
  const stray = (key: string, ...at: readonly string[]): void =>
    problems.add([...path, ...at, key], 'is for a task, and this atom is a flow: leave it out', 'key');
  for (const key of ['onWorkerLoss', 'version', 'requires', 'optional'])
    if (Object.hasOwn(atom, key)) stray(key);
  for (const key of ['attempt', 'queue', 'wait'])
    if (isMap(timeout) && Object.hasOwn(timeout, key)) stray(key, 'timeout');
}

function checkLists(compiling: Compiling, atom: AtomPart, path: Path): void {
  const { 'for-each': forEach, as } = atom;
  if (forEach === undefined) return;
  if (!isLists(forEach)) return checkList(compiling, forEach, path);
  for (const [name, list] of Object.entries(forEach)) checkList(compiling, list, [...path, name]);
  if (as !== undefined)
    compiling.problems.add(
      [...path.slice(0, -1), 'as'],
      'names the item of one list, and for-each names them itself: leave it out',
      'key',
    );
}

function checkList(compiling: Compiling, list: ListPart | undefined, path: Path): void {
  if (typeof list === 'string') checkCel(compiling, list, path);
  else checkTemplates(compiling, list as JsonValue | undefined, path);
}

function checkCel({ problems, expressions }: Compiling, source: unknown, path: Path): void {
  if (typeof source !== 'string') return;
  if (insertedIn(source.trim()) !== undefined)
    return problems.add(path, 'is CEL already: leave out ${ and }');
  const reason = expressions?.guard(source);
  if (reason !== undefined) problems.add(path, reason);
}

/** `${a} ${b}` begins and ends like one insertion, and is none. */
export function checkInserted({ problems, expressions }: Compiling, text: unknown, path: Path): void {
  const source = typeof text === 'string' ? insertedIn(text) : undefined;
  const reason = source === undefined ? undefined : expressions?.guard(source);
  if (reason !== undefined) problems.add(path, reason);
}
