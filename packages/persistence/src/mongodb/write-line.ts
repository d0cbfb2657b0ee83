import { MongoServerError } from 'mongodb';
import { isUnanswered } from './map-error.js';

interface Waiting {
  readonly go: () => void;
  readonly fail: (error: unknown) => void;
}

/** One command at a time, in their order. Those behind one that the server did not answer fail with it: each would wait as long for the same. */
export class WriteLine {
  #isBusy = false;
  #waiting: Waiting[] = [];

  async pass<T>(command: () => Promise<T>): Promise<T> {
    if (this.#isBusy) await new Promise<void>((go, fail) => this.#waiting.push({ go, fail }));
    this.#isBusy = true;
    try {
      return await command();
    } catch (error) {
      if (isOut(error)) for (const { fail } of this.#waiting.splice(0)) fail(error);
      throw error;
    } finally {
      const next = this.#waiting.shift();
      this.#isBusy = next !== undefined;
      next?.go();
    }
  }
}

/** The server is away or silent; one that answers that it is busy for a moment is there. */
function isOut(error: unknown): boolean {
  return error instanceof Error && isUnanswered(error) && !(error.cause instanceof MongoServerError);
}
