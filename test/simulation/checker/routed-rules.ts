/** Of routed runs: I04 (legal changes, a legal end), I05 (what nothing led to does not begin), I13 (attempts), and the world outside (I09, I11). */
import type { ActivationFact, ActivationState, Fact, FlowOutcome } from '@baton/core';
import { foldAny, newAnyRun } from '@baton/engine';
import { isRoutedJob, type Evidence, type RoutedJob, type Violations } from './evidence.js';
import { atomOf } from './request-stories.js';

export function* routedRules(evidence: Evidence): Violations {
  for (const job of evidence.jobs) {
    if (!isRoutedJob(job) || job.entries.length === 0) continue;
    yield* folded(job);
    const story = storyOf(job);
    yield* arrivalsOf(job, story);
    yield* attemptsOf(job);
    yield* endOf(job, story);
    yield* worldOf(job, story, evidence);
  }
}

/** The engine's own fold refuses what its tables do not allow. */
function* folded({ job: { jobId: flowId }, compiled, entries }: RoutedJob): Violations {
  const [first] = entries;
  const { store, env, lineage } = first?.entry.kind === 'post' ? first.entry.post : { store: {} };
  const run = newAnyRun(compiled, { flowId, store, ...(env && { env }), ...(lineage && { lineage }) });
  try {
    for (const { entry } of entries) foldAny(run, entry.facts);
  } catch (error) {
    yield `I04 ${flowId}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** What became of everything. */
interface Story {
  /** Activations and items → the last fact about them. */
  readonly last: ReadonlyMap<string, ActivationFact>;
  /** Those that an attempt of had begun. */
  readonly begun: ReadonlySet<string>;
  readonly facts: readonly Fact[];
  readonly outcome: FlowOutcome | undefined;
  /** What the flow itself says. */
  readonly flow: string;
  /** Ended without having been run on: poison, a turn that cannot be stored. */
  readonly isRefused: boolean;
}

function storyOf({ entries }: RoutedJob): Story {
  const last = new Map<string, ActivationFact>();
  const begun = new Set<string>();
  const facts = entries.flatMap(({ entry }) => entry.facts);
  let flow = 'PENDING';
  for (const fact of facts) {
    if (fact.fact === 'flow') flow = fact.to;
    if (fact.fact !== 'activation') continue;
    // how it failed stays, whatever is undone of it
    last.set(fact.activation, fact);
    if (fact.to === 'RUNNING' && fact.attempt !== undefined) begun.add(fact.activation);
  }
  const end = entries.at(-1)?.entry;
  const isOver = end?.kind === 'terminal';
  const outcome = isOver ? end.outcome : undefined;
  return { last, begun, facts, outcome, flow, isRefused: isOver && end.reason !== undefined };
}

/** Each arrival but those of the start is of a transition that was taken, once; and what was taken arrives, if the run goes on so long. */
function* arrivalsOf({ job: { jobId } }: RoutedJob, { facts, outcome, flow }: Story): Violations {
  const open = new Map<string, number>();
  const count = (key: string, more: number): number => {
    const next = (open.get(key) ?? 0) + more;
    open.set(key, next);
    return next;
  };
  for (const fact of facts) {
    if (fact.fact === 'activation')
      for (const { to, event } of fact.next ?? [])
        if (to !== 'noop') count(`${fact.activation} ${event} ${to}`, 1);
    if (fact.fact !== 'arrival' || fact.by === undefined) continue;
    const { activation, event } = fact.by;
    if (count(`${activation} ${event} ${fact.at}`, -1) < 0)
      yield `I05 ${jobId}: ${fact.at} was reached from ${activation} (${event}), which did not lead there`;
  }
  const isWhole = outcome === 'SUCCESS' && flow === 'SUCCESS' && !facts.some(isDecision);
  for (const [way, left] of isWhole ? open : [])
    if (left > 0) yield `I05 ${jobId} is SUCCESS and never followed ${way}`;
}

/** A command that ends a run leaves what is behind it. */
function isDecision(fact: Fact): boolean {
  return fact.fact === 'arrival' && (fact.at === 'succeed' || fact.at === 'fail');
}

/** Consecutive, and no more than its policy allows. */
function* attemptsOf({ job: { jobId, definition }, entries }: RoutedJob): Violations {
  const allowed = new Map(
    definition.root.atoms.map(({ name, attempts }) => [
      name,
      typeof attempts?.max === 'number' ? attempts.max : 1,
    ]),
  );
  const attempts = new Map<string, number>();
  for (const { entry } of entries)
    for (const fact of entry.facts) {
      if (fact.fact !== 'activation' || fact.to !== 'RUNNING' || fact.attempt === undefined) continue;
      const { activation, attempt } = fact;
      const before = attempts.get(activation) ?? 0;
      // items begin with the attempt of the whole, those that were not reached before too
      if (attempt !== before + 1 && !activation.endsWith(']'))
        yield `I13 ${jobId}: attempt ${attempt} of ${activation} follows ${before}`;
      if (attempt > (allowed.get(atomOf(activation)) ?? 1))
        yield `I13 ${jobId}: attempt ${attempt} of ${activation}, allowed are ${allowed.get(atomOf(activation))}`;
      attempts.set(activation, attempt);
    }
}

/** That of its parent (C-1209), or a person's. */
function isUndo(fact: Fact): boolean {
  return fact.fact === 'command' && (fact.command === 'revert' || fact.command === 'cancel');
}

const open: ReadonlySet<ActivationState> = new Set(['PENDING', 'WAITING', 'RUNNING', 'DELAYED', 'SUSPENDED']);

/** C-426, C-1305, C-1321: an end follows from what became of the activations, and from what people wanted. */
function* endOf({ job: { jobId, definition } }: RoutedJob, story: Story): Violations {
  const { last, facts, outcome, flow, isRefused } = story;
  if (outcome === undefined || isRefused) return;
  if (outcome !== flow) yield `I04 ${jobId}: its terminal entry says ${outcome}, its flow is ${flow}`;
  for (const [unit, { to }] of last)
    if (open.has(to)) yield `I04 ${jobId} is ${outcome} and ${unit} is ${to}`;
  const isDecided = facts.some(isDecision);
  const ended = [...last.values()].filter(({ activation }) => !activation.endsWith(']'));
  const unhandled = ended.find(
    ({ to, next = [] }) => to === 'FAILURE' && !next.some(({ event }) => event === 'error'),
  );
  const cancelled = ended.find(({ to }) => to === 'CANCELLED');
  if (outcome === 'SUCCESS' && !isDecided) {
    if (unhandled) yield `I04 ${jobId} is SUCCESS and nothing handled that ${unhandled.activation} failed`;
    if (cancelled) yield `I04 ${jobId} is SUCCESS and ${cancelled.activation} is CANCELLED`;
  }
  const isUndoing = definition.root.rollback === 'completed';
  // of a run that a person has undone it is a revert that failed
  const isStuck = ended.some(({ to }) => to === 'REVERT_FAILURE');
  if (outcome === 'FAILURE' && !isDecided && !isUndoing && !unhandled && !isStuck)
    yield `I04 ${jobId} is FAILURE and nothing failed`;
  if (outcome === 'REVERTED' && !isUndoing && !facts.some(isUndo))
    yield `I04 ${jobId} is REVERTED and is not to be undone`;
  const isCancel = (fact: Fact): boolean => fact.fact === 'command' && fact.command === 'cancel';
  if (outcome === 'CANCELLED' && !cancelled && !facts.some(isCancel))
    yield `I04 ${jobId} is CANCELLED and nobody wanted that`;
}

/** What stands outside must be what the run says; where a revert failed, and what was abandoned, anything may. */
function* worldOf(
  { job: { jobId, definition }, told }: RoutedJob,
  { last, begun, outcome }: Story,
  { world }: Evidence,
): Violations {
  if (outcome === undefined) return;
  if (told !== undefined && told !== outcome)
    yield `I06 ${jobId}: its user was told ${told}, it is ${outcome}`;
  const there = world.standing(jobId);
  for (const unit of new Set(there.filter((each, index) => there.indexOf(each) !== index)))
    yield `I11 ${jobId}: the effect of ${unit} stands twice`;
  const atoms = new Map(definition.root.atoms.map((atom) => [atom.name, atom]));
  for (const [unit, { to }] of last) {
    const { task, forEach } = atoms.get(atomOf(unit)) ?? {};
    if (task === undefined || task.startsWith('std.') || (forEach && !unit.endsWith(']'))) continue;
    const stands = there.includes(unit);
    if (to === 'SUCCESS' && !stands) yield `I09 ${jobId}: ${unit} is SUCCESS and its effect is not there`;
    if (to === 'REVERTED' && stands) yield `I09 ${jobId}: ${unit} is REVERTED and its effect stands`;
    if (!begun.has(unit) && stands) yield `I09 ${jobId}: ${unit} never began and its effect stands`;
    if (outcome === 'REVERTED' && (to === 'SUCCESS' || to === 'FAILURE') && stands)
      yield `I04 ${jobId} is REVERTED and the effect of ${unit}, which is ${to}, stands`;
  }
}
