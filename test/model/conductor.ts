/** What one conductor may do next, by where it is. */
import { applyMulti, claim, wake } from './board.js';
import { accept, isFree, known } from './journal.js';
import { compacts } from './compaction.js';
import { conductorOf, type Move } from './move.js';
import { opening, save, stored } from './owner.js';
import { adopts, probes, sendsAtOnce, sends, waitsForTask } from './requests.js';
import {
  blank,
  nothingKnown,
  toGone,
  toIdle,
  type BoardOperation,
  type Conductor,
  type Entry,
  type Stage,
  type State,
} from './state.js';

export class ConductorMoves {
  readonly move: Move;
  readonly index: number;
  readonly self: Conductor;
  readonly name: string;

  constructor(move: Move, index: number) {
    this.move = move;
    this.index = index;
    this.self = conductorOf(move.before, index);
    this.name = `C${index}`;
  }

  to(label: string, change: (next: State, self: Conductor) => unknown): void {
    this.move.to(`${this.name} ${label}`, (next) => change(next, conductorOf(next, this.index)));
  }

  fault(
    cost: 'unknown' | 'stale' | 'abandon',
    label: string,
    change: (next: State, self: Conductor) => unknown,
  ): void {
    this.move.fault(cost, `${this.name} ${label}`, (next) => change(next, conductorOf(next, this.index)));
  }

  owner(next: State) {
    return { rules: this.move.rules, state: next, index: this.index, self: conductorOf(next, this.index) };
  }

  /** One move for each entry it may write. */
  each(entries: readonly Entry[], label: string, also?: (next: State, self: Conductor) => void): void {
    for (const entry of entries) {
      const where = entry.delivery > 0 ? ` → W${entry.worker} (delivery ${entry.delivery})` : '';
      this.to(`${label}${where}`, (next, self) => {
        also?.(next, self);
        writes(this, next, entry);
      });
    }
  }

  all(): void {
    if (!this.self.isAlive) return;
    stages[this.self.stage](this);
  }
}

function writes(moves: ConductorMoves, next: State, entry: Entry): void {
  const { rules } = moves.move;
  const self = conductorOf(next, moves.index);
  save(self, entry);
  if (rules.has('dispatchBeforeSave') && entry.delivery > 0) sendsAtOnce(moves, next, entry);
  if (rules.has('settleBeforeTerminal') && entry.kind === 'terminal') self.stage = 'settleEarly';
}

const stages: Readonly<Record<Stage, (moves: ConductorMoves) => void>> = {
  idle: claims,
  gone: () => undefined,
  claimUnknown: asksWhoseLock,
  lookForLeftover: looksForDormant,
  lookedForDormant: (moves) => readsTo(moves, moves.move.before.journal.length - 1),
  readTail: readsTail,
  readBehindHint: readsBehindHint,
  save: inserts,
  decide: decides,
  probe: probes,
  send: sends,
  wait: waitsForTask,
  waitForAnswer: waitsForAnswer,
  sleep: (moves) =>
    multi(moves, 'sleep', {
      unknown: 'sleepUnknown',
      done: (self) => asleep(moves, self),
      refused: (self) => (self.stage = 'sleepUnknown'),
    }),
  sleepUnknown: (moves) =>
    afterUnknown(moves, (next, self, isMine) => {
      if ((next.jobs[self.life] ?? -1) < 0) asleep(moves, self);
      else if (isMine) self.stage = 'sleep';
      else toIdle(self);
    }),
  lookAgain: looksAgain,
  settleEarly: (moves) => multi(moves, 'settle', { unknown: 'save', done: (self) => (self.stage = 'save') }),
  settle: (moves) => multi(moves, 'settle', { unknown: 'settleUnknown', done: toIdle }),
  settleUnknown: (moves) =>
    afterUnknown(moves, (next, self, isMine) => {
      const stands = (next.jobs[self.life] ?? -1) >= 0;
      if (isMine || (moves.move.rules.has('consumeUnconditional') && stands)) self.stage = 'settle';
      else if (stands) toIdle(self);
      else toIdle(self);
    }),
  abandon: (moves) => multi(moves, 'abandon', { unknown: 'abandonUnknown', done: toIdle }),
  release: (moves) => multi(moves, 'abandon', { unknown: 'abandonUnknown', done: toIdle }),
  abandonUnknown: (moves) =>
    afterUnknown(moves, (_, self, isMine) => {
      if (moves.move.rules.has('abandonUnconditional') || isMine) self.stage = 'abandon';
      else toIdle(self);
    }),
  removeLeftover: (moves) =>
    multi(moves, 'removeLeftover', { unknown: 'removeLeftoverUnknown', done: toIdle }),
  removeLeftoverUnknown: (moves) =>
    afterUnknown(moves, (_, self, isMine) => {
      if (isMine) self.stage = 'removeLeftover';
      else toIdle(self);
    }),
};

