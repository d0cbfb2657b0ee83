/**
 * Purpose: what the API shows of a job: chosen field by field, so that nothing of our insides (sessions, nonces, partitions) and no stack of user code goes out.
 */
import type { Fact, Failure, JournalEntry } from '@baton/core';
import { formatFence } from '@baton/core';
import type { AtomReport, Client, JobReport } from '@baton/client';

type Listing = Awaited<ReturnType<Client['jobs']>>[number];
type Detail = Awaited<ReturnType<Client['flows']>>[number];

export function listedOpen({ jobId, posting, state, owner }: Listing): object {
  const { name, definitionHash, priority, namespace, tags, createdAtMs } = posting;
  return {
    ...{ jobId, name, definitionHash, priority, namespace, tags, jobState: state, postedAtMs: createdAtMs },
    ...(owner && { owner: owner.member }),
  };
}

export function listedEnded(detail: Detail): object {
  const { flowId, name, definitionHash, state, outcome, owner, counts, postedAtMs, updatedAtMs } = detail;
  return {
    ...{ jobId: flowId, name, definitionHash, jobState: 'COMPLETE', flowState: state, outcome, owner },
    ...{ counts, postedAtMs, updatedAtMs },
  };
}

/** The job without its parts, which have paths of their own. */
export function header(report: JobReport): object {
  const { jobId, name, definitionHash, board, jobState, flowState, outcome, reason, owner, owners } = report;
  const { postedAtMs, updatedAtMs, commands, pending, seq, redelivered, notifications } = report;
  return {
    ...{ jobId, name, definitionHash, board, jobState, flowState, outcome, owner, owners },
    ...{ postedAtMs, updatedAtMs, seq, redelivered, notifications },
    commands: commands.map(({ n, command, atMs, by, reason: why }) => ({
      n,
      command,
      atMs,
      by,
      reason: why,
    })),
    pending: pending.map(({ n, command, atMs, by, reason: why }) => ({ n, command, atMs, by, reason: why })),
    ...(reason && { reason: withoutStack(reason) }),
  };
}

export function atomView({ failure, ...rest }: Partial<AtomReport>): object {
  return { ...rest, ...(failure && { failure: withoutStack(failure) }) };
}

/** Of sub-flows that have begun, in the order of the flow: the job of the last attempt of each. */
export function childrenOf(atoms: readonly AtomReport[]): readonly object[] {
  return atoms.flatMap(({ child: jobId, name: atom, state, attempt }) =>
    jobId === undefined ? [] : [{ jobId, atom, state, attempt }],
  );
}

/** A column for each field: small for many atoms, and drawn without a look at each. */
export function columns(atoms: readonly AtomReport[]): object {
  return {
    name: atoms.map(({ name }) => name),
    kind: atoms.map(({ kind }) => kind),
    state: atoms.map(({ state }) => state),
    attempt: atoms.map(({ attempt = null }) => attempt),
    round: atoms.map(({ round = null }) => round),
    worker: atoms.map(({ worker = null }) => worker),
  };
}

export function failureTree({ seq, reason, atoms }: JobReport): object {
  const failures = atoms.flatMap(({ name, state, failure }) =>
    failure === undefined ? [] : [{ atom: name, state, failure: withoutStack(failure) }],
  );
  return { seq, ...(reason && { reason: withoutStack(reason) }), failures };
}

/** Of facts, what tells how a run goes on. Values have `/data`. */
const shown = new Set([
  ...[
    'fact',
    'atom',
    'activation',
    'at',
    'by',
    'from',
    'to',
    'of',
    'round',
    'attempt',
    'retry',
    'join',
    'atoms',
  ],
  ...['requestId', 'action', 'state', 'delivery', 'losses', 'worker', 'id', 'delayMs', 'dueAtMs'],
  ...['n', 'command', 'reason', 'note', 'delay'],
]);

export function eventView(entry: JournalEntry): object {
  return {
    ...{ seq: entry.seq, kind: entry.kind, atMs: entry.atMs },
    ...(entry.kind === 'claim' && { member: entry.claim.member, fence: formatFence(entry.fence) }),
    ...(entry.kind === 'terminal' && { outcome: entry.outcome }),
    ...(entry.kind === 'terminal' && entry.reason && { reason: withoutStack(entry.reason) }),
    facts: entry.facts.map(factView),
  };
}

function factView(fact: Fact): object {
  const entries = Object.entries(fact).filter(([key]) => shown.has(key));
  return {
    ...Object.fromEntries(entries),
    ...('next' in fact && fact.next && { next: fact.next.map(({ to, event }) => ({ to, event })) }),
    ...('failure' in fact && fact.failure && { failure: withoutStack(fact.failure) }),
  };
}

function withoutStack({ stack: _, causes, ...rest }: Failure): Failure {
  return { ...rest, ...(causes && { causes: causes.map(withoutStack) }) };
}
