/** What the surroundings do: processes die, sessions end, late writes land; posters, answerers, wakers, the sweep, and a client that wants a rerun. */
import { applyMulti, createJob, endSession, wake } from './board.js';
import { accept, isFree, known } from './journal.js';
import { reply, toWorker } from './log.js';
import { conductorOf, workerOf, type Move } from './move.js';
import { blank, toGone, withAt, without, type LateWrite, type State } from './state.js';

export function processesFail(move: Move): void {
  const { before, rules } = move;
  const { dies } = rules.variant;
  for (const [index, conductor] of before.conductors.entries()) {
    const { isAlive, hasSession, wasUsed, stage } = conductor;
    if (isAlive && hasSession && wasUsed)
      move.fault('expire', `session of C${index} expires, the process goes on`, (next) =>
        endSession(next, index),
      );
    const isWaiting =
      stage === 'wait' && (rules.was('poisonCountsEveryClaim') || conductor.known?.idleClaims === 0);
    const mayCrash = dies === 'waiting' ? isWaiting : dies === 'turn' ? stage === 'decide' : true;
    if (isAlive && wasUsed && stage !== 'gone' && mayCrash)
      move.fault('crash', `C${index} crashes`, (next) => toGone(conductorOf(next, index)));
    if (!isAlive && hasSession)
      move.to(`guard ends the session of C${index}`, (next) => endSession(next, index));
  }
  if (before.lock !== undefined)
    move.fault('operator', 'an operator removes the lock', (next) => (next.lock = undefined));
  for (const index of before.workers.keys()) workerFails(move, index);
}

function workerFails(move: Move, index: number): void {
  const { before, rules } = move;
  const { isAlive, isRegistered, inbox } = workerOf(before, index);
  const [first] = inbox;
  if (first !== undefined)
    move.fault('logLoss', `the log loses ${first.type} ${first.step} for W${index}`, (next) => {
      workerOf(next, index).inbox = inbox.slice(1);
    });
  if (isAlive)
    move.fault('workerCrash', `W${index} crashes`, (next) => {
      Object.assign(workerOf(next, index), { isAlive: false, inbox: [] });
    });
  if (!isAlive && isRegistered)
    move.to(`guard ends the session of W${index}`, (next) => {
      workerOf(next, index).isRegistered = false;
    });
  if (isAlive && isRegistered)
    move.fault('workerExpire', `session of W${index} expires, the process goes on`, (next) => {
      workerOf(next, index).isRegistered = false;
    });
  const isInboxTaken = before.workers.some(
    (other, each) => each !== index && rules.inboxOf(each) === rules.inboxOf(index) && other.isRegistered,
  );
  if (
    rules.variant.lateWorker !== index ||
    isAlive ||
    isRegistered ||
    isInboxTaken ||
    !move.allows('workerStart')
  )
    return;
  move.to(`W${index} leases the inbox, seeks to its end, registers`, (next) => {
    next.budget = { ...next.budget, workerStart: (next.budget['workerStart'] ?? 0) - 1 };
    Object.assign(workerOf(next, index), { isAlive: true, isRegistered: true, inbox: [] });
  });
}

export function lateWritesLand(move: Move): void {
  for (const [index, write] of move.before.late.entries())
    move.late(`late ${write.type} of ${write.by} lands`, (next) => {
      next.late = without(next.late, index);
      return land(move, next, write);
    });
}

function land({ rules }: Move, next: State, write: LateWrite): unknown {
  switch (write.type) {
    case 'multi':
      return conductorOf(next, write.by).hasSession && applyMulti(rules, next, write);
    case 'insert':
      return isFree(next, write.seq) && accept(rules, next, write.seq, write.entry);
    case 'request':
      return (
        next.workers.some(({ isAlive }) => isAlive) && toWorker(rules, next, write.worker, write.message)
      );
    case 'result':
      return reply(next, write.inbox, { type: 'result', step: write.step, delivery: write.delivery });
    case 'post':
      return (next.jobs[0] ?? -1) < 0 && createJob(next);
  }
}

/** P-601. */
export function clientsPost(move: Move): void {
  const { before } = move;
  const { poster, record, reconciler } = before;
  const postEntry = (next: State): void => {
    if (next.journal.length === 0) next.journal = [{ ...blank, kind: 'post' }];
  };
  const createMissing = (next: State): void => {
    if ((next.jobs[0] ?? -1) < 0) createJob(next);
  };
  const acknowledge = (next: State): void => {
    next.record = 2;
    next.acknowledged = true;
  };
  const steps: readonly (readonly [string, (next: State) => void])[] = [
    ['inserts the job record', (next) => (next.record = next.record === 0 ? 1 : next.record)],
    ['inserts entry 0', postEntry],
    ['creates the job node', createMissing],
    ['marks POSTED and acknowledges', acknowledge],
  ];
  const step = steps[poster];
  if (step !== undefined) {
    const [what, apply] = step;
    move.to(`poster ${what}`, (next) => {
      apply(next);
      next.poster = poster + 1;
    });
    move.fault('unknown', `poster ${what}, answer lost`, apply);
    if (poster === 2)
      move.fault('unknown', 'poster creates the job node, in flight', (next) => {
        next.late = [...next.late, { type: 'post', by: -1 }];
      });
    move.fault('posterCrash', 'poster crashes', (next) => (next.poster = 5));
  }
  if (record === 1 && reconciler === 0 && poster >= 4)
    move.to('reconciler reads a POSTING record', (next) => (next.reconciler = 1));
  if (record === 1 && reconciler === 0 && poster < 4)
    move.fault('earlyReconciler', 'reconciler reads a POSTING record early', (next) => (next.reconciler = 1));
  for (const [stage, what, apply] of [
    [1, 'inserts entry 0', postEntry],
    [2, 'creates the job node', createMissing],
    [3, 'marks POSTED', acknowledge],
  ] as const)
    if (reconciler === stage)
      move.to(`reconciler ${what}`, (next) => {
        apply(next);
        next.reconciler = stage + 1;
      });
}

