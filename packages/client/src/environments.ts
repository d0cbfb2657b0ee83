/** Environments by name (C-711): what jobs may be posted with. The client writes them down; a job has what its environment was when it was posted. */
import { checkId, ConflictError } from '@baton/core';
import type { Environment } from '@baton/core';
import { storableEnvironment } from '@baton/engine';
import type { JobBoard } from '@baton/jobboard';
import type { EnvironmentName, NamedEnvironment, Persistence } from '@baton/persistence';
import { checkOptions } from './check-options.js';

export interface EnvironmentChange {
  /** Who changes it. */
  readonly by?: string;
  /** Only if this is its revision by now; 0: only if there is none. */
  readonly ifRevision?: number;
}

export interface EnvironmentReport extends Pick<NamedEnvironment, 'name' | 'revision' | 'by'> {
  readonly env: Environment;
  /** When it was changed last, by the clock of the board. */
  readonly changedAtMs: number;
}

interface Services {
  readonly board: JobBoard;
  readonly persistence: Pick<Persistence, 'environments'>;
}

export class Environments {
  readonly #services: () => Promise<Services>;

  /** `Client` makes it. */
  constructor(services: () => Promise<Services>) {
    this.#services = services;
  }

  /**
   * Makes an environment of this board, or changes it to exactly this; the same again changes nothing. JSON data of up to 16 KiB, with `${…}` in its texts as
   * a post takes it. Jobs that are posted already are as they are. Gives its revision, and whether it is new.
   * @throws InputError `BATON_INPUT_INVALID`, `BATON_INPUT_TOO_LARGE`; ConflictError `BATON_CONFLICT_REVISION`; UnavailableError
   */
  async set(
    name: string,
    env: object,
    options: EnvironmentChange = {},
  ): Promise<{ readonly revision: number; readonly isNew: boolean }> {
    checkId('environment', name);
    checkOptions('environments.set', options);
    const checked = storableEnvironment({ env }) ?? {};
    const { board, persistence } = await this.#services();
    const { value: before, revision } = await persistence.environments.get({ board: board.name, name });
    if (before && JSON.stringify(before.env) === JSON.stringify(checked)) return { revision, isNew: false };
    checkRevision(name, before?.revision ?? 0, options);
    const made = { board: board.name, name, revision: revision + 1, atMs: await board.timeMs() };
    await persistence.environments.change({ ...made, ...byOf(options), env: checked });
    return { revision: made.revision, isNew: before === undefined };
  }

  /** Those of this board, by name. @throws UnavailableError */
  async list(): Promise<readonly EnvironmentReport[]> {
    const { board, persistence } = await this.#services();
    return (await persistence.environments.list(board.name)).map(reportOf);
  }

  /** @throws NotFoundError `BATON_NOT_FOUND_ENVIRONMENT`; UnavailableError */
  async get(name: string): Promise<EnvironmentReport> {
    return reportOf(await find(await this.#services(), name));
  }

  /** Jobs that were posted with it keep what it was; a schedule that names it posts nothing until it is there again, or the schedule is changed. @throws as `get`, and `BATON_CONFLICT_REVISION` */
  async delete(name: string, options: EnvironmentChange = {}): Promise<void> {
    checkOptions('environments.delete', options);
    const services = await this.#services();
    const { board, revision } = await find(services, name);
    checkRevision(name, revision, options);
    const atMs = await services.board.timeMs();
    const deleted = { board, name, revision: revision + 1, atMs, ...byOf(options) };
    await services.persistence.environments.change(deleted);
  }
}

/** What a job that is posted now has. @throws as `get`, and as `set` where expressions of it are none */
export async function environmentNamed(
  services: Services,
  { name, evaluateEnv }: EnvironmentName,
): Promise<Environment> {
  const { env } = await find(services, name);
  return storableEnvironment({ env, evaluateEnv }) ?? env;
}

/**
 * Keys of an environment that are to change in a run, by `rerun` or `resume`: they are taken as they are, and nothing in them is evaluated.
 * @throws InputError `BATON_INPUT_INVALID` with the place of what is no data; `BATON_INPUT_TOO_LARGE`
 */
export function storablePatch(env: object): Environment {
  storableEnvironment({ env, evaluateEnv: false });
  return JSON.parse(JSON.stringify(env)) as Environment;
}

function find({ board, persistence }: Services, name: string): Promise<NamedEnvironment> {
  return persistence.environments.find({ board: board.name, name: checkId('environment', name) });
}

function checkRevision(name: string, revision: number, { ifRevision }: EnvironmentChange): void {
  if (ifRevision === undefined || ifRevision === revision) return;
  const is = revision === 0 ? 'does not exist' : `is at revision ${revision}`;
  throw new ConflictError(
    'BATON_CONFLICT_REVISION',
    `environment ${name} ${is}, and the change is for ${ifRevision}`,
  );
}

function reportOf({ name, revision, env, by, atMs }: NamedEnvironment): EnvironmentReport {
  return { name, revision, env, ...(by !== undefined && { by }), changedAtMs: atMs };
}

function byOf({ by }: EnvironmentChange): Pick<EnvironmentChange, 'by'> {
  return by === undefined ? {} : { by };
}
