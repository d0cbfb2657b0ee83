import type { Clock } from '@baton/core';

interface Report {
  readonly fraction: number;
  readonly message: string | undefined;
}
interface Reporting {
  latest: Report | undefined;
  cancelTimer: () => void;
}

/** At most one progress report per request in this time: the first at once, then the latest. */
const EVERY_MS = 200;

/** Coalesces what tasks report, so that a task may report as often as it likes (engine.md E-153). */
export class ProgressReports {
  readonly #clock: Clock;
  readonly #send: (requestId: string, report: Report) => void;
  readonly #reporting = new Map<string, Reporting>();

  constructor(clock: Clock, send: (requestId: string, report: Report) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  report(requestId: string, report: Report): void {
    const known = this.#reporting.get(requestId);
    if (known !== undefined) {
      known.latest = report;
      return;
    }
    this.#sendAndWait(requestId, report);
  }

  /** The request is over: what was not sent yet is not news any more. */
  end(requestId: string): void {
    this.#reporting.get(requestId)?.cancelTimer();
    this.#reporting.delete(requestId);
  }

  #sendAndWait(requestId: string, report: Report): void {
    const cancelTimer = this.#clock.setTimer(EVERY_MS, () => {
      const latest = this.#reporting.get(requestId)?.latest;
      this.#reporting.delete(requestId);
      if (latest !== undefined) this.#sendAndWait(requestId, latest);
    });
    this.#reporting.set(requestId, { latest: undefined, cancelTimer });
    this.#send(requestId, report);
  }
}
