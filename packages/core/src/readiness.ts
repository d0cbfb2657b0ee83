/** Whether a member can do what it is there for. */
export interface Readiness {
  readonly ready: boolean;
  /** What is looked at → `ok`, or what is wrong with it. */
  readonly checks: Readonly<Record<string, string>>;
}

export function readinessOf(problems: Readonly<Record<string, string | undefined>>): Readiness {
  return {
    ready: Object.values(problems).every((problem) => problem === undefined),
    checks: Object.fromEntries(Object.entries(problems).map(([name, problem]) => [name, problem ?? 'ok'])),
  };
}
