/**
 * A Failure is data about an atom: it is stored, sent and shown, never thrown. Source: engine.md section 12.
 */
import type { JsonValue } from './value.js';

export type FailurePhase = 'decider' | 'arguments' | 'queue' | 'execute' | 'result' | 'revert';

export interface Failure {
  readonly version: 1;
  readonly message: string;
  /** From most derived to root; the root is `Error`. */
  readonly types: readonly string[];
  /** Machine-readable reason, for example `WORKER_LOST`, `RESULT_SHAPE`, `TIMEOUT`; user errors carry their own `code` when it is text. */
  readonly code?: string;
  readonly phase?: FailurePhase;
  readonly atom?: string;
  readonly attempt?: number;
  readonly round?: number;
  readonly worker?: string;
  /** False when an attempt policy must not repeat it (`TerminalError`). */
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
  readonly stack?: string;
  readonly causes?: readonly Failure[];
  readonly details?: JsonValue;
}

const MESSAGE_MAX = 8 * 1024;
const STACK_MAX = 32 * 1024;
const CAUSES_DEPTH_MAX = 16;

/** What a caller knows about where a failure happened. */
export type FailureContext = Partial<
  Pick<Failure, 'code' | 'phase' | 'atom' | 'attempt' | 'round' | 'worker' | 'details'>
>;

const given = new WeakMap<object, JsonValue>();

/** What was thrown, with data that its failure is to have as `details`; what is no object becomes an error with its text. */
export function withDetails(thrown: unknown, details: JsonValue): object {
  const error = typeof thrown === 'object' && thrown !== null ? thrown : new Error(safeText(thrown));
  given.set(error, details);
  return error;
}

/** Total: gives a Failure for whatever was thrown (strings, frozen objects, throwing getters, cyclic causes) and never throws. */
export function toFailure(thrown: unknown, context: FailureContext = {}): Failure {
  return { ...describe(thrown, 0, new Set()), ...context };
}

/** A failure Baton itself states, without an error behind it. */
export function failureOf(
  code: string,
  message: string,
  context: FailureContext & { readonly retryable?: boolean } = {},
): Failure {
  return {
    version: 1,
    message: clip(message, MESSAGE_MAX),
    types: ['Error'],
    code,
    retryable: true,
    ...context,
  };
}

/** Whether the failure is of one of the named types (its own or an ancestor). */
export function failureIs(failure: Failure, ...types: readonly string[]): boolean {
  return types.some((type) => failure.types.includes(type));
}

function describe(thrown: unknown, depth: number, seen: Set<unknown>): Failure {
  if (typeof thrown !== 'object' || thrown === null) {
    return { version: 1, message: clip(safeText(thrown), MESSAGE_MAX), types: ['Error'], retryable: true };
  }
  seen.add(thrown);
  const code = textOf(thrown, 'code');
  const stack = textOf(thrown, 'stack');
  const message = textOf(thrown, 'message') ?? safeText(thrown);
  const retryAfterMs = read(thrown, 'retryAfterMs');
  const details = given.get(thrown);
  const cause = read(thrown, 'cause');
  const follow = cause !== undefined && cause !== null && depth < CAUSES_DEPTH_MAX && !seen.has(cause);
  return {
    version: 1,
    message: clip(message, MESSAGE_MAX),
    types: typesOf(thrown),
    retryable: read(thrown, 'retryable') !== false,
    ...(code === undefined ? {} : { code: clip(code, 256) }),
    ...(typeof retryAfterMs === 'number' && Number.isFinite(retryAfterMs) ? { retryAfterMs } : {}),
    ...(stack === undefined ? {} : { stack: clip(stack, STACK_MAX) }),
    ...(follow ? { causes: [describe(cause, depth + 1, seen)] } : {}),
    ...(details === undefined ? {} : { details }),
  };
}

function typesOf(thrown: object): readonly string[] {
  const types: string[] = [];
  const own = textOf(thrown, 'name');
  if (own !== undefined && own !== '') types.push(clip(own, 256));
  try {
    for (
      let proto: unknown = Object.getPrototypeOf(thrown);
      proto !== null && types.length < 16;
      proto = Object.getPrototypeOf(proto)
    ) {
      const name = ((proto as object).constructor as { name?: unknown } | undefined)?.name;
      if (typeof name === 'string' && name !== '' && name !== 'Object' && !types.includes(name))
        types.push(clip(name, 256));
    }
  } catch {
    // a proxy may refuse to show its prototype: the types found so far must do
  }
  if (!types.includes('Error')) types.push('Error');
  return types;
}

function read(thrown: object, key: string): unknown {
  try {
    return (thrown as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}

function textOf(thrown: object, key: string): string | undefined {
  const value = read(thrown, key);
  return typeof value === 'string' ? value : undefined;
}

function safeText(thrown: unknown): string {
  try {
    return typeof thrown === 'object' && thrown !== null
      ? (JSON.stringify(thrown) ?? 'unprintable value')
      : String(thrown);
  } catch {
    return 'unprintable value';
  }
}

function clip(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max)}… (${text.length - max} more)`;
}
