/** Atoms that wait for a person or another system: which there are, what one of them asks for (C-1101 to C-1105). */
import {
  ConflictError,
  durationText,
  familyOf,
  InputError,
  type JsonValue,
  NotFoundError,
  requestIdOf,
  type Runtime,
} from '@baton/core';
import { awaitedOutside, type Expects, isRouted, parseAnyFlow } from '@baton/flow';
import type { NodeDefinition, RoutedAtomDefinition, TaskDefinition } from '@baton/flow';
import type { JobBoard } from '@baton/jobboard';
import type { FlowDetail, Persistence } from '@baton/persistence';
import type { AtomReport } from './atom-report.js';
import { type CommandOptions, giveCommand } from './give-command.js';
import type { JobReport } from './job-report.js';

/** One of a list. */
export interface ListedDelegate {
  readonly jobId: string;
  /** Name of the job. */
  readonly name: string;
  readonly atom: string;
  /** Of an ordered flow: the round of its retry controller in which that attempt is. */
  readonly round?: number;
  readonly attempt: number;
  /** The name by which those outside know it. */
  readonly delegate: string;
  readonly sinceMs: number;
  /** When nobody waits any more, cluster time. */
  readonly dueAtMs?: number;
}

/** With what somebody needs to answer it. */
export interface DelegateReport extends Omit<ListedDelegate, 'sinceMs'> {
  /** What the atom was given, as far as that is not stored apart. */
  readonly args: Readonly<Record<string, JsonValue>>;
  /** What the answer must be; absent: anything. */
  readonly expects?: Expects;
}

export interface DelegateAttempt {
  /** As the job tells it: `approve`, `approve#2`, of a fan-out `approve[3]`. */
  readonly atom: string;
  /** Default: the last one. */
  readonly attempt?: number;
  /** Of an ordered flow: the round in which that attempt is, each of which begins with attempt 1. Default: the last one; needed beside `attempt` from the second on. */
  readonly round?: number;
}

export interface ExtendOptions extends DelegateAttempt, Pick<CommandOptions, 'by' | 'reason'> {
  /** By how much longer its answer is waited for than it would be. */
  readonly byMs: number;
  /** How long from now it may be waited for at most. */
  readonly mostMs: number;
}

export interface Extended {
  readonly commandId: number;
  /** Until when its answer is waited for, once that is applied. */
  readonly dueAtMs: number;
}

export interface DelegatesPage {
  readonly delegates: readonly ListedDelegate[];
  /** What the next page comes `after`; absent: this was the last. */
  readonly next?: string;
}

/** That of the host, and that of the board. */
export interface Clocks {
  readonly runtime: Pick<Runtime, 'clock'>;
  readonly board: Pick<JobBoard, 'timeMs'>;
}

/** How long after its time an answer is still taken, if no owner has found out yet that the time is over. */
const GRACE_MS = 60_000;
/** Flows that are read at a time, with what 100 delegates of each say at most. */
const FLOWS_READ = 200;

/**
 * A page of what waits for an answer, of all boards, by descending id of the job; from the read model, which may lag: of one job the first 100.
 * @throws UnavailableError
 */
export async function listDelegates(
  { readModels, definitions }: Pick<Persistence, 'readModels' | 'definitions'>,
  { after, limit }: { readonly after?: string; readonly limit: number },
): Promise<DelegatesPage> {
  const [afterJob, afterAtom = ''] = split(after);
  const found: ListedDelegate[] = [];
  const names = new Map<string, Promise<DelegateNames>>();
  const take = async (detail: FlowDetail): Promise<void> => {
    const { flowId: jobId, name, definitionHash, delegates = [] } = detail;
    if (delegates.length === 0) return;
    const known = names.get(definitionHash) ?? delegateNames(definitions, definitionHash);
    names.set(definitionHash, known);
    const nameOf = await known;
    const waiting = delegates.map((each) => ({ jobId, name, ...each, delegate: nameOf(each.atom) }));
    found.push(...waiting.toSorted((a, b) => (a.atom < b.atom ? -1 : 1)));
  };
  const interrupted = afterJob === undefined ? undefined : await readModels.flow(afterJob);
  if (interrupted) await take(interrupted);
  found.splice(0, Infinity, ...found.filter(({ atom }) => atom > afterAtom));
  for (let before = afterJob; found.length <= limit;) {
    const flows = await readModels.flows({
      ...{ of: 'waiting', limit: FLOWS_READ },
      ...(before !== undefined && { before }),
    });
    for (const flow of flows) await take(flow);
    before = flows.at(-1)?.flowId;
    if (flows.length < FLOWS_READ) break;
  }
  const delegates = found.slice(0, limit);
  const last = found.length > limit ? delegates.at(-1) : undefined;
  return { delegates, ...(last && { next: `${last.jobId}/${last.atom}` }) };
}

/** @throws NotFoundError `BATON_NOT_FOUND_ATOM`; InputError `BATON_INPUT_INVALID` without the round that is needed; and what `checkWaiting` does */
export async function delegateReport(
  clocks: Clocks,
  report: JobReport,
  which: DelegateAttempt,
): Promise<DelegateReport> {
  const { jobId, name } = report;
  const { atom } = which;
  const unit = unitOf(report, atom);
  const { attempt, round } = attemptOf(unit, which);
  await checkWaiting(clocks, report, { unit, attempt, round });
  const { delegate = '', args = {}, expects, dueAtMs } = unit;
  return {
    ...{ jobId, name, atom, attempt, delegate, args },
    ...(unit.round !== undefined && { round }),
    ...(expects && { expects }),
    ...(dueAtMs !== undefined && { dueAtMs }),
  };
}

