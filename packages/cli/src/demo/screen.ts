/**
 * Purpose: the demo on a terminal: the picture, drawn over itself at most five times a second, and the keys.
 * States: waiting (lines, before there is a picture) → drawing → ended: cursor, line wrap and keyboard as they were.
 * On failure: whichever way the process ends, the terminal is put back.
 */
import { systemClock } from '@baton/client/runtime';
import type { DemoEvent, Performance } from './performance.js';
import type { DemoReport } from './report.js';
import type { Teller } from './teller.js';
import { renderView, viewColumns, viewLines } from './view.js';

const framesMs = 200;
const eventsKept = viewLines;
const ctrlC = '\u0003';

export class Screen implements Teller {
  readonly #o: {
    readonly write: (text: string) => void;
    readonly services: boolean;
    readonly quit: () => void;
  };
  readonly #events: string[] = [];
  readonly #restore = (): void => this.#o.write('\u001b[?25h\u001b[?7h');
  #performance: Performance | undefined;
  #timer: NodeJS.Timeout | undefined;
  #drawn = 0;
  #ended = false;

  constructor(o: {
    readonly write: (text: string) => void;
    readonly services: boolean;
    readonly quit: () => void;
  }) {
    this.#o = o;
    process.on('exit', this.#restore);
    o.write('\u001b[?25l\u001b[?7l'); // no cursor; long lines are cut
    process.stdin.setRawMode(true).setEncoding('utf8').on('data', this.#onKeys).resume();
    this.#timer = setInterval(() => this.#draw(), framesMs);
  }

  tell({ atMs, text }: DemoEvent): void {
    this.#events.push(`${(atMs / 1_000).toFixed(1).padStart(5)} s  ${text}`);
    if (this.#events.length > eventsKept) this.#events.shift();
  }

  show(performance: Performance): void {
    this.#performance = performance;
  }

  end(_: { readonly report: DemoReport } | undefined, text: string): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#timer);
    this.#draw();
    process.stdin.off('data', this.#onKeys).setRawMode(false).pause();
    process.off('exit', this.#restore);
    this.#restore();
    this.#o.write(text);
  }

  readonly #onKeys = (keys: string | Buffer): void => {
    for (const key of keys.toString()) {
      if (key === 'q' || key === ctrlC) this.#o.quit();
      if (key === 'k') this.#killOne();
    }
  };

  /** Any member that is up; it starts again by itself. */
  #killOne(): void {
    const performance = this.#performance;
    const up = [...(performance?.members.values() ?? [])].filter(({ state }) => state === 'up');
    const victim = up[Math.floor(Math.random() * up.length)];
    const kill = victim === undefined ? undefined : performance?.kill(victim.id);
    // it rejects when the demo is over first
    if (kill !== undefined) performance?.restart(kill).catch(() => undefined);
  }

  #draw(): void {
    const lines = this.#lines();
    const columns = Math.min(process.stdout.columns || viewColumns, viewColumns);
    const shown = lines.slice(0, Math.max(1, (process.stdout.rows || viewLines + 1) - 1));
    const up = this.#drawn > 0 ? `\u001b[${this.#drawn}A` : '';
    this.#o.write(
      `${up}\r${shown.map((line) => `\u001b[2K${[...line].slice(0, columns).join('')}\n`).join('')}\u001b[0J`,
    );
    this.#drawn = shown.length;
  }

  #lines(): readonly string[] {
    const performance = this.#performance;
    const nowMs = systemClock.monotonicMs();
    return renderView({
      title: this.#o.services ? 'ZooKeeper, Kafka, MongoDB' : 'embedded server, 3 conductors, 3 workers',
      elapsedMs: performance?.elapsedMs ?? 0,
      members: [...(performance?.members.values() ?? [])].map(({ id, kind, state, lostAtMs }) => ({
        id,
        kind,
        state,
        ...(lostAtMs === undefined ? {} : { lostMs: nowMs - lostAtMs }),
      })),
      jobs: [...(performance?.jobs.values() ?? [])],
      failovers: performance?.failovers ?? [],
      events: this.#events,
    });
  }
}
