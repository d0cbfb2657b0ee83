/**
 * Purpose: tells when the other side has been silent for `limitMs`, without being fooled by a pause of this process.
 * States: counting; stopped (final).
 * On failure: bytes that wait in the sockets of a loop that was held up are read before silence is declared; after a long
 * hold-up (SIGSTOP, sleeping host) counting starts again, since the other side may have been held up with us.
 */
export class SilenceTimer {
  readonly #limitMs: number;
  readonly #onSilence: () => void;
  #heardAtMs = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: { readonly limitMs: number; readonly onSilence: () => void }) {
    this.#limitMs = options.limitMs;
    this.#onSilence = options.onSilence;
    this.#arm(this.#limitMs);
  }

  heard(): void {
    this.#heardAtMs = performance.now();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #arm(delayMs: number): void {
    const dueAtMs = performance.now() + delayMs;
    this.#timer = setTimeout(() => {
      if (performance.now() - dueAtMs > this.#limitMs / 3) this.heard();
      setImmediate(() => this.#check()); // after the sockets were read once
    }, delayMs);
  }

  #check(): void {
    if (this.#stopped) return;
    const restMs = this.#limitMs - (performance.now() - this.#heardAtMs);
    this.#arm(restMs > 0 ? restMs : this.#limitMs);
    if (restMs <= 0) this.#onSilence();
  }
}
