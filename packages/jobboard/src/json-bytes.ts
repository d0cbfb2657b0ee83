/** Node data is JSON in UTF-8. */
export function toBytes(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/** Inverse of `toBytes`; `undefined` for bytes that are not JSON (somebody else's, or damaged). */
export function fromBytes(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()) as unknown;
  } catch {
    return undefined;
  }
}
