import { compileAny } from '@baton/engine';
import type { AnyCompiled } from '@baton/engine';
import { parseAnyFlow } from '@baton/flow';
import type { Definitions } from '@baton/persistence';

const KEPT_MAX = 256;

/** Compiled definitions by hash. Definitions never change under a hash, so a copy is right for ever; the oldest use goes first. */
export class CompiledFlows {
  readonly #definitions: Definitions;
  readonly #kept = new Map<string, Promise<AnyCompiled>>();

  constructor(definitions: Definitions) {
    this.#definitions = definitions;
  }

  /**
   * @throws DefinitionError when the stored definition is wrong; NotFoundError when there is none; UnavailableError
   */
  get(hash: string): Promise<AnyCompiled> {
    const known = this.#kept.get(hash) ?? this.#compile(hash);
    this.#kept.delete(hash);
    this.#kept.set(hash, known);
    const oldest = this.#kept.size > KEPT_MAX ? this.#kept.keys().next().value : undefined;
    if (oldest !== undefined) this.#kept.delete(oldest);
    return known;
  }

  async #compile(hash: string): Promise<AnyCompiled> {
    try {
      return compileAny(parseAnyFlow(JSON.parse(await this.#definitions.get(hash))));
    } catch (error) {
      this.#kept.delete(hash); // an outage must not be remembered; a bad definition is found again in no time
      throw error;
    }
  }
}
