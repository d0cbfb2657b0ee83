/** Of ordered runs: I04 (legal changes), I05, I11, I13, and what a run says of itself against the world outside (I09); of all runs: I14, I15. */
import { type AtomState, type Fact, flowOutcomes, type FlowState } from '@baton/core';
import { fold, newRun } from '@baton/engine';
import { retryNameOf, type NodeDefinition } from '@baton/flow';
import { isOrderedJob } from './evidence.js';
import type { Evidence, JobEvidence, OrderedJob, RunEnd, Step, Violations } from './evidence.js';

export function* runRules(evidence: Evidence): Violations {
  for (const job of evidence.jobs) {
    if (job.entries.length === 0) continue;
    if (isOrderedJob(job)) yield* orderedRun(job, evidence);
    yield* commandsOf(job);
    yield* suspensionsOf(job);
    yield* timersOf(job, evidence);
  }
}

function* orderedRun(job: OrderedJob, evidence: Evidence): Violations {
  const steps: Step[] = [];
  const end = folded(job, steps);
  if (typeof end === 'string') yield `I04 ${job.job.jobId}: ${end}`;
  yield* orderOf(job, steps);
  yield* roundsOf(job, steps);
  if (typeof end !== 'string') yield* worldOf(job, end, evidence);
}

/** The engine's own fold refuses what its tables do not allow; what it told is judged here. */
function folded({ job, compiled, entries }: OrderedJob, steps: Step[]): RunEnd | string {
  const states = new Map<string, AtomState>();
  let flow: FlowState = 'PENDING';
  const run = newRun(compiled, { flowId: job.jobId, store: {} });
  try {
    for (const entry of entries)
      fold(run, entry.entry.facts, (transition) => {
        if (transition.of === 'flow') return void (flow = transition.to);
        if (transition.of === 'activation') return;
        const { atom, from, to } = transition;
        states.set(atom, to);
        steps.push({ entry, atom, from, to, states: new Map(states) });
      });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const last = entries.at(-1)?.entry;
  const isTerminal = last?.kind === 'terminal';
  return {
    states,
    flow,
    outcome: isTerminal ? last.outcome : undefined,
    isRefused: isTerminal && last.reason !== undefined,
  };
}

/** Atom → atoms that come directly before it, by the shape of the flow alone. */
function predecessors(root: NodeDefinition): ReadonlyMap<string, readonly string[]> {
  const before = new Map<string, readonly string[]>();
  const visit = (node: NodeDefinition, after: readonly string[]): string[] => {
    if (node.kind === 'task') {
      before.set(node.name, after);
      return [node.name];
    }
    const retry = node.retry && retryNameOf(node);
    if (retry !== undefined) before.set(retry, after);
    const first = retry === undefined ? after : [retry];
    const atoms: string[][] = [];
    for (const [index, child] of (node.children ?? []).entries()) {
      const sources =
        node.kind === 'linear'
          ? atoms.slice(-1)
          : (node.links ?? []).filter(({ to }) => to === index).map(({ from }) => atoms[from] ?? []);
      atoms.push(visit(child, sources.length > 0 ? sources.flat() : first));
    }
    return [...(retry === undefined ? [] : [retry]), ...atoms.flat()];
  };
  visit(root, []);
  return before;
}

const isDone = (state: AtomState | undefined): boolean => state === 'SUCCESS' || state === 'IGNORE';
/** What has work that is not undone. */
const standing: ReadonlySet<AtomState | undefined> = new Set([
  'RUNNING',
  'SUCCESS',
  'FAILURE',
  'REVERTING',
  'RETRYING',
]);

/** Atoms after it; what was ignored stands in nobody's way, so those after that as well. */
function behind(
  atom: string,
  after: ReadonlyMap<string, readonly string[]>,
  states: ReadonlyMap<string, AtomState>,
): ReadonlySet<string> {
  const found = new Set(after.get(atom));
  for (const each of found)
    if (states.get(each) === 'IGNORE') for (const next of after.get(each) ?? []) found.add(next);
  return found;
}

function* orderOf({ job: { jobId, definition } }: OrderedJob, steps: readonly Step[]): Violations {
  const before = predecessors(definition.root);
  const after = new Map<string, string[]>();
  for (const [atom, sources] of before)
    for (const source of sources) after.set(source, [...(after.get(source) ?? []), atom]);
  for (const { atom, to, states, entry } of steps) {
    if (to === 'RUNNING')
      for (const source of before.get(atom) ?? [])
        if (!isDone(states.get(source)))
          yield `I05 ${jobId}: entry ${entry.entry.seq} starts ${atom} while ${source} is ${states.get(source) ?? 'PENDING'}`;
    if (to === 'REVERTING')
      for (const later of behind(atom, after, states))
        if (standing.has(states.get(later)))
          yield `I11 ${jobId}: entry ${entry.entry.seq} undoes ${atom} while ${later} is ${states.get(later)}`;
  }
}

/** Rounds of each controller, attempts of each task in a round: consecutive, and no more than its policy allows. */
function* roundsOf({ job: { jobId, definition }, entries }: OrderedJob, steps: readonly Step[]): Violations {
  const allowed = new Map<string, number>();
  const attemptsMax = new Map<string, number>();
  const visit = (node: NodeDefinition): void => {
    if (node.kind === 'task') return void attemptsMax.set(node.name, node.attempts?.max ?? 1);
    const { retry } = node;
    if (retry?.kind === 'times') allowed.set(retryNameOf(node), retry.attempts ?? 1);
    else if (retry?.kind === 'forEach') allowed.set(retryNameOf(node), retry.values?.length ?? 0);
    else if (retry !== undefined) allowed.set(retryNameOf(node), retry.kind === 'custom' ? 2 : 1);
    node.children?.forEach(visit);
  };
  visit(definition.root);
  const rounds = new Map<string, number>();
  for (const { atom, from, to } of steps) {
    if (to === 'RUNNING') rounds.set(atom, from === 'RETRYING' ? (rounds.get(atom) ?? 0) + 1 : 1);
    const max = allowed.get(atom);
    if (to === 'RUNNING' && max !== undefined && (rounds.get(atom) ?? 0) > max)
      yield `I13 ${jobId}: ${atom} begins round ${rounds.get(atom)} of ${max}`;
  }
  const attempts = new Map<string, number>();
  for (const fact of entries.flatMap(({ entry }) => entry.facts)) {
    if (fact.fact === 'atom' && fact.to === 'RUNNING') attempts.set(fact.atom, fact.attempt ?? 1);
    if (fact.fact !== 'attempt') continue;
    const last = attempts.get(fact.atom) ?? 0;
    if (fact.attempt !== last + 1)
      yield `I13 ${jobId}: attempt ${fact.attempt} of ${fact.atom} follows ${last}`;
    if (fact.attempt > (attemptsMax.get(fact.atom) ?? 1))
      yield `I13 ${jobId}: attempt ${fact.attempt} of ${fact.atom}, allowed are ${attemptsMax.get(fact.atom)}`;
    attempts.set(fact.atom, fact.attempt);
  }
}

/** Commands are applied once, in their order; after the entry that applies a cancel nothing starts but reverts. */
function* commandsOf({ job: { jobId }, entries }: JobEvidence): Violations {
  const numbers = entries.flatMap(({ entry }) =>
    entry.facts.flatMap((fact) => (fact.fact === 'command' ? [fact.n] : [])),
  );
  for (const [index, n] of numbers.entries())
    if (n !== index + 1) yield `I14 ${jobId}: command ${n} was applied as number ${index + 1}`;
  const isCancel = (fact: Fact): boolean => fact.fact === 'command' && fact.command === 'cancel';
  let cancelled: number | undefined;
  for (const { entry, order } of entries)
    for (const fact of entry.facts) {
      if (isCancel(fact)) cancelled ??= order;
      if (isReopening(fact)) cancelled = undefined;
      if (cancelled === undefined || order <= cancelled) continue;
      const atom = begunBy(fact, ['RUNNING']);
      if (atom !== undefined) yield `I14 ${jobId}: ${atom} starts after the run was cancelled`;
      if (fact.fact === 'request' && fact.action === 'execute')
        yield `I14 ${jobId}: ${fact.requestId} is ${fact.state} after the run was cancelled`;
    }
}

/** A run that was over goes on (P-604), or begins again. */
function isReopening(fact: Fact): boolean {
  return fact.fact === 'flow' && (flowOutcomes as readonly string[]).includes(fact.from);
}

/** What it begins; undefined: nothing. An activation that goes on has no number of an attempt. */
function begunBy(fact: Fact, states: readonly string[]): string | undefined {
  if (fact.fact === 'atom') return states.includes(fact.to) ? fact.atom : undefined;
  if (fact.fact !== 'activation' || !states.includes(fact.to)) return undefined;
  return fact.to === 'RUNNING' && fact.attempt === undefined ? undefined : fact.activation;
}

/** From the fact that suspends a run to the one that has it go on nothing begins, and nothing is given to a worker (E-1001). */
export function* suspensionsOf({
  job: { jobId },
  entries,
}: Pick<JobEvidence, 'job' | 'entries'>): Violations {
  let flow: FlowState = 'PENDING';
  for (const { entry } of entries)
    for (const fact of entry.facts) {
      if (fact.fact === 'flow') flow = fact.to;
      if (flow !== 'SUSPENDING' && flow !== 'SUSPENDED') continue;
      const atom = begunBy(fact, ['RUNNING', 'REVERTING', 'RETRYING']);
      if (atom !== undefined && 'to' in fact)
        yield `I14 ${jobId}: ${atom} is ${fact.to} while the run is ${flow}`;
      if (fact.fact === 'request' && fact.state === 'assigned')
        yield `I14 ${jobId}: ${fact.requestId} is assigned while the run is ${flow}`;
    }
}

/** Each timer fires once, and never early: by the clock of its own process, or by the right time if another one fires it (H53). */
function* timersOf({ job: { jobId }, entries }: JobEvidence, { clocks }: Evidence): Violations {
  const set = new Map<
    string,
    { readonly dueAtMs: number; readonly delayMs: number; readonly claim: string | undefined }
  >();
  let claims = 0;
  for (const stored of entries) {
    if (stored.entry.kind === 'claim') claims++;
    const claim = stored.writer && `${stored.writer} ${claims}`;
    for (const fact of stored.entry.facts) {
      if (fact.fact !== 'timer') continue;
      if (fact.state === 'set') {
        // as whoever set it saw the time, which is not when the entry was made: a busy machine may take long in between
        const { delayMs = 0, dueAtMs = stored.entry.atMs + delayMs } = fact;
        set.set(fact.id, { dueAtMs, delayMs, claim });
        continue;
      }
      const timer = set.get(fact.id);
      if (timer === undefined) yield `I15 ${jobId}: timer ${fact.id} is ${fact.state} and was not set`;
      else if (fact.state === 'fired') {
        const isOwn = timer.claim !== undefined && timer.claim === claim;
        const { startMs, slackMs, drift } = clocks;
        const earlyMs = timer.dueAtMs - (isOwn ? stored.entry.atMs : startMs + stored.atMs);
        if (earlyMs > slackMs + timer.delayMs * (1 - 1 / drift))
          yield `I15 ${jobId}: timer ${fact.id} fired ${earlyMs} ms early`;
      }
      set.delete(fact.id);
    }
  }
}

/** What stands outside must be what the run says: everything after SUCCESS, nothing that was undone. */
function* worldOf({ job, told }: OrderedJob, end: RunEnd, { world }: Evidence): Violations {
  const { jobId } = job;
  if (end.outcome === undefined) return;
  if (told !== undefined && told !== end.outcome)
    yield `I06 ${jobId}: its user was told ${told}, it is ${end.outcome}`;
  const waits = waitsOf(job.definition.root);
  // what asks for the answer of a delegate has done so, whatever becomes of that
  const there = world.standing(jobId).filter((atom) => !waits.has(atom));
  for (const atom of new Set(there.filter((each, index) => there.indexOf(each) !== index)))
    yield `I11 ${jobId}: the effect of ${atom} stands twice`;
  for (const [atom, state] of end.states) {
    const stands = there.includes(atom);
    if (state === 'SUCCESS' && !stands && !isController(atom) && !waits.has(atom))
      yield `I09 ${jobId}: ${atom} is SUCCESS and its effect is not there`;
    if ((state === 'REVERTED' || state === 'PENDING' || state === 'IGNORE') && stands)
      yield `I09 ${jobId}: ${atom} is ${state} and its effect stands`;
    if (end.outcome === 'SUCCESS' && !isDone(state)) yield `I04 ${jobId} is SUCCESS and ${atom} is ${state}`;
    // a controller that does not ask its parent undoes its own scope and no more (E-624)
    const isWhole = job.definition.options?.deferReverts !== false;
    if (end.outcome === 'REVERTED' && isWhole && standing.has(state))
      yield `I04 ${jobId} is REVERTED and ${atom} is ${state}`;
  }
  if (end.outcome !== end.flow && !end.isRefused)
    yield `I04 ${jobId}: its terminal entry says ${end.outcome}, its flow is ${end.flow}`;
}

/** Atoms that nobody runs: they wait for an answer, or for a time. */
function waitsOf(node: NodeDefinition): ReadonlySet<string> {
  if (node.kind !== 'task') return new Set((node.children ?? []).flatMap((child) => [...waitsOf(child)]));
  return new Set(node.delegate === undefined && node.task !== 'std.sleep' ? [] : [node.name]);
}

function isController(atom: string): boolean {
  return atom.endsWith('_retry');
}
