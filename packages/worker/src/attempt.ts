/**
 * Purpose: runs the user code of one request and turns whatever it does into exactly one outcome: a value, or a Failure.
 * States: running → aborted (told to stop, may still end by itself) → over. After the grace an aborted attempt is over even when
 *   the task never returns; what it does later is logged and dropped.
 * On failure: nothing thrown, returned or rejected by user code, at whatever time, gets out of here other than as the outcome.
 * Not here: which requests run (request-ledger.ts), sending the answer (incarnation.ts).
 */
import {
  idempotencyKeyOf,
  type FailurePhase,
  type InlineValue,
  type Logger,
  type Result,
  type Runtime,
  type TaskRequest,
} from '@baton/core';
import {
  decodeUserValue,
  encodeUserValue,
  type EncodedValue,
  type TaskContext,
  taskArguments,
} from '@baton/flow';
import { abortReason, type AbortKind } from './abort-reason.js';
import {
  abortFailure,
  statedFailure,
  thrownFailure,
  unbegunPhase,
  type Aborted,
  type Outcome,
} from './attempt-failure.js';
import { loggerWith } from './logger-with.js';
import type { RegisteredTask } from './registered-task.js';

export interface AttemptLimits {
  /** How long an aborted task may go on before it is given up. */
  readonly abortGraceMs: number;
  /** Largest result, in bytes of its JSON or of itself. */
  readonly payloadBytesMax: number;
}

export interface AttemptOptions {
  readonly task: RegisteredTask;
  readonly request: TaskRequest;
  readonly worker: string;
  readonly runtime: Pick<Runtime, 'clock' | 'logger'>;
  readonly limits: AttemptLimits;
  readonly onProgress: (fraction: number, message: string | undefined) => void;
}

export interface AttemptEnd {
  readonly outcome: Result['outcome'];
  readonly sizeBytes: number;
  /** What it was first told to stop for, if anything. */
  readonly aborted: AbortKind | undefined;
}

export class Attempt {
  /** Never rejects. */
  readonly ended: Promise<AttemptEnd>;
  readonly #options: AttemptOptions;
  readonly #log: Logger;
  /** Made when the task first asks for its signal: most never do, and it costs 2 µs of every attempt. */
  #controller: AbortController | undefined;
  readonly #resolve: (end: AttemptEnd) => void;
  #aborted: Aborted | undefined;
  #over = false;
  #phase: FailurePhase;
  #cancelTimer: () => void = () => undefined;

