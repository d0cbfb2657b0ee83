/** Its message is meant for a person: what is wrong with the arguments. The runner ends with code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
