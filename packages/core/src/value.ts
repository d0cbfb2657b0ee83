/** Data as JSON knows it. */
export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/**
 * A user value as it is stored and sent: JSON data, bytes (base64), or a reference to a payload document. Values above
 * the inline limit (16 KiB) become references before they are journalled; above `payload.max` (512 KiB) they are refused.
 */
export type Value = { readonly data: JsonValue } | { readonly bytes: string } | { readonly ref: PayloadRef };

export interface PayloadRef {
  /** SHA-256 of the encoded bytes, hexadecimal; the id of the payload document. */
  readonly digest: string;
  readonly sizeBytes: number;
  readonly contentType: string;
}

/** A value, or one element of it when `path` is given (a reference is resolved first, by whoever reads it). */
export interface Argument {
  readonly value: Value;
  readonly path?: string | number;
}

export type Arguments = Readonly<Record<string, Argument>>;

export type InlineValue = Exclude<Value, { readonly ref: PayloadRef }>;

/** What is given with a job beside its symbols: where it runs, not what it does. Expressions of routed flows read it as `env` (C-711). */
export type Environment = Readonly<Record<string, JsonValue>>;

/** Default limits in bytes of the encoded value (DESIGN 7). An environment is always inline, as expressions read it. */
export const valueLimits = Object.freeze({
  inlineBytesMax: 16 * 1024,
  payloadBytesMax: 512 * 1024,
  environmentBytesMax: 16 * 1024,
});
