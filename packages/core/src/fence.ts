/**
 * A fence proves who owns a job: the generation of the store (raised only by an operator after a restore), then the
 * transaction id of the claim. A later claim always has the higher fence. Source: reliability P-403.
 */
export interface Fence {
  readonly generation: number;
  readonly zxid: bigint;
}

/** The fence below all claims; entry 0 of a journal carries it. */
export const noFence: Fence = Object.freeze({ generation: 0, zxid: 0n });

/** Negative, zero or positive as `a` is below, equal to or above `b`. */
export function compareFences(a: Fence, b: Fence): number {
  if (a.generation !== b.generation) return a.generation - b.generation;
  return a.zxid === b.zxid ? 0 : a.zxid < b.zxid ? -1 : 1;
}

/** Fixed width hexadecimal, `gggggggg:zzzzzzzzzzzzzzzz`: text order equals fence order. */
export function formatFence(fence: Fence): string {
  return `${fence.generation.toString(16).padStart(8, '0')}:${fence.zxid.toString(16).padStart(16, '0')}`;
}

/** Inverse of `formatFence`; `undefined` when the text is not a fence. */
export function parseFence(text: string): Fence | undefined {
  const match = /^([0-9a-f]{8}):([0-9a-f]{16})$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return { generation: Number.parseInt(match[1], 16), zxid: BigInt(`0x${match[2]}`) };
}
