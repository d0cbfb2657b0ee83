import type { FlowDefinition, RoutedFlowDefinition } from '@baton/flow';
import { subFlowOf } from '@baton/flow';

type AnyDefinition = FlowDefinition | RoutedFlowDefinition;

/** Flows that were given with a routed one, as definitions of their own runs; each made when it is first asked for. */
export class SubFlows {
  readonly #flows: NonNullable<RoutedFlowDefinition['flows']>;
  readonly #made = new Map<string, AnyDefinition>();

  constructor(flows: NonNullable<RoutedFlowDefinition['flows']>) {
    this.#flows = flows;
  }

  get names(): readonly string[] {
    return Object.keys(this.#flows);
  }

  get(name: string): AnyDefinition | undefined {
    const made = this.#made.get(name) ?? subFlowOf({ flows: this.#flows }, name);
    if (made) this.#made.set(name, made);
    return made;
  }
}
