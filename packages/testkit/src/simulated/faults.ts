export interface FaultPlan<Operation extends string, Kind extends string> {
  readonly kind: Kind;
  /** Only an operation of this name meets the fault; undefined = whichever comes next. */
  readonly operation?: Operation;
  /** How many matching operations pass before. */
  readonly skip?: number;
  /** For faults that end or land later by themselves. */
  readonly delayMs?: number;
  /** Told when an operation meets it. */
  readonly onMet?: () => void;
}

/**
 * Faults planned for operations to come, in the order planned; each is met once. `slowMs` delays every message in each
 * direction while it is above 0.
 */
export class Faults<Operation extends string, Kind extends string> {
  slowMs = 0;
  #planned: { plan: FaultPlan<Operation, Kind>; skip: number }[] = [];

  /** Plans `kind` for the next operation (of that name). */
  next(kind: Kind, plan: Omit<FaultPlan<Operation, Kind>, 'kind'> = {}): void {
    this.#planned.push({ plan: { ...plan, kind }, skip: plan.skip ?? 0 });
  }

  /** Planned faults that no operation has met: 0 at the end of a test, or it did not test what it says. */
  get pending(): number {
    return this.#planned.length;
  }

  clear(): void {
    this.#planned = [];
    this.slowMs = 0;
  }

  /** For substrates: the fault that this operation meets; those that do not suit wait for another one. */
  take(
    operation: Operation,
    suits: (kind: Kind) => boolean = () => true,
  ): FaultPlan<Operation, Kind> | undefined {
    const matching = this.#planned.filter(
      ({ plan }) => (plan.operation === undefined || plan.operation === operation) && suits(plan.kind),
    );
    const met = matching.find((each) => each.skip === 0);
    for (const each of matching) if (each !== met && each.skip > 0) each.skip--;
    if (met !== undefined) this.#planned.splice(this.#planned.indexOf(met), 1);
    met?.plan.onMet?.();
    return met?.plan;
  }
}