  /** Starts at once; user code runs in a later microtask. */
  constructor(options: AttemptOptions) {
    this.#options = options;
    const { request, runtime } = options;
    this.#phase = unbegunPhase(request);
    this.#log = loggerWith(runtime.logger, {
      flow: request.flowId,
      atom: request.atom,
      requestId: request.requestId,
      attempt: request.attempt,
      delivery: request.delivery,
    });
    const { promise, resolve } = withResolver<AttemptEnd>();
    this.ended = promise;
    this.#resolve = resolve;
    if (request.timeoutMs !== undefined) {
      const message = `${request.task} ran longer than its ${request.timeoutMs} ms`;
      this.#cancelTimer = runtime.clock.setTimer(request.timeoutMs, () => this.abort('timeout', message));
    }
    void this.#run();
  }

  /** Tells the task to stop. The first reason counts; the task may still end with a value. */
  abort(kind: AbortKind, message: string): void {
    if (this.#over || this.#aborted !== undefined) return;
    const reason = abortReason(kind, message);
    this.#aborted = { kind, reason };
    this.#cancelTimer();
    const { abortGraceMs } = this.#options.limits;
    this.#cancelTimer = this.#options.runtime.clock.setTimer(abortGraceMs, () => {
      this.#log.warn('task given up', { reason: reason.code, graceMs: abortGraceMs });
      this.#end(this.#failed(undefined));
    });
    this.#controller?.abort(reason);
  }

  async #run(): Promise<void> {
    let outcome: Outcome;
    try {
      outcome = await this.#outcome();
    } catch (thrown) {
      outcome = this.#failed(thrown);
    }
    if (this.#over) this.#log.warn('task ended after it had been given up', { ended: kindOf(outcome) });
    else this.#end(outcome);
  }

  async #outcome(): Promise<Outcome> {
    const { task, request } = this.#options;
    const reverting = request.action === 'revert';
    if (reverting && task.revert === undefined) return { outcome: { value: { data: null } }, sizeBytes: 4 };
    const resolved = await taskArguments(request, task);
    if ('problems' in resolved)
      return statedFailure(
        this.#options,
        'ARGUMENTS_INVALID',
        `arguments of ${task.name}: ${resolved.problems.join('; ')}`,
        { phase: 'arguments', retryable: false },
      );
    if (this.#aborted !== undefined) return this.#failed(undefined);
    const context = this.#context();
    this.#phase = request.action;
    const returned = reverting
      ? await task.revert?.(resolved.args, Object.freeze({ ...context, ...revertPart(request) }))
      : await task.execute(resolved.args, Object.freeze(context));
    return this.#checked(returned);
  }

  #checked(returned: unknown): Outcome {
    const { task, request } = this.#options;
    const encoded = encodeUserValue(returned);
    const unfit = this.#unfit(encoded);
    if (unfit !== undefined) {
      if (request.action === 'execute')
        return statedFailure(this.#options, unfit.code, unfit.message, { phase: 'result', retryable: false });
      // the work is undone, which counts; what its revert returned is for people only (E-122)
      this.#log.warn('what a revert returned is not kept', { reason: unfit.message });
    }
    if (unfit !== undefined || 'problem' in encoded)
      return { outcome: { value: { data: null } }, sizeBytes: 4 };
    const missing = request.action === 'execute' ? missingProvided(task, encoded.value) : [];
    if (missing.length > 0)
      return statedFailure(
        this.#options,
        'RESULT_SHAPE',
        `${task.name} promises ${missing.join(', ')} and did not return it`,
        { phase: 'result', retryable: true },
      );
    return { outcome: { value: encoded.value }, sizeBytes: encoded.sizeBytes };
  }

  /** Why it cannot be stored, if so. */
  #unfit(encoded: EncodedValue): { readonly code: string; readonly message: string } | undefined {
    const { task, limits } = this.#options;
    if ('problem' in encoded) {
      const message = `${task.name} must return JSON data or a Uint8Array: ${encoded.problem}`;
      return { code: 'RESULT_NOT_SERIALISABLE', message };
    }
    if (encoded.sizeBytes <= limits.payloadBytesMax) return undefined;
    const message =
      `${task.name} returned ${encoded.sizeBytes} bytes, more than the ${limits.payloadBytesMax} allowed: ` +
      'store the data elsewhere and return a reference';
    return { code: 'RESULT_TOO_LARGE', message };
  }

  /** Whatever was thrown; after an abort the abort is the failure and what was thrown its cause. */
  #failed(thrown: unknown): Outcome {
    return this.#aborted === undefined
      ? thrownFailure(this.#options, thrown)
      : abortFailure(this.#options, this.#aborted, { phase: this.#phase, thrown });
  }

  #context(): TaskContext {
    const { request, runtime, worker } = this.#options;
    const signal = (): AbortSignal => this.#signal();
    return {
      get signal() {
        return signal();
      },
      flowId: request.flowId,
      atom: request.atom,
      attempt: request.attempt,
      round: request.round,
      requestId: request.requestId,
      delivery: request.delivery,
      fence: request.fence,
      idempotencyKey: idempotencyKeyOf(request.requestId),
      ...(request.timeoutMs === undefined ? {} : { deadline: runtime.clock.wallMs() + request.timeoutMs }),
      ...request.link,
      worker,
      log: this.#log,
      progress: (fraction, message) => this.#progress(fraction, message),
    };
  }

  #signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  #progress(fraction: unknown, message: unknown): void {
    if (this.#over) return;
    if (typeof fraction !== 'number' || Number.isNaN(fraction) || fraction < 0 || fraction > 1)
      this.#log.warn('progress outside 0 to 1', { progress: String(fraction) });
    const clamped = Math.min(1, Math.max(0, Number(fraction) || 0));
    this.#options.onProgress(clamped, typeof message === 'string' ? message.slice(0, 1024) : undefined);
  }

  #end({ outcome, sizeBytes }: Outcome): void {
    this.#over = true;
    this.#cancelTimer();
    this.#resolve({ outcome, sizeBytes, aborted: this.#aborted?.kind });
  }
}

function revertPart({ result, flowFailures = {} }: TaskRequest) {
  return {
    result:
      result === undefined ? undefined : 'failure' in result ? result.failure : decodeUserValue(result.value),
    flowFailures: Object.freeze({ ...flowFailures }),
  };
}

/** Names that were promised by key or index and are not in the result (E-130). */
function missingProvided(task: RegisteredTask, value: InlineValue): readonly string[] {
  const data = 'data' in value ? value.data : undefined;
  return Object.entries(task.provides)
    .filter(
      ([, at]) => at !== null && !(typeof data === 'object' && data !== null && Object.hasOwn(data, at)),
    )
    .map(([name]) => name);
}

function kindOf({ outcome }: Outcome): 'value' | 'failure' {
  return 'failure' in outcome ? 'failure' : 'value';
}

function withResolver<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}
