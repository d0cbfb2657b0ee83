/**
 * Purpose: environments by name, which jobs may be posted with (C-711): a job has what its environment was then, and keeps it.
 * States, what is authoritative, on failure: see `revisions.ts`.
 * Not here: what expressions make of one (@baton/engine).
 */
import { NotFoundError } from '@baton/core';
import type { DocumentStore, Environment, Runtime } from '@baton/core';
import { collectionNames } from './collections.js';
import { type Revision, Revisions } from './revisions.js';

export interface NamedEnvironment extends Revision {
  readonly name: string;
  readonly env: Environment;
  /** Wall time of who made this revision, ms since 1970. */
  readonly atMs: number;
}

export class Environments {
  readonly #revisions: Revisions<NamedEnvironment>;

  constructor(options: { store: DocumentStore; runtime: Runtime }) {
    const environments = { collection: collectionNames.environments, keyField: 'key', of: 'environment' };
    this.#revisions = new Revisions({ ...options, ...environments, isLastOnly: true });
  }

  /** All of a board, by name. @throws UnavailableError */
  list(board: string): Promise<readonly NamedEnvironment[]> {
    return this.#revisions.list(board);
  }

  /** The last revision; without `value` there is none, or it was deleted. `revision` is that of the last change in any case, 0 before the first. @throws UnavailableError */
  get({ board, name }: Pick<NamedEnvironment, 'board' | 'name'>): Promise<{
    readonly value: NamedEnvironment | undefined;
    readonly revision: number;
  }> {
    return this.#revisions.get(`${board}/${name}`);
  }

  /** @throws NotFoundError `BATON_NOT_FOUND_ENVIRONMENT`; UnavailableError */
  async find(which: Pick<NamedEnvironment, 'board' | 'name'>): Promise<NamedEnvironment> {
    const { value } = await this.get(which);
    if (value !== undefined) return value;
    const { board, name } = which;
    throw new NotFoundError(
      'BATON_NOT_FOUND_ENVIRONMENT',
      `there is no environment ${name} on board ${board}`,
    );
  }

  /**
   * Stores a revision behind the one before it; without `env`, that the environment is deleted.
   * @throws ConflictError `BATON_CONFLICT_REVISION` when somebody else was first; UnavailableError
   */
  change({ env, ...made }: Omit<NamedEnvironment, 'env'> & { readonly env?: Environment }): Promise<void> {
    const { board, name, revision, by } = made;
    const change = { key: `${board}/${name}`, board, revision, ...(by !== undefined && { by }) };
    return this.#revisions.change(change, env && { ...made, env });
  }

  close(): void {
    this.#revisions.close();
  }
}
