/**
 * `node test/model/run.mjs [quick|all|NAME] [--trace]`: the model of the ownership protocol, run by run: what was searched, and what was found. Exit code 1 when
 * a rule as it stands is broken, or a bug or an earlier wording is not found.
 */
import { search } from './search.js';
import type { Variant } from './variant.js';
import { variants } from './variants.js';

export interface ModelOptions {
  /** `quick`: without the widest bounds; `all`; or the beginning of names. */
  readonly which: string;
  /** With the shortest trace of each violation. */
  readonly trace: boolean;
  readonly say: (line: string) => void;
}

export function runModel({ which, trace, say }: ModelOptions): {
  readonly passed: number;
  readonly failed: readonly string[];
} {
  const failed: string[] = [];
  const chosen = variants.filter((variant) => isChosen(variant, which));
  for (const variant of chosen) {
    const startedAt = performance.now();
    const result = search(variant);
    const { violation, states, arcs, depth, isStopped, goodEnds } = result;
    const isFine =
      !isStopped &&
      (variant.expect === undefined
        ? violation === undefined && goodEnds > 0
        : violation?.startsWith(variant.expect) === true);
    if (!isFine) failed.push(variant.name);
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
    say(
      `${isFine ? '✓' : '✗'} ${variant.name}: ${states} states, ${arcs} arcs, ${depth} deep, ${seconds} s; ` +
        `${isStopped ? 'stopped' : (violation ?? 'no violation')}`,
    );
    if (violation !== undefined && (trace || !isFine))
      for (const [index, label] of result.trace.entries()) say(`    ${index}. ${label}`);
  }
  return { passed: chosen.length - failed.length, failed };
}

function isChosen({ name, isWide }: Variant, which: string): boolean {
  if (which === 'all') return true;
  return which === 'quick' ? !isWide : name.startsWith(which);
}
