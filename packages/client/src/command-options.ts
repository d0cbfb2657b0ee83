/** Who gives a command, and why: at most 1 KiB each. Shown with the job. */
export interface CommandOptions {
  readonly by?: string;
  readonly reason?: string;
}

export interface CancelOptions extends CommandOptions {
  /** Undo what ran (default), or stop where it is. */
  readonly revert?: boolean;
}
