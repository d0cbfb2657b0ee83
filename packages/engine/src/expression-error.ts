/** An expression that is wrong, or that came to no answer; becomes a DefinitionError or the failure of an atom. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
  readonly code: 'EXPRESSION' | 'TOO_LARGE';
  /** The same data give the same answer. */
  readonly retryable = false;
  /** Where in the source, in characters from its beginning. */
  readonly offset: number | undefined;

  constructor(message: string, offset?: number, code: ExpressionError['code'] = 'EXPRESSION') {
    super(message);
    this.code = code;
    this.offset = offset;
  }
}

/** @throws ExpressionError always */
export function fault(reason: string, offset?: number): never {
  throw new ExpressionError(reason, offset);
}