function claims(moves: ConductorMoves): void {
  const { move, index, self } = moves;
  const { jobs, lock, conductors } = move.before;
  // which of equal conductors is first makes no difference: they are used in order
  if (!self.hasSession || (index > 0 && conductors[index - 1]?.wasUsed !== true)) return;
  if (move.rules.has('ownerByName') && lock !== undefined && lock[0] !== index && !self.wasUsed)
    moves.to(`takes the lock of C${lock[0]} (same name) for its own`, (next, self_) => {
      const [, fence, life] = lock;
      Object.assign(self_, {
        wasUsed: true,
        fence,
        life,
        version: next.jobs[life] ?? -1,
        stage: firstLook(moves),
      });
    });
  if (lock !== undefined) return;
  for (const [life, version] of jobs.entries()) {
    if (version < 0) continue;
    moves.to(`claims job.${life}`, (next, owner) => {
      claim(next, index, life);
      const fence = next.locksMade;
      Object.assign(owner, { wasUsed: true, fence, life, version: version + 1, stage: firstLook(moves) });
    });
    moves.fault('unknown', `claims job.${life}, answer lost`, (next, owner) => {
      claim(next, index, life);
      Object.assign(owner, { wasUsed: true, stage: 'claimUnknown' });
    });
    if (move.rules.variant.lateMultis)
      moves.fault('unknown', `claims job.${life}, in flight`, (next, owner) => {
        next.late = [...next.late, { type: 'multi', by: index, operation: 'claim', life, version }];
        Object.assign(owner, { wasUsed: true, stage: 'claimUnknown' });
      });
  }
}

/** P-502. */
function asksWhoseLock(moves: ConductorMoves): void {
  if (!learnsLoss(moves))
    moves.to('reads the lock behind a barrier', (next, self) => {
      barrier(moves, next);
      if (next.lock?.[0] !== moves.index) return toIdle(self);
      const [, fence, life] = next.lock;
      return Object.assign(self, { fence, life, version: next.jobs[life] ?? -1, stage: firstLook(moves) });
    });
}

function firstLook({ move }: ConductorMoves): Stage {
  const { withPost, withCompaction } = move.rules.variant;
  if (withPost) return 'lookForLeftover';
  return withCompaction ? 'readBehindHint' : 'readTail';
}

/** P-305: two looks, dormant nodes first. */
function looksForDormant(moves: ConductorMoves): void {
  const { move, self } = moves;
  const { rules, before } = move;
  if (!self.hasSession || rules.was('leftoverOnlyByJournal')) return readsTail(moves);
  const isReversed = rules.has('leftoverOrderReversed');
  const isThere = isReversed
    ? before.jobs.some((version, life) => life > self.life && version >= 0)
    : before.dormant.some((life) => life >= self.life);
  const what = isReversed ? 'job nodes of a higher life' : 'dormant nodes';
  moves.to(`looks for ${what}: ${isThere ? 'its node is a leftover' : 'none'}`, (_, next) => {
    next.stage = isThere ? 'removeLeftover' : 'lookedForDormant';
  });
}

/** P-406, P-408: also an old state, when reads may be stale. */
function readsTail(moves: ConductorMoves): void {
  const { length } = moves.move.before.journal;
  readsTo(moves, length - 1);
  if (moves.move.allows('stale')) for (let seq = 0; seq < length - 1; seq++) readsTo(moves, seq, true);
}

function readsBehindHint(moves: ConductorMoves): void {
  const { journal, snapshots } = moves.move.before;
  if (moves.self.hint < 0) {
    let seq = -moves.self.hint - 1;
    while (seq + 1 < journal.length && journal[seq + 1]?.isDeleted === false) seq++;
    return readsTo(moves, seq);
  }
  // the hint is read at another moment than the entries; kept as −1 − hint, so that a hint of 0 is one
  moves.to('reads the head hint', (_, self) => (self.hint = -1 - snapshots[0]));
}

