/** What a person wants of a run that has ended: tried here on the run as it is, stored, and then seen to that somebody takes it up (P-604). */
import {
  type Clock,
  closest,
  ConflictError,
  type Environment,
  type JournalEntry,
  type JsonValue,
  NotFoundError,
  UnavailableError,
} from '@baton/core';
import {
  type AnyRun,
  compileAny,
  foldAny,
  newAnyRun,
  type RepairEvent,
  type RerunEvent,
  type SkipEvent,
  stepAny,
} from '@baton/engine';
import { type DeciderDepth, parseAnyFlow } from '@baton/flow';
import type { JobBoard } from '@baton/jobboard';
import { type OperatorCommand, type Persistence, putBack } from '@baton/persistence';
import { storablePatch } from './environments.js';
import { type CommandOptions, giveCommand, openForCommands, type ResumeOptions } from './give-command.js';
import { unknownJob } from './unknown-job.js';

export interface RerunOptions extends CommandOptions {
  /** The atom from which on an ordered flow runs again, with what comes after it; or the activation of a routed one. */
  readonly from?: string;
  /** Of a fan-out: its list is made anew, and all items run again. Default: those that did not succeed. */
  readonly reset?: boolean;
  /** Routed flows: parameters that are given as they are here, in place of what the definition says. */
  readonly input?: Readonly<Record<string, JsonValue>>;
  /** Routed flows: keys of the environment that are from now on as they are here. */
  readonly env?: Environment;
}

export interface SkipOptions extends CommandOptions {
  readonly atom: string;
  /** Ordered flows: what else is left out, as for a decider. Default `atom`. */
  readonly depth?: DeciderDepth;
}

/** As the engine takes it. */
export type Repair = RerunEvent | SkipEvent | RepairEvent | { readonly type: 'revert' };

const commandOf: Readonly<Record<Repair['type'], string>> = {
  ...{ rerun: 'rerun', skip: 'skip', revert: 'revert' },
  ...{ retryRevert: 'revert-retry', acceptRevert: 'revert-accept' },
};

interface Services {
  readonly board: JobBoard;
  readonly persistence: Persistence;
  readonly clock: Clock;
}

/**
 * Gives the number of the command.
 * @throws NotFoundError `BATON_NOT_FOUND_JOB`, `BATON_NOT_FOUND_ATOM`; ConflictError `BATON_CONFLICT_NOT_REPAIRABLE` when it would change nothing,
 *   `BATON_CONFLICT_HALF_UNDONE`, `BATON_CONFLICT_NOT_RESETTABLE`, and those of `giveCommand` but `BATON_CONFLICT_ENDED`; InputError
 *   `BATON_INPUT_TOO_LARGE`; UnavailableError
 */
export async function repairJob(
  services: Services,
  given: { readonly jobId: string; readonly repair: Repair; readonly options: CommandOptions },
): Promise<number> {
  const { persistence } = services;
  const { jobId, repair, options } = given;
  const { key, ifSeq, ...who } = options;
  const { type, ...args } = repair;
  const asked: OperatorCommand = {
    command: commandOf[type],
    arguments: JSON.parse(JSON.stringify(args)) as Record<string, JsonValue>,
    ...who,
  };
  const { before, ...found } = await openForCommands(services, { jobId, command: asked, options });
  // nobody else would put the job on the board again
  const record = found.record ?? (await persistence.jobs.getStored(jobId));
  if (record === undefined)
    throw new UnavailableError(
      'BATON_UNAVAILABLE_REFUSED',
      `the store does not give the record of job ${jobId}`,
    );
  if (before === undefined) await tryOut(persistence, jobId, repair);
  const n = before ?? (await persistence.commands.append(jobId, asked, key));
  await persistence.jobs.markReopening(record);
  await putBack(services, record).catch(() => undefined); // the mark stands
  return n;
}

/**
 * Has a suspended job go on. What changes the environment of its run is tried here, too: on any that is not suspended the change would be lost.
 * @throws as `giveCommand`; ConflictError `BATON_CONFLICT_NOT_REPAIRABLE`
 */
