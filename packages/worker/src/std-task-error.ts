/** Why a task of Baton's own has failed, and whether it may be tried again. */
export class StdTaskError extends Error {
  override readonly name = 'StdTaskError';
  readonly code: string;
  readonly retryable: boolean;

  constructor(
    code: string,
    message: string,
    { retryable = true, ...options }: ErrorOptions & { readonly retryable?: boolean } = {},
  ) {
    super(message, options);
    this.code = code;
    this.retryable = retryable;
  }
}