/** Decides on what was read up to `seq` (P-406, P-305, P-604, P-506). */
function readsTo(moves: ConductorMoves, seq: number, isStale = false): void {
  const { move, self, index } = moves;
  const { rules, before } = move;
  if (seq < 0) return;
  const run = known(rules, before.journal, seq);
  const tell = `reads the journal up to ${seq}${isStale ? ' (stale)' : ''}`;
  const go = (what: string, change: (self: Conductor) => void): void => {
    if (isStale) moves.fault('stale', `${tell}${what}`, (_, next) => change(next));
    else moves.to(`${tell}${what}`, (_, next) => change(next));
  };
  if (rules.has('claimEntrySkipped'))
    return go(', writes no claim entry', (next) => Object.assign(next, { seq, known: run, stage: 'decide' }));
  const isOwnFence = before.journal.some(({ fence, by }) => fence === self.fence && by === index);
  const isOutranked = run.lastFence > self.fence || (run.lastFence === self.fence && !isOwnFence);
  if (isOutranked && !rules.has('fenceCompareOff'))
    return go(', is not the owner', (next) => (next.stage = 'release'));
  const isOver = run.isOver && !(before.isRerunStored && !run.isReopened);
  if (isOver && !rules.has('tombstoneIgnored'))
    return go(', finds it over', (next) => Object.assign(next, { seq, known: run, stage: 'settle' }));
  if (run.life > self.life || isLeftoverByBoard(moves))
    return go(', its node is a leftover', (next) => (next.stage = 'removeLeftover'));
  const { poison } = rules.variant;
  const base: Entry = { ...blank, by: index, fence: self.fence };
  if (poison > 0 && run.idleClaims >= poison && !rules.has('poisonResetAtClaim'))
    return go(', the job is poison', (next) => {
      Object.assign(next, { seq, known: run });
      save(next, { ...base, kind: 'terminal', isPoison: true });
    });
  return go('', (next) => {
    next.seq = seq;
    save(next, { ...base, kind: 'claim', life: self.life, from: self.position });
  });
}

function isLeftoverByBoard({ move, self }: ConductorMoves): boolean {
  const { rules, before } = move;
  if (rules.was('leftoverOnlyByJournal') || !self.hasSession) return false;
  const isAsleep = before.dormant.some((life) => life >= self.life);
  const isHigher = before.jobs.some((version, life) => life > self.life && version >= 0);
  if (!rules.variant.withPost) return isAsleep || isHigher;
  return rules.has('leftoverOrderReversed') ? isAsleep : isHigher;
}

/** The entry in hand, under the next number (P-402, P-404). */
function inserts(moves: ConductorMoves): void {
  const { move, self, index } = moves;
  const { rules, before } = move;
  const seq = self.seq + 1;
  const entry = self.entry as Entry;
  if (isFree(before, seq) && seq <= before.journal.length) {
    moves.to(`inserts ${seq} (${entry.kind})`, (next) => {
      accept(rules, next, seq, entry);
      if (next.violation === undefined) stored(moves.owner(next));
    });
    moves.fault('unknown', `inserts ${seq} (${entry.kind}), answer lost`, (next) =>
      accept(rules, next, seq, entry),
    );
    if (rules.variant.lateInserts)
      moves.fault('unknown', `inserts ${seq} (${entry.kind}), in flight`, (next) => {
        next.late = [...next.late, { type: 'insert', by: index, seq, entry }];
      });
    return;
  }
  // only a planted bug gets above a gap
  if (seq > before.journal.length)
    return moves.to(`inserts ${seq}`, (next) => accept(rules, next, seq, entry));
  const there = before.journal[seq];
  if (there?.by === index && there.fence === self.fence && there.kind === entry.kind)
    return moves.to(`finds its own entry ${seq}`, (next) => stored(moves.owner(next)));
  if (rules.has('collisionIgnored'))
    return moves.to(`ignores the collision at ${seq}`, (next) => stored(moves.owner(next)));
  if (entry.kind === 'claim')
    return moves.to(`collides at ${seq} and reads on`, (_, next) => {
      Object.assign(next, { entry: undefined, stage: firstLook(moves), hint: 0 });
    });
  return moves.to(`is fenced at ${seq}`, (_, next) => toIdle(next));
}

