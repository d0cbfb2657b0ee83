import type { DemoEvent, Performance } from './performance.js';
import type { DemoReport } from './report.js';

/** How the demo is told: as a picture, as lines, or as JSON lines. */
export interface Teller {
  tell(event: DemoEvent): void;
  /** From now on there is something to see. */
  show(performance: Performance): void;
  /** The last word. Idempotent. */
  end(report: { readonly report: DemoReport } | undefined, text: string): void;
}

export class JsonTeller implements Teller {
  readonly #write: (text: string) => void;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  tell({ text: _, ...event }: DemoEvent): void {
    this.#write(`${JSON.stringify(event)}\n`);
  }

  show(): void {
    // lines say it all
  }

  end(report: { readonly report: DemoReport } | undefined): void {
    if (report !== undefined) this.#write(`${JSON.stringify(report)}\n`);
  }
}

export class PlainTeller implements Teller {
  readonly #write: (text: string) => void;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  tell({ atMs, text }: DemoEvent): void {
    this.#write(`${(atMs / 1_000).toFixed(1).padStart(5)} s  ${text}\n`);
  }

  show(): void {
    // lines say it all
  }

  end(_: unknown, text: string): void {
    this.#write(text);
  }
}