/** Whoever answers a delegate stores the answer first, and wakes afterwards (P-1103). */
export function delegatesAreAnswered(move: Move): void {
  const { before, rules } = move;
  const isWrongOrder = rules.has('wakeBeforeStore');
  const order = isWrongOrder ? (['look', 'wake', 'store'] as const) : (['store', 'look', 'wake'] as const);
  for (const step of rules.variant.flow.split('').keys()) {
    const isOpen = before.journal.some((entry) => entry.kind === 'turn' && entry.step === step);
    const done = before.answering[step] ?? 0;
    const what = order[done];
    if (!rules.isDelegate(step) || !isOpen || what === undefined) continue;
    const goOn = (next: State, to = done + 1): void => {
      next.answering = withAt(next.answering, step, to);
    };
    if (what === 'store')
      move.to(`answer ${step} is stored`, (next) => {
        next.answers = withAt(next.answers, step, true);
        goOn(next);
      });
    if (what === 'look')
      move.to(`answerer ${step} looks for the dormant node`, (next) => {
        const life = next.dormant.length > 0 ? Math.max(...next.dormant) : -1;
        next.answererLife = withAt(next.answererLife, step, life);
        if (life < 0) goOn(next, isWrongOrder ? 2 : 3);
        else goOn(next);
      });
    if (what === 'wake')
      move.to(`answerer ${step} wakes`, (next) => {
        wake(rules, next, next.answererLife[step] ?? -1);
        next.answererLife = withAt(next.answererLife, step, -1);
        goOn(next);
      });
    if (before.answers[step] === true)
      move.fault('answererCrash', `answerer ${step} crashes`, (next) => {
        next.answererLife = withAt(next.answererLife, step, -1);
        goOn(next, 3);
      });
  }
}

export function flowsAreWoken(move: Move): void {
  const { before, rules } = move;
  const { dormant, journal, jobs, isRerunStored } = before;
  if (dormant.length > 0)
    move.fault('waker', 'a second waker (timer, operator) looks at the dormant node', (next) => {
      next.wakers = [...next.wakers, Math.max(...next.dormant)];
    });
  for (const [index, life] of before.wakers.entries())
    move.to(`the second waker wakes life ${life}`, (next) => {
      next.wakers = without(next.wakers, index);
      wake(rules, next, life);
    });
  if (!rules.variant.withSweep) return;
  const run = known(rules, journal, journal.length - 1);
  const isReopened = journal.some(({ kind }) => kind === 'reopen');
  if (isRerunStored && !isReopened && dormant.length === 0 && jobs.every((version) => version < 0))
    move.to('sweep finds the rerun command', (next) => (next.jobs = withAt(next.jobs, run.life + 1, 0)));
  const isAnswered = rules.isDelegate(run.step) && before.answers[run.step] === true;
  if (dormant.length > 0 && (run.isOver || isAnswered))
    move.to('sweep wakes', (next) => wake(rules, next, Math.max(...dormant)));
}

/** P-604: the command first, then a node of the next life, once the board has none: the run may be about to be settled. */
export function rerunIsWanted(move: Move): void {
  const { before, rules } = move;
  const { journal, rerunClient, jobs, dormant } = before;
  if (rerunClient === 0 && journal.some(({ kind }) => kind === 'terminal') && move.allows('rerun'))
    move.to('a rerun command is stored', (next) => {
      next.budget = { ...next.budget, rerun: (next.budget['rerun'] ?? 0) - 1 };
      next.isRerunStored = true;
      next.rerunClient = 1;
    });
  if (rerunClient === 1) {
    const isThere = jobs.some((version) => version >= 0) || dormant.length > 0;
    if (!isThere || rules.was('rerunClientLeaves'))
      move.to('the client of rerun looks at the board', (next) => (next.rerunClient = isThere ? 3 : 2));
  }
  if (rerunClient === 2)
    move.to('the client of rerun creates a node of the next life', (next) => {
      const life = known(rules, journal, journal.length - 1).life + 1;
      if ((next.jobs[life] ?? -1) < 0) next.jobs = withAt(next.jobs, life, 0);
      next.rerunClient = 3;
    });
}
