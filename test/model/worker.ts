/** What one worker may do next. */
import { broken } from './journal.js';
import { reply } from './log.js';
import { workerOf, type Move } from './move.js';
import { withAt, type Progress, type RequestMessage, type State, type Worker } from './state.js';

type Request = Exclude<RequestMessage, { readonly type: 'done' }>;

export function workerMoves(move: Move, index: number): void {
  const { isAlive, inbox, progress, replyTo } = workerOf(move.before, index);
  if (!isAlive) return;
  const [first, ...rest] = inbox;
  if (first !== undefined)
    move.to(`W${index} reads ${first.type} ${first.step}`, (next) => {
      workerOf(next, index).inbox = rest;
      receive(move, next, index, first);
    });
  for (const [step, each] of progress.entries()) {
    if (each !== 1) continue;
    const inboxOfOwner = replyTo[step] ?? -1;
    move.to(`W${index} finishes ${step}, its result is acknowledged`, (next) => {
      const worker = workerOf(next, index);
      become(worker, step, 2);
      reply(next, inboxOfOwner, { type: 'result', step, delivery: 0 });
      if (worker.isRegistered) next.acknowledgedResults |= 1 << step;
    });
    if (move.rules.variant.lateResults)
      move.fault('unknown', `W${index} finishes ${step}, its result is in flight`, (next) => {
        next.late = [...next.late, { type: 'result', by: index, inbox: inboxOfOwner, step, delivery: 0 }];
      });
  }
}

function receive(move: Move, next: State, index: number, message: RequestMessage): void {
  const { rules } = move;
  const worker = workerOf(next, index);
  const { step, fence, type } = message;
  if (type === 'request' && message.epoch !== index && !rules.has('workerIgnoresEpoch')) return; // P-901
  if (type === 'probe' && message.epoch !== index && !rules.was('probeWithoutEpoch')) return; // P-803
  if (fence < worker.highestFence && !rules.has('workerIgnoresFence')) return; // P-911
  worker.highestFence = Math.max(worker.highestFence, fence);
  if (type === 'done') return confirmed(move, worker, step);
  if (type === 'probe') return asked(move, next, worker, message);
  const progress = worker.progress[step] ?? 0;
  if (progress === 3) return;
  if (progress > 0) {
    answerTo(worker, step, message.replyTo);
    if (progress === 2) reply(next, message.replyTo, { type: 'result', step, delivery: 0 });
    return;
  }
  // it has answered "unknown" for this delivery (P-803)
  if (message.delivery > (worker.promised[step] ?? 0)) start(move, next, worker, message);
}

function confirmed({ rules }: Move, worker: Worker, step: number): void {
  if (worker.progress[step] !== 2) return;
  become(worker, step, rules.was('doneForgets') ? 0 : 3);
  answerTo(worker, step, -1);
}

function asked({ rules }: Move, next: State, worker: Worker, { step, delivery, replyTo }: Request): void {
  const progress = worker.progress[step] ?? 0;
  if (progress === 3) return;
  if (progress === 0) {
    if (!rules.was('unknownIsNoPromise')) worker.promised = withAt(worker.promised, step, delivery);
    return reply(next, replyTo, { type: 'unknown', step, delivery });
  }
  if (!rules.has('probeWithoutSlot')) answerTo(worker, step, replyTo);
  if (progress === 1) return reply(next, replyTo, { type: 'accepted', step, delivery: 0 });
  return reply(next, worker.replyTo[step] ?? replyTo, { type: 'result', step, delivery: 0 });
}

function start(
  { rules }: Move,
  next: State,
  worker: Worker,
  { step, delivery, replyTo, epoch }: Request,
): void {
  become(worker, step, 1);
  answerTo(worker, step, replyTo);
  // what a handler that uses the idempotency key sees
  const key = rules.has('resendNewId') ? delivery : 1;
  const before = next.keys[step] ?? 0;
  if (before !== 0 && before !== key) broken(next, 'I09: two effects of one step under different keys');
  next.keys = withAt(next.keys, step, key);
  const isRecorded = next.journal.some(
    (entry) =>
      entry.kind === 'turn' && entry.step === step && entry.delivery === delivery && entry.worker === epoch,
  );
  if (!isRecorded) broken(next, 'P-412: a request was executed that no entry records');
  if ((next.recorded & (1 << step)) !== 0 && rules.variant.strict)
    broken(next, 'P-103: a step was started after its result was recorded');
}

function become(worker: Worker, step: number, progress: Progress): void {
  worker.progress = withAt(worker.progress, step, progress);
}

function answerTo(worker: Worker, step: number, inbox: number): void {
  worker.replyTo = withAt(worker.replyTo, step, inbox);
}
