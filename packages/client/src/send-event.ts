/** Sending an event from outside to the runs that wait for it, in atoms with the task `std.wait-event` (C-1113). */
import {
  checkId,
  codeOf,
  durationText,
  eventLimits,
  familyOf,
  InputError,
  isEventName,
  type Runtime,
} from '@baton/core';
import { encodeUserValue } from '@baton/flow';
import type { JobBoard } from '@baton/jobboard';
import { checkTexts, type Persistence, type SentEvent, toldOf } from '@baton/persistence';
import { giveCommand } from './give-command.js';

export interface SendEventOptions {
  /** Tells events of one name apart: an order, a customer. At most 512 characters; default none, which only waits without one wait for. */
  readonly key?: string;
  /** Result of the atoms that wait; JSON data. Default null. */
  readonly data?: unknown;
  /** How long atoms that begin to wait later have it too, of each job once. Default 0, at most 30 days. */
  readonly keepMs?: number;
  /**
   * The same event sent again under the same id reaches no job twice; another one is refused while the former is kept, or a job that has had it waits for one of
   * that name and key. 1 to 128 of A-Z a-z 0-9 _ -; default a new one.
   */
  readonly id?: string;
  /** Who, at most 1 KiB. */
  readonly by?: string;
}

export interface SentEventReport {
  readonly eventId: string;
  /** How many jobs have been told of it: those that waited for it. */
  readonly jobs: number;
  readonly keptUntilMs?: number;
}

interface Services {
  readonly runtime: Runtime;
  readonly board: JobBoard;
  readonly persistence: Persistence;
}

const KEEP_MS_MAX = 30 * 24 * 3_600_000;

/**
 * When this resolves the event is stored for every job of the board that waited for it, and wakes those that are dormant; but for jobs whose journals cannot be
 * read here. When it rejects, some of them may have it: it is repeated under its id.
 * @throws InputError `BATON_INPUT_INVALID`, `BATON_INPUT_TOO_LARGE`; ConflictError `BATON_CONFLICT_KEY_REUSED` when another event under this id is kept, or
 *   a job that waits was told of one; UnavailableError
 */
export async function sendEvent(
  { runtime, board, persistence }: Services,
  name: string,
  { key = '', data = null, keepMs = 0, id: givenId, by }: SendEventOptions,
): Promise<SentEventReport> {
  const { events, payloads } = persistence;
  const id = givenId ?? runtime.random.ulid();
  checkName(name, key);
  checkTexts(by === undefined ? {} : { by });
  if (keepMs > KEEP_MS_MAX) throw invalid(`an event is kept for at most ${durationText(KEEP_MS_MAX)}`);
  const encoded = encodeUserValue(data, 'data');
  if ('problem' in encoded) throw invalid(`the data of the event: ${encoded.problem}`);
  const sent: SentEvent = {
    ...{ eventId: checkId('event', id), name, key, value: await payloads.externalise(encoded.value) },
    ...(by !== undefined && { by }),
  };
  const event = { board: board.name, name, key };
  if (givenId !== undefined) await events.checkSame(event, sent);
  const kept = keepMs > 0 ? await keepEvent({ board, persistence }, sent, keepMs) : {};
  const jobs = new Set<string>();
  const problems: unknown[] = [];
  for await (const waits of events.waits(event)) {
    const over = new Set<string>();
    const tell = async (jobId: string): Promise<void> => {
      try {
        await tellJob({ board, persistence }, jobId, sent);
        jobs.add(jobId);
      } catch (error) {
        if (codeOf(error) === 'BATON_CONFLICT_ENDED') over.add(jobId);
        else if (isOfJob(error)) runtime.logger.warn('event.not-told', { jobId, eventId: id, error });
        else problems.push(error);
      }
    };
    await Promise.all(Array.from(new Set(waits.map(({ flowId }) => flowId)), tell));
    await events.forget(waits.flatMap(({ flowId, requestId }) => (over.has(flowId) ? [requestId] : [])));
  }
  // that it is to be repeated goes before what repeating it does not mend
  const [problem] = problems.toSorted((a, b) => Number(isAway(b)) - Number(isAway(a)));
  if (problems.length > 0) throw problem;
  return { eventId: id, jobs: jobs.size, ...kept };
}

async function keepEvent(
  { board, persistence }: Pick<Services, 'board' | 'persistence'>,
  sent: SentEvent,
  keepMs: number,
): Promise<{ readonly keptUntilMs: number }> {
  const atMs = await board.timeMs();
  const untilMs = atMs + keepMs;
  await persistence.events.keep({ ...sent, board: board.name }, { ...sent, atMs, untilMs });
  return { keptUntilMs: untilMs };
}

/** @throws as `giveCommand` */
async function tellJob(
  services: Pick<Services, 'board' | 'persistence'>,
  jobId: string,
  sent: SentEvent,
): Promise<void> {
  const { command, key } = toldOf(sent);
  const { by, ...asked } = command;
  await giveCommand(services, { jobId, command: asked, options: { key, ...(by !== undefined && { by }) } });
}

/** What is stored of this job cannot be read, or it is deleted, which may be taken back: no matter of the others, nor of its wait. */
function isOfJob(error: unknown): boolean {
  const isOfStored = ['input', 'not-found', 'conflict'].includes(familyOf(error) ?? '');
  return isOfStored && codeOf(error) !== 'BATON_CONFLICT_KEY_REUSED';
}

const isAway = (error: unknown): boolean => familyOf(error) === 'unavailable';

function checkName(name: string, key: string): void {
  const { nameMax, keyMax } = eventLimits;
  if (typeof name !== 'string' || !isEventName({ name, key }))
    throw invalid(`an event has a name of 1 to ${nameMax} characters, and a key of at most ${keyMax}`);
}

function invalid(message: string): InputError {
  return new InputError('BATON_INPUT_INVALID', message);
}
