import { compareFences, type JournalEntry } from '@baton/core';
import type { Effect } from './cluster.js';

/** What no kill may break: contiguous entries, fences that never fall, and a fence of its own for each claim. Gives what is wrong. */
export function brokenRules(entries: readonly JournalEntry[]): readonly string[] {
  return entries.flatMap((entry, index) => {
    const before = entries[index - 1];
    if (before === undefined) return entry.kind === 'post' ? [] : ['the first entry is no post'];
    const order = compareFences(entry.fence, before.fence);
    const place = `${entry.flowId}:${entry.seq} (${entry.kind})`;
    return [
      ...(entry.seq === before.seq + 1 ? [] : [`${place} follows ${before.seq}`]),
      ...(order < 0 ? [`${place} was accepted with the fence of a former owner`] : []),
      ...(entry.kind === 'claim' && order <= 0 ? [`${place} does not raise the fence`] : []),
      ...(entry.kind !== 'claim' && order > 0 ? [`${place} has a fence that nobody claimed`] : []),
      ...(before.kind === 'terminal' ? [`${place} follows the end`] : []),
    ];
  });
}

/** At least once, and no delivery twice: deliveries of one request that user code saw more than once. */
export function repeatedDeliveries(starts: readonly Effect[]): readonly string[] {
  const seen = new Set<string>();
  return starts.flatMap(({ requestId, delivery }) => {
    const id = `${requestId} #${delivery}`;
    if (seen.has(id)) return [id];
    seen.add(id);
    return [];
  });
}
