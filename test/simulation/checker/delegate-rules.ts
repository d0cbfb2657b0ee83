/** C-1108, C-1109: the first answer to an attempt of a delegate that is stored is what becomes of it, once; an answer that counts is not lost. */
import { attemptOf, atomNameOf, flowIdOf, roundOf } from '@baton/core';
import type { ActivationFact, AtomFact, JsonValue } from '@baton/core';
import type { NodeDefinition } from '@baton/flow';
import type { StoredCommand, StoredEntry } from '../history.js';
import { isOrderedJob, isRoutedJob } from './evidence.js';
import type { Evidence, JobEvidence, Violations } from './evidence.js';
import { atomOf, outcomesOf, type Outcome } from './request-stories.js';

interface Answer extends StoredCommand {
  readonly n: number;
  readonly requestId: string;
}

export function* delegateRules(evidence: Evidence): Violations {
  const answers = answersOf(evidence.history.commands ?? new Map());
  for (const [requestId, given] of answers) {
    if (given.length > 1)
      yield `C-1109 ${requestId} has ${given.length} answers in the store: commands ${given.map(({ n }) => n).join()}`;
  }
  for (const job of evidence.jobs) {
    yield* outcomesAreAnswers(job, answers);
    yield* answersCount(job, answers);
  }
}

/** By request. */
function answersOf(commands: ReadonlyMap<string, StoredCommand>): ReadonlyMap<string, readonly Answer[]> {
  const found = new Map<string, Answer[]>();
  for (const [id, stored] of commands) {
    const { command, arguments: given } = stored.command;
    if (command !== 'answer-delegate') continue;
    const requestId = String(given?.['requestId']);
    const answer = { ...stored, requestId, n: Number(id.slice(id.lastIndexOf(':') + 1)) };
    found.set(requestId, [...(found.get(requestId) ?? []), answer]);
  }
  return found;
}

/** Nobody but who answers it says what a delegate gives. */
function* outcomesAreAnswers(job: JobEvidence, answers: ReadonlyMap<string, readonly Answer[]>): Violations {
  for (const { requestId, fact, stored } of delegateOutcomes(job)) {
    const answer = answers.get(requestId)?.[0];
    const isIn = answer !== undefined && answer.order < stored.order;
    const given = (isIn && answer.command.arguments) || {};
    const problem = misfit(fact, given);
    if (problem !== undefined) yield `C-1108 ${requestId} ${problem}`;
  }
}

function* delegateOutcomes(
  job: JobEvidence,
): Generator<Outcome & { readonly fact: AtomFact | ActivationFact }> {
  const delegates = delegatesOf(job);
  for (const { requestId, fact, stored } of outcomesOf(job)) {
    if (fact.fact === 'attempt' || requestId.includes('/revert/')) continue;
    const atom = fact.fact === 'atom' ? fact.atom : atomOf(fact.activation);
    if (delegates.has(atom)) yield { requestId, fact, stored };
  }
}

function delegatesOf(job: JobEvidence): ReadonlySet<string> {
  if (!isRoutedJob(job)) {
    const named = (node: NodeDefinition): string[] =>
      node.kind === 'task'
        ? node.delegate === undefined
          ? []
          : [node.name]
        : (node.children ?? []).flatMap(named);
    return isOrderedJob(job) ? new Set(named(job.job.definition.root)) : new Set();
  }
  return new Set(
    job.job.definition.root.atoms.flatMap(({ name, delegate }) => (delegate === undefined ? [] : [name])),
  );
}

function misfit(
  { to, value, failure }: AtomFact | ActivationFact,
  given: Readonly<Record<string, JsonValue>>,
): string | undefined {
  const own = value && 'data' in value ? value.data : undefined;
  // of a fan-out the whole has a list, and a failure of its own
  if (Array.isArray(own)) return undefined;
  const answered = JSON.stringify(given['value'] ?? null);
  if (own !== undefined && answered !== JSON.stringify(value))
    return `gave ${JSON.stringify(own)}, answered was ${answered}`;
  if (to === 'SUCCESS' && given['value'] === undefined)
    return 'is SUCCESS and nobody answered it with a value';
  if (failure?.code !== 'DELEGATE_FAILED') return undefined;
  const said = (given['failure'] as { message?: string } | undefined)?.message;
  return failure.message === said ? undefined : `failed with ${failure.message}, answered was ${said}`;
}

/** What its owner took in while it was waited for has ended the attempt by then: in the entry that says so, or before. */
function* answersCount(job: JobEvidence, answers: ReadonlyMap<string, readonly Answer[]>): Violations {
  const { jobId } = job.job;
  for (const [requestId, [answer]] of answers) {
    if (answer === undefined || flowIdOf(requestId) !== jobId) continue;
    const taken = job.entries.find(({ entry }) =>
      entry.facts.some((fact) => fact.fact === 'command' && fact.n === answer.n),
    );
    if (taken !== undefined && isWaiting(job.entries, taken, requestId))
      yield `C-1108 ${requestId} waits on after its answer was taken in with entry ${taken.entry.seq}`;
  }
}

function isWaiting(entries: readonly StoredEntry[], through: StoredEntry, requestId: string): boolean {
  const [atom, attempt, round] = [atomNameOf(requestId), attemptOf(requestId), roundOf(requestId)];
  let [waits, now] = [false, 0];
  for (const { entry } of entries) {
    if (entry.seq > through.entry.seq) break;
    for (const fact of entry.facts) {
      // an ordered run that is cancelled leaves its atoms as they are
      if (fact.fact === 'flow' && fact.to === 'CANCELLED') waits = false;
      if (fact.fact === 'atom' && fact.atom === atom) {
        now = fact.round ?? now;
        waits = fact.to === 'RUNNING' && fact.attempt === attempt && now === round;
      }
      if (fact.fact === 'attempt' && fact.atom === atom) waits = fact.attempt === attempt && now === round;
      if (fact.fact !== 'activation' || fact.activation !== atom) continue;
      waits = fact.to === 'RUNNING' && fact.attempt === attempt;
    }
  }
  return waits;
}
