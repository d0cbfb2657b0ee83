import { BATCH_BYTES_MAX } from './protocol.js';

/** Cuts a list, in order, into pieces that each fit one request; none for an empty list. */
export function inBatches<T>(items: readonly T[], bytesOf: (item: T) => number): T[][] {
  const batches: T[][] = [];
  let bytes = Infinity;
  for (const item of items) {
    bytes += bytesOf(item);
    if (bytes > BATCH_BYTES_MAX) {
      batches.push([]);
      bytes = bytesOf(item);
    }
    batches.at(-1)?.push(item);
  }
  return batches;
}