/**
 * Has the answer of a delegate waited for longer; once that is applied, the next call has it waited for longer still.
 * @throws as `delegateReport`; InputError `BATON_INPUT_INVALID` when that is too long; and what `giveCommand` does
 */
export async function extendDelegate(
  services: Parameters<typeof giveCommand>[0] & Clocks,
  report: JobReport,
  { byMs, mostMs, by, reason, ...which }: ExtendOptions,
): Promise<Extended> {
  const { jobId } = report;
  const { atom } = which;
  const { attempt, round = 0, dueAtMs: before = 0 } = await delegateReport(services, report, which);
  const nowMs = await services.board.timeMs();
  const dueAtMs = Math.max(before, nowMs) + byMs;
  if (dueAtMs - nowMs > mostMs)
    throw new InputError(
      'BATON_INPUT_INVALID',
      `${atom} would be waited for longer than ${durationText(mostMs)} from now on, which is the most (delegate.wait_max)`,
    );
  const requestId = requestIdOf({ flowId: jobId, atom, action: 'execute', round, attempt });
  const command = { command: 'extend-delegate', arguments: { requestId, dueAtMs } };
  const options = { ...(by !== undefined && { by }), ...(reason !== undefined && { reason }) };
  return { commandId: await giveCommand(services, { jobId, command, options }), dueAtMs };
}

interface Meant {
  readonly unit: AtomReport;
  readonly attempt: number;
  readonly round: number;
}

/** Which attempt is meant, and its request. @throws NotFoundError `BATON_NOT_FOUND_ATOM`; InputError `BATON_INPUT_INVALID` */
export function meant(report: JobReport, which: DelegateAttempt): Meant & { readonly requestId: string } {
  const { jobId: flowId } = report;
  const { atom } = which;
  const unit = unitOf(report, atom);
  const number = attemptOf(unit, which);
  return { unit, ...number, requestId: requestIdOf({ flowId, atom, action: 'execute', ...number }) };
}

/** Who repeats an answer to the round before is not taken to mean the next one. @throws InputError `BATON_INPUT_INVALID` */
function attemptOf(unit: AtomReport, { attempt, round }: DelegateAttempt) {
  if (attempt !== undefined && round === undefined && (unit.round ?? 0) > 1)
    throw new InputError(
      'BATON_INPUT_INVALID',
      `${unit.name} is in round ${unit.round ?? 0}, and each round has an attempt ${attempt} of its own: name the round, too, in which it was listed`,
    );
  return { attempt: attempt ?? unit.attempt ?? 1, round: round ?? unit.round ?? 0 };
}

/** @throws NotFoundError `BATON_NOT_FOUND_ATOM` */
function unitOf({ jobId, atoms }: JobReport, atom: string): AtomReport {
  const unit = atoms.find(({ name }) => name === atom);
  if (unit) return unit;
  throw new NotFoundError('BATON_NOT_FOUND_ATOM', `job ${jobId} has no atom ${atom}, or not yet`);
}

/** @throws ConflictError `BATON_CONFLICT_NOT_WAITING` unless an answer to this attempt is waited for; UnavailableError */
export async function checkWaiting(
  clocks: Clocks,
  { jobId, outcome }: JobReport,
  { unit, attempt, round }: Meant,
): Promise<void> {
  const isThis = unit.attempt === attempt && (unit.round ?? 0) === round;
  const isWaiting = unit.delegate !== undefined && isThis;
  if (isWaiting && !(await isOver(unit, clocks))) return;
  if (isWaiting)
    throw new ConflictError(
      'BATON_CONFLICT_NOT_WAITING',
      `${unit.name} of job ${jobId} waits for no answer any more: its time is over`,
    );
  const state = unit.attempt === undefined ? unit.state : `${unit.state}, attempt ${unit.attempt}`;
  const end = outcome === undefined ? '' : `, and the job has ended: ${outcome}`;
  throw new ConflictError(
    'BATON_CONFLICT_NOT_WAITING',
    `${unit.name} of job ${jobId} waits for no answer to attempt ${attempt}: it is ${state}${end}`,
  );
}

/** By the clock of the board, as its owner sees it; which is asked when that of the host says so, for it costs a write. */
async function isOver({ dueAtMs = Infinity }: AtomReport, { runtime, board }: Clocks): Promise<boolean> {
  const lastMs = dueAtMs + GRACE_MS;
  return runtime.clock.wallMs() > lastMs && (await board.timeMs()) > lastMs;
}

type DelegateNames = (activation: string) => string;

/** Empty names of a definition that cannot be read: the others are listed all the same. @throws UnavailableError */
async function delegateNames(definitions: Persistence['definitions'], hash: string): Promise<DelegateNames> {
  const atoms = await definitions.get(hash, { withinMs: 0 }).then(delegateAtoms, (error: unknown) => {
    if (familyOf(error) !== 'not-found') throw error;
    return [];
  });
  const names = new Map(atoms.map((atom) => [atom.name, awaitedOutside(atom) ?? '']));
  return (activation) => names.get(activation.replace(/[#[].*$/, '')) ?? '';
}

function delegateAtoms(json: string): readonly (RoutedAtomDefinition | TaskDefinition)[] {
  try {
    const definition = parseAnyFlow(JSON.parse(json));
    return isRouted(definition) ? definition.root.atoms : tasksOf(definition.root);
  } catch {
    // of a newer version, or damaged
    return [];
  }
}

function tasksOf(node: NodeDefinition): readonly TaskDefinition[] {
  if (node.kind === 'task') return [{ ...node, task: node.task ?? node.name }];
  return (node.children ?? []).flatMap(tasksOf);
}

/** `jobId/atom`. */
function split(after: string | undefined): readonly string[] {
  const at = after?.indexOf('/') ?? -1;
  return after === undefined ? [] : at < 0 ? [after] : [after.slice(0, at), after.slice(at + 1)];
}
