/**
 * Turns of one run, each stored before anybody acts on it (E-1702). A held run stays in memory from turn to turn; a lazy one is
 * loaded, stepped, stored and forgotten for each event. Both give the same turns.
 */
import type { Fact } from '@baton/core';
import { type AnyCompiled, type AnyRun, compileAny, foldAny, newAnyRun, stepAny } from '../any-run.js';
import type { Transition } from '../apply-fact.js';
import type { Command, Event, Turn, Watch } from '../protocol.js';
import type { RunOptions } from '../run-state.js';
import { loadStored, type LogBook } from './log-book.js';

/** A turn that was stored. Its state is the engine's own: to be read, and not after the next turn. */
export interface StoredTurn extends Turn {
  /** Number of the turn in the log book; an empty turn is not stored and has the number of the next. */
  readonly seq: number;
  readonly transitions: readonly Transition[];
  /** For each transition the fact that made it. */
  readonly causes: readonly Fact[];
  readonly state: AnyRun;
}

export interface Turns {
  take(event: Event): StoredTurn | Promise<StoredTurn>;
}

/** What a process brings to runs that are stored elsewhere. */
export type LocalOptions = Pick<RunOptions, 'functions' | 'deterministic' | 'outstandingMax'>;

interface OpenRun {
  readonly state: AnyRun;
  seq: number;
  /** Delays that were running when the run was stored: timer → ms. How much of it is over nobody knows, so it begins anew. */
  readonly delays: ReadonlyMap<string, number>;
}

/** A run that is kept in memory; without a log book nowhere else. */
export async function heldTurns(
  logBook: LogBook | undefined,
  compiled: AnyCompiled,
  options: RunOptions,
): Promise<Turns> {
  if (logBook) {
    const run = await opened(logBook, options.flowId, options, compiled);
    return { take: (event) => stored(run, event, logBook) };
  }
  const run = { state: newAnyRun(compiled, options), seq: 0, delays: new Map<string, number>() };
  return { take: (event) => counted(run, taken(run, event)) };
}

/** A run of which nothing is kept between two events, not even the compiled flow. */
export function lazyTurns(
  logBook: LogBook,
  flowId: string,
  local: LocalOptions,
): { take(event: Event): Promise<StoredTurn> } {
  return { take: async (event) => stored(await opened(logBook, flowId, local), event, logBook) };
}

async function opened(
  logBook: LogBook,
  flowId: string,
  { functions, deterministic, outstandingMax }: LocalOptions,
  known?: AnyCompiled,
): Promise<OpenRun> {
  const { detail, turns } = await loadStored(logBook, flowId);
  const state = newAnyRun(known ?? compileAny(detail.definition), {
    flowId,
    store: detail.store,
    ...(detail.env && { env: detail.env }),
    ...(detail.lineage && { lineage: detail.lineage }),
    ...(functions && { functions }),
    ...(deterministic !== undefined && { deterministic }),
    ...(outstandingMax !== undefined && { outstandingMax }),
  });
  const delays = new Map<string, number>();
  for (const facts of turns) {
    foldAny(state, facts);
    for (const fact of facts)
      if (fact.fact === 'timer' && fact.state === 'set') delays.set(fact.id, fact.delayMs ?? 0);
  }
  return { state, seq: turns.length, delays };
}

async function stored(run: OpenRun, event: Event, logBook: LogBook): Promise<StoredTurn> {
  const turn = taken(run, event);
  if (turn.facts.length > 0) await logBook.append(run.state.flowId, turn.seq, turn.facts);
  return counted(run, turn);
}

function counted(run: OpenRun, turn: StoredTurn): StoredTurn {
  if (turn.facts.length > 0) run.seq++;
  return turn;
}

function taken(run: OpenRun, event: Event): StoredTurn {
  const { state, seq } = run;
  const changes = new Changes();
  const { facts, commands } = stepAny(state, event, changes);
  const timers = restarted(run, event);
  const all = timers.length === 0 ? commands : [...commands, ...timers];
  const { transitions, causes } = changes;
  return { facts, commands: all, transitions, causes, state, seq };
}

/** What changed in one turn. */
class Changes implements Watch {
  readonly transitions: Transition[] = [];
  readonly causes: Fact[] = [];

  changed(transition: Transition, fact: Fact): boolean {
    this.transitions.push(transition);
    this.causes.push(fact);
    return false;
  }
}

/** Whoever takes up a run does not know its timers. */
function restarted({ state, delays }: OpenRun, { type }: Event): readonly Command[] {
  if (delays.size === 0 || (type !== 'run' && type !== 'adopt' && type !== 'resume')) return [];
  return Array.from(delays).flatMap(([id, delayMs]) =>
    state.timers.has(id) ? [{ type: 'startTimer', id, delayMs } as const] : [],
  );
}
