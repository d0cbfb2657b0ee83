/**
 * Whether a join may still wait (section 5). Ways are looked for only where one may just have been lost: forward from the transitions that
 * were not taken, to the joins that wait behind them, and from there backward until something is met that is still under way.
 */
import type { RoutedTurn } from './routed-turn.js';
import type { AtomIndex } from './routed-graph.js';
import { type Activation, activationOf, type RoutedState, type WaitingJoin } from './routed-state.js';

export type Verdict = 'wait' | 'begin' | 'fail';

/** C-504 to C-506. */
export function verdictOf({ activation, arrived, lost }: WaitingJoin): Verdict {
  const { join = 1, sources } = activation.atom;
  const open = sources.length - arrived.size - lost.size;
  if (join === 'reached') return open === 0 ? 'begin' : 'wait';
  if (arrived.size >= join) return 'begin';
  return arrived.size + open < join ? 'fail' : 'wait';
}

/** A join as it waits: who has come is on its activation. */
export function joinOf(state: RoutedState, activation: Activation): WaitingJoin {
  const arrived = activation.triggeredBy.map((by) => activationOf(state, by.activation).atom.index);
  return { activation, arrived: new Set(arrived), lost: new Set() };
}

/**
 * Something runs again: joins that failed, or were cancelled, for want of what may come now wait again (C-1308), and what those that wait need
 * not wait for is found anew.
 */
export function revive(turn: RoutedTurn): void {
  const { state } = turn;
  // one that waits again may let those behind it come about
  const isBack = (id: string): boolean => {
    const join = joinOf(state, activationOf(state, id));
    const missing = join.activation.atom.sources.filter((source) => !join.arrived.has(source));
    const lost = new Set(lostOf(state, join, missing));
    if (lost.size === missing.length || verdictOf({ ...join, lost }) === 'fail') return false;
    turn.activation(join.activation, 'WAITING');
    return true;
  };
  while ([...state.brokenJoins].some(isBack));
  for (const join of state.joins.values()) noteUnreachable(turn, join);
}

/** A join that has just begun to wait, or is met by a new owner: which of its sources can never come. */
export function noteUnreachable(turn: RoutedTurn, join: WaitingJoin): void {
  const { activation, arrived, lost: known } = join;
  const unknown = activation.atom.sources.filter((source) => !arrived.has(source) && !known.has(source));
  tell(turn, activation, lostOf(turn.state, join, unknown));
}

/** An activation is over: the joins that lost a way by what it did not take are to be judged again. */
export function noteLost(turn: RoutedTurn, over: Activation): void {
  const { state } = turn;
  if (state.joins.size === 0) return;
  for (const [join, sources] of suspects(state, over)) {
    const lost = lostOf(state, join, sources);
    if (lost.length === 0) continue;
    tell(turn, join.activation, lost);
    turn.judge(join);
  }
}

function tell(turn: RoutedTurn, { id }: Activation, lost: readonly AtomIndex[]): void {
  if (lost.length === 0) return;
  turn.fact({
    fact: 'lost',
    join: id,
    atoms: lost.map((index) => turn.state.graph.atoms[index]?.name ?? ''),
  });
}

/** Joins that wait for something to which a transition led that was not taken. */
function suspects(state: RoutedState, over: Activation): ReadonlyMap<WaitingJoin, AtomIndex[]> {
  const { atoms, byName } = state.graph;
  const found = new Map<WaitingJoin, AtomIndex[]>();
  const suspect = (source: AtomIndex, target: AtomIndex): void => {
    const join = state.joins.get(target);
    if (!join || join.arrived.has(source) || join.lost.has(source)) return;
    const sources = found.get(join);
    if (sources) sources.push(source);
    else found.set(join, [source]);
  };
  const taken = new Set(over.next.map(({ to }) => byName.get(to)?.index));
  const ahead = new Set<AtomIndex>();
  for (const target of over.atom.targets) {
    if (taken.has(target)) continue;
    suspect(over.atom.index, target);
    ahead.add(target);
  }
  for (const index of ahead) {
    if (isSpent(state, index)) continue;
    for (const target of atoms[index]?.targets ?? []) {
      suspect(index, target);
      ahead.add(target);
    }
  }
  return found;
}

/** Those that will not come: control is neither on its way from there to the join, nor may it still come to them. */
function lostOf(
  state: RoutedState,
  { activation: { atom } }: WaitingJoin,
  sources: readonly AtomIndex[],
): AtomIndex[] {
  const coming = new Set(state.backlog.origins(atom.name).map((id) => activationOf(state, id).atom.index));
  return sources.filter((source) => !coming.has(source) && !isPossible(state, source));
}

/** Something is under way from where control may still come to this atom. */
function isPossible(state: RoutedState, atom: AtomIndex): boolean {
  const { atoms } = state.graph;
  const before = new Set([atom]);
  for (const index of before) {
    if ((state.live[index] ?? 0) > 0) return true;
    if (isSpent(state, index)) continue;
    if (state.backlog.leadsTo(atoms[index]?.name ?? '')) return true;
    for (const source of atoms[index]?.sources ?? []) before.add(source);
  }
  return false;
}

/** A join that has begun to wait will not begin another time (C-502). */
function isSpent({ graph, latest }: RoutedState, index: AtomIndex): boolean {
  return graph.atoms[index]?.join !== undefined && latest[index] !== undefined;
}