export async function resumeJob(
  services: Omit<Services, 'clock'>,
  jobId: string,
  { env: given, ...options }: ResumeOptions,
): Promise<number> {
  const env = given && storablePatch(given);
  const command = { command: 'resume', ...(env && { arguments: { env } }) };
  const check = env && (() => tryResumption(services.persistence, { jobId, env }));
  return giveCommand(services, { jobId, command, options, ...(check && { check }) });
}

async function tryResumption(
  persistence: Persistence,
  { jobId, env }: { readonly jobId: string; readonly env: Environment },
): Promise<void> {
  const run = await runOf(persistence, jobId, await persistence.journal.history(jobId));
  if (!('shape' in run)) throw notRepairable(jobId, 'it is of an ordered flow, which has no environment');
  if (run.flow !== 'SUSPENDED' && run.flow !== 'SUSPENDING')
    throw notRepairable(jobId, `it is ${run.flow}, and its environment is changed while it is suspended`);
  stepAny(run, { type: 'resume', env });
}

/** Nothing is stored that would have no effect: whoever asks for it should know why. */
async function tryOut(persistence: Persistence, jobId: string, repair: Repair): Promise<void> {
  const entries = await persistence.journal.history(jobId);
  const run = await runOf(persistence, jobId, entries);
  const last = entries.at(-1);
  if (last?.kind === 'terminal' && last.reason !== undefined)
    throw notRepairable(jobId, `it was ended without being run: ${last.reason.message}`);
  const [post] = entries;
  const parentId = post?.kind === 'post' ? post.post.lineage?.parentId : undefined;
  const isOfUndoing = repair.type === 'retryRevert' || repair.type === 'acceptRevert';
  if (parentId !== undefined && last?.kind === 'terminal' && !isOfUndoing)
    throw notRepairable(jobId, `its parent ${parentId} has gone on without it: rerun the activation there`);
  const name = 'atom' in repair ? repair.atom : repair.type === 'rerun' ? repair.from : undefined;
  if (name !== undefined) checkAtom(run, { jobId, name });
  const { flow } = run;
  // what goes on is cancelled, and what was undone is undone
  const mayBe = repair.type !== 'revert' || flow === 'SUCCESS' || flow === 'FAILURE';
  if (mayBe && stepAny(run, repair).facts.length > 0) return;
  if (repair.type === 'rerun' && flow === 'REVERTED')
    throw notRepairable(
      jobId,
      `it is REVERTED, and what was undone is not run again: \`baton job post --from ${jobId}\` posts it once more`,
    );
  throw notRepairable(
    jobId,
    `it is ${flow}${name === undefined ? '' : `, and ${name} of it ${stateOf(run, name)}`}`,
  );
}

async function runOf(
  persistence: Persistence,
  jobId: string,
  entries: readonly JournalEntry[],
): Promise<AnyRun> {
  const [post] = entries;
  if (post?.kind !== 'post') throw unknownJob(jobId);
  const { definitionHash, ...given } = post.post;
  const compiled = compileAny(parseAnyFlow(JSON.parse(await persistence.definitions.get(definitionHash))));
  const run = newAnyRun(compiled, { flowId: jobId, ...given });
  for (const entry of entries) foldAny(run, entry.facts);
  return run;
}

function checkAtom(run: AnyRun, { jobId, name }: { readonly jobId: string; readonly name: string }): void {
  const known: ReadonlyMap<string, unknown> = 'shape' in run ? run.activations : run.compiled.atoms;
  // or an item of a fan-out
  if (known.has(name) || known.has(name.replace(/\[\d+\]$/, ''))) return;
  const near = closest(name, [...known.keys()]);
  const hint = near === undefined ? '' : `, did you mean ${near}?`;
  throw new NotFoundError('BATON_NOT_FOUND_ATOM', `job ${jobId} has no atom ${name}${hint}`);
}

function stateOf(run: AnyRun, name: string): string {
  const state =
    'shape' in run
      ? run.activations.get(name)?.state
      : run.runs[run.compiled.atoms.get(name)?.id ?? -1]?.state;
  return `is ${state ?? 'unknown'}`;
}

function notRepairable(jobId: string, why: string): ConflictError {
  return new ConflictError('BATON_CONFLICT_NOT_REPAIRABLE', `nothing was changed of job ${jobId}: ${why}`);
}

/** Without what is undefined. */
export function withoutAbsent<T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(given).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