/** Adopts what runs, or takes the next step. */
function decides(moves: ConductorMoves): void {
  const { move, self, index } = moves;
  const { rules, before } = move;
  const run = self.known ?? nothingKnown;
  if (run.isOver && before.isRerunStored && !run.isReopened)
    return moves.each([{ ...blank, kind: 'reopen', by: index, fence: self.fence }], 'reopens the flow');
  if (run.isOver) return moves.to('settles', (_, next) => (next.stage = 'settle'));
  if (run.step < 0) return moves.each(opening(moves.owner(before), 0, -1), 'starts the flow');
  if (rules.isDelegate(run.step))
    return moves.to('has nothing to adopt', (_, next) => (next.stage = 'waitForAnswer'));
  if (!rules.isTask(run.step))
    return moves.each(opening(moves.owner(before), run.step + 1, run.step), 'takes a decision');
  return adopts(moves);
}

function waitsForAnswer(moves: ConductorMoves): void {
  const { move, self } = moves;
  const { rules, before } = move;
  const { step } = self.known ?? nothingKnown;
  const isAnswered = before.answers[step] === true;
  if (isAnswered) moves.each(opening(moves.owner(before), step + 1, step), `applies answer ${step}`);
  const toSleep = (_: State, next: Conductor): void => void (next.stage = 'sleep');
  if (!isAnswered || rules.has('dormantWithoutReread')) moves.to('reads the answers: none', toSleep);
  else moves.fault('stale', 'reads the answers: none (stale)', toSleep);
  compacts(moves);
}

function looksAgain(moves: ConductorMoves): void {
  const { step } = moves.self.known ?? nothingKnown;
  if (moves.move.before.answers[step] !== true)
    return moves.to('reads the answers again: none', (_, self) => toIdle(self));
  moves.to('reads the answers again and wakes the flow', (next, self) => {
    wake(moves.move.rules, next, self.life);
    toIdle(self);
  });
  moves.fault('stale', 'reads the answers again: none (stale)', (_, self) => toIdle(self));
}

function asleep({ move }: ConductorMoves, self: Conductor): void {
  if (move.rules.was('noRereadAfterSleep')) toIdle(self);
  else self.stage = 'lookAgain';
}

/** A transaction on the board: needs the session; a process without one learns that it is lost (P-705). */
function multi(
  moves: ConductorMoves,
  operation: BoardOperation,
  then: { readonly unknown: Stage; done(self: Conductor): unknown; refused?(self: Conductor): unknown },
): void {
  const { self, index, move } = moves;
  const { life, version } = self;
  if (learnsLoss(moves)) return;
  const what = { by: index, operation, life, version };
  moves.to(operation, (next, owner) => {
    if (applyMulti(move.rules, next, what)) then.done(owner);
    else (then.refused ?? toIdle)(owner);
  });
  moves.fault('unknown', `${operation}, answer lost`, (next, owner) => {
    applyMulti(move.rules, next, what);
    owner.stage = then.unknown;
  });
  if (move.rules.variant.lateMultis)
    moves.fault('unknown', `${operation}, in flight`, (next, owner) => {
      next.late = [...next.late, { type: 'multi', ...what }];
      owner.stage = then.unknown;
    });
}

/** Reads what became of it, behind a barrier (P-512): is the job still claimed by this claim? */
function afterUnknown(
  moves: ConductorMoves,
  decide: (next: State, self: Conductor, isMine: boolean) => void,
): void {
  if (learnsLoss(moves)) return;
  moves.to('reads what became of it', (next, self) => {
    barrier(moves, next);
    const { lock } = next;
    const isMyLock = lock !== undefined && lock[0] === moves.index && lock[1] === self.fence;
    const isStanding = (next.jobs[self.life] ?? -1) === self.version;
    decide(next, self, isStanding && (moves.move.rules.was('queryByVersionOnly') || isMyLock));
  });
}

function learnsLoss(moves: ConductorMoves): boolean {
  if (moves.self.hasSession) return false;
  moves.to('learns that its session is over', (_, self) => toGone(self));
  return true;
}

function barrier({ move, index }: ConductorMoves, next: State): void {
  if (!move.rules.has('noBarrier'))
    next.late = next.late.filter((write) => write.type !== 'multi' || write.by !== index);
}
