/** An owner and its open request: adopts it, asks about it, sends it again, takes its answer (sections 8 and 9). */
import { opening, resending, afterTurn } from './owner.js';
import { compacts } from './compaction.js';
import type { ConductorMoves } from './conductor.js';
import { hasResult, toWorker } from './log.js';
import { workerOf } from './move.js';
import { save } from './owner.js';
import { blank, nothingKnown, type Entry, type RequestMessage, type State } from './state.js';

/** P-802: every inbox that may hold the answer is read first. */
export function adopts(moves: ConductorMoves): void {
  const { move, self } = moves;
  const { rules, before } = move;
  const { step, worker, places } = self.known ?? nothingKnown;
  if (!rules.has('skipWatermark') && hasResult(before, places, step))
    return moves.each(opening(moves.owner(before), step + 1, step), 'finds the result in a former inbox');
  // the loss is seen and the inboxes are read in this same step (P-804)
  if (!workerOf(before, worker).isRegistered)
    return moves.each(resending(moves.owner(before)), 'sends again');
  moves.to('finds no result yet', (_, next) => (next.stage = 'probe'));
}

/** P-803. */
export function probes(moves: ConductorMoves): void {
  const { move, self, index } = moves;
  const { step, delivery, worker } = self.known ?? nothingKnown;
  if (move.rules.has('resendInsteadOfProbe'))
    return moves.each(resending(moves.owner(move.before)), 'sends again without a probe');
  const probe = { type: 'probe', step, delivery, fence: self.fence, replyTo: index, epoch: worker } as const;
  produce(moves, { worker, message: probe }, (next) =>
    Object.assign(next, { stage: 'wait', isAdopting: true }),
  );
}

/** The next of what is queued (P-412). */
export function sends(moves: ConductorMoves): void {
  const [first, ...rest] = moves.self.toSend;
  if (first === undefined) return;
  produce(moves, first, (self) => {
    self.toSend = rest;
    self.stage = rest.length > 0 ? 'send' : afterTurn(moves.move.rules, self);
  });
}

export function sendsAtOnce({ move, index, self }: ConductorMoves, next: State, entry: Entry): void {
  const { step, delivery, worker: epoch } = entry;
  const { fence } = self;
  toWorker(move.rules, next, epoch, { type: 'request', step, delivery, fence, replyTo: index, epoch });
}

function produce(
  moves: ConductorMoves,
  { worker, message }: { readonly worker: number; readonly message: RequestMessage },
  then: (self: ConductorMoves['self']) => unknown,
): void {
  const { rules } = moves.move;
  const what = `sends ${message.type} ${message.step} to W${worker}`;
  moves.to(what, (next, self) => {
    toWorker(rules, next, worker, message);
    then(self);
  });
  moves.fault('unknown', `${what}, answer lost`, (next) => toWorker(rules, next, worker, message));
  if (message.type === 'request')
    moves.fault('unknown', `${what}, in flight`, (next) => {
      next.late = [...next.late, { type: 'request', by: moves.index, worker, message }];
    });
}

/** A request is open. */
export function waitsForTask(moves: ConductorMoves): void {
  const { move } = moves;
  readsReply(moves);
  findsInFormerInbox(moves);
  seesLoss(moves);
  staysQuiet(moves);
  if (move.allows('abandon'))
    moves.fault('abandon', 'decides to abandon', (_, self) => (self.stage = 'abandon'));
  compacts(moves);
}

function readsReply(moves: ConductorMoves): void {
  const { move, self, index } = moves;
  const { rules, before } = move;
  const { step, delivery } = self.known ?? nothingKnown;
  const reply = before.replies[index]?.[self.position];
  if (reply === undefined) return;
  const read = (_: State, next: ConductorMoves['self']): void => void next.position++;
  const isMine = reply.step === step;
  if (reply.type === 'result' && (isMine || rules.has('anyResultTaken')))
    return moves.each(opening(moves.owner(before), step + 1, step), `reads result ${step}`, read);
  if (
    reply.type === 'unknown' &&
    isMine &&
    (reply.delivery === delivery || rules.has('unknownWithoutDelivery'))
  )
    return moves.each(resending(moves.owner(before)), 'reads that it is unknown and sends again', read);
  moves.to(`reads ${reply.type} ${reply.step}`, (next, owner) => {
    read(next, owner);
    if (reply.type === 'accepted' && isMine) owner.isAdopting = false;
  });
}

function findsInFormerInbox(moves: ConductorMoves): void {
  const { move, self, index } = moves;
  const { step, places } = self.known ?? nothingKnown;
  const former = places.filter(([inbox]) => inbox !== index);
  if (self.isAdopting && hasResult(move.before, former, step))
    moves.each(opening(moves.owner(move.before), step + 1, step), `finds result ${step} in a former inbox`);
}

/** P-932: the own inbox, and in an adoption the former ones, are read up to their ends after the loss. */
function seesLoss(moves: ConductorMoves): void {
  const { move, self, index } = moves;
  const { rules, before } = move;
  const { step, delivery, worker, places } = self.known ?? nothingKnown;
  const { isRegistered, isAlive, progress, inbox } = workerOf(before, worker);
  const own = [index, self.position] as const;
  const isUnread = before.replies[index]?.[self.position] !== undefined;
  if (!isRegistered) {
    const all = self.isAdopting ? [...places, own] : [own];
    if (!rules.has('skipWatermark') && hasResult(before, all, step))
      moves.each(opening(moves.owner(before), step + 1, step), `sees W${worker} lost, finds result ${step}`);
    else moves.each(resending(moves.owner(before)), `sees W${worker} lost, sends again`);
  } else if (!isUnread && isAlive && progress[step] !== 1 && inbox.length === 0) {
    // its heartbeat does not list the request (P-804, H34)
    const probe = {
      type: 'probe',
      step,
      delivery,
      fence: self.fence,
      replyTo: index,
      epoch: worker,
    } as const;
    moves.to(`misses request ${step} in the heartbeat of W${worker} and probes`, (next) =>
      toWorker(rules, next, worker, probe),
    );
  }
  if (rules.was('resendOnSilence') && isRegistered && !isUnread && delivery < 2) {
    const elsewhere = resending(moves.owner(before)).filter((entry) => entry.worker !== worker);
    moves.each(elsewhere, 'has no answer in time and sends again without a probe');
  }
}

/** P-506: owners that die while a healthy task runs do not count. */
function staysQuiet(moves: ConductorMoves): void {
  const { move, index, self } = moves;
  const { variant } = move.rules;
  if (variant.poison === 0 || (self.known?.idleClaims ?? 0) === 0 || move.rules.was('poisonCountsEveryClaim'))
    return;
  const note: Entry = { ...blank, kind: 'note', by: index, fence: self.fence };
  moves.to('has kept the job for a while and notes it', (_, next) => save(next, note, 'wait'));
}
