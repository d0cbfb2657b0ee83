/**
 * Purpose: what a conductor keeps over its sessions: its store's collections, its outbox and the compiled definitions.
 * States: closed → open (at the first session, when the cluster's id is known) → closed.
 * What is authoritative: nothing here.
 * On failure: what was opened before the step that failed is closed again, so that each try begins with nothing.
 * Not here: the substrates' life: whoever made them closes them, after this.
 */
import { openPersistence } from '@baton/persistence';
import type { Persistence } from '@baton/persistence';
import { Outbox, ensureTopics } from '@baton/transport';
import { CompiledFlows } from './compiled-flows.js';
import type { ConductorDeps } from './conductor.js';
import type { MakeDelegateLink } from './dispatcher.js';
import type { ResolvedConductorOptions } from './options.js';

export interface OpenServices {
  readonly persistence: Persistence;
  readonly outbox: Outbox;
  readonly flows: CompiledFlows;
  readonly linkTo: MakeDelegateLink;
}

const LAST_WORDS_MS = 1_000;

export class ConductorServices {
  readonly #deps: ConductorDeps;
  readonly #options: ResolvedConductorOptions;
  #services: OpenServices | undefined;

  constructor(deps: ConductorDeps, options: ResolvedConductorOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** @throws UnavailableError; ConflictError when the store is another cluster's or newer than this version. */
  async open(clusterId: string): Promise<OpenServices> {
    if (this.#services !== undefined) return this.#services;
    const { runtime, store, log, prefix, member, linkTo = () => undefined } = this.#deps;
    const persistence = await openPersistence({ store, runtime, clusterId });
    try {
      await ensureTopics(log, prefix, this.#options);
      const outbox = await Outbox.open({ log, prefix, runtime, sender: member.id, clusterId });
      this.#services = { persistence, outbox, flows: new CompiledFlows(persistence.definitions), linkTo };
      return this.#services;
    } catch (error) {
      persistence.close();
      throw error;
    }
  }

  /** Why they do not do what they should. */
  get problems(): { readonly store: string | undefined; readonly log: string | undefined } {
    const { persistence, outbox } = this.#services ?? {};
    return { store: persistence?.health.problem, log: outbox?.problem };
  }

  async close(): Promise<void> {
    const services = this.#services;
    this.#services = undefined;
    try {
      await services?.outbox.close({ deadlineMs: LAST_WORDS_MS });
    } finally {
      services?.persistence.close();
    }
  }
}
