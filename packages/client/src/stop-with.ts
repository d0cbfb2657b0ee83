/** Is aborted with another signal, or by itself. `AbortSignal.any` gives one that Node keeps, with whatever listens to it, until it is aborted. */
export class StopWith extends AbortController {
  readonly #other: AbortSignal | undefined;
  readonly #follow = (): void => this.abort(this.#other?.reason);

  constructor(other: AbortSignal | undefined) {
    super();
    this.#other = other;
    other?.addEventListener('abort', this.#follow);
    if (other?.aborted === true) this.#follow();
  }

  letGo(): void {
    this.#other?.removeEventListener('abort', this.#follow);
  }
}
