import { expect } from '@jest/globals';
import type { ErrorCode } from '@baton/core';

/** The promise rejects with this code; gives the error's details. */
export async function expectRefusal(
  promise: Promise<unknown>,
  code: ErrorCode,
): Promise<Readonly<Record<string, unknown>>> {
  const outcome: unknown = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  expect(outcome).toMatchObject({ error: { code } });
  return (outcome as { error: { details: Readonly<Record<string, unknown>> } }).error.details;
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

/** Bytes that a text encoding would damage, of any length. */
export function binary(length: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8) + seed) & 0xff);
}

/** 0 … count-1. */
export function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}
