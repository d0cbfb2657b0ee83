/** What an activation leaves behind when it is over: what it publishes, and where control goes on (C-411 to C-424, C-703 to C-706). */
import { type Argument, type Arguments, type JsonValue, openRecord, type TakenTransition } from '@baton/core';
import {
  isRouteCommand,
  type PublishDefinition,
  type Templates as TemplateMap,
  type TransitionDefinition,
} from '@baton/flow';
import { extract } from '../arguments.js';
import { fault } from '../expression-error.js';
import { shown } from '../expression-values.js';
import { outbound } from './context.js';
import { checkSize } from './data-size.js';
import { type ClauseEvent, clauseOf } from './routed-graph.js';
import { type Activation, contextOf } from './routed-state.js';
import type { RoutedTurn } from './routed-turn.js';
import { type AtActivation, evaluateAt, type Place, type Self } from './surroundings.js';

export interface Leaving {
  readonly published?: Arguments;
  readonly globals?: Arguments;
  readonly next?: readonly TakenTransition[];
}

/** The clauses of an outcome, in the order they are processed. */
const clauses = {
  SUCCESS: ['success', 'complete'],
  FAILURE: ['error', 'complete'],
  SKIPPED: ['skip'],
} as const satisfies Record<FinalState, readonly ClauseEvent[]>;

type FinalState = 'SUCCESS' | 'FAILURE' | 'SKIPPED';

/** @throws ExpressionError */
export function leavingOf(
  { state, budget }: RoutedTurn,
  activation: Activation,
  self: Self & { readonly state: FinalState },
): Leaving {
  const inbound = contextOf(state, activation);
  const before: AtActivation = { state, budget, context: inbound, activation, self };
  const events = clauses[self.state];
  const { branch, global } = publishedBy(before, events);
  const context = outbound(inbound, branch, state.graph.definition.merge);
  const after = { ...before, context, self: { ...self, published: branch } };
  const taken = takenFrom(after, events);
  // C-413
  const next = self.state === 'SKIPPED' && taken.length === 0 ? takenFrom(after, ['success']) : taken;
  return {
    ...(Object.keys(branch).length > 0 && { published: branch }),
    ...(Object.keys(global).length > 0 && { globals: global }),
    ...(next.length > 0 && { next }),
  };
}

interface PublishedBy {
  readonly branch: Arguments;
  readonly global: Arguments;
}

/** The more specific wins: a clause for this outcome over `on-complete`, that over the atom's own, that over `provides` (C-705). */
function publishedBy(place: AtActivation, events: readonly ClauseEvent[]): PublishedBy {
  const { definition } = place.activation.atom;
  const isSuccess = place.self?.state === 'SUCCESS';
  const { publish: always, publishOnError, publishOnSkip } = definition;
  const blocks = [
    isSuccess ? always : place.self?.state === 'SKIPPED' ? publishOnSkip : publishOnError,
    ...events.toReversed().map((event) => clauseOf(definition, event)?.publish),
  ];
  const branch = openRecord<Argument>();
  const global = openRecord<Argument>();
  if (isSuccess) Object.assign(branch, providedBy(place));
  for (const block of blocks) publish(place, block, branch, global);
  checkSize(dataOfAll(branch).concat(dataOfAll(global)), `what ${place.activation.id} publishes`);
  return { branch, global };
}

function providedBy({ activation, self }: Place): Arguments {
  const provided = openRecord<Argument>();
  for (const [symbol, where] of Object.entries(activation?.atom.definition.provides ?? {})) {
    const found = extract(self?.value, where);
    if (found) provided[symbol] = found;
  }
  return provided;
}

function publish(
  place: Place,
  block: PublishDefinition | undefined,
  branch: Record<string, Argument>,
  global: Record<string, Argument>,
): void {
  Object.assign(branch, rendered(place, block?.branch));
  Object.assign(global, rendered(place, block?.global));
}

/** What of it is written out in the journal. */
export function dataOfAll(values: Arguments): JsonValue[] {
  return Object.values(values).map(({ value }) => ('data' in value ? value.data : null));
}

export function rendered(place: Place, templates: TemplateMap = {}): Record<string, Argument> {
  const values = openRecord<Argument>();
  for (const [name, template] of Object.entries(templates))
    values[name] = { value: { data: renderedValue(place, template) } };
  return values;
}

export function renderedValue(place: Place, template: JsonValue): JsonValue {
  return place.state.graph.templates.render(template, (inserted) => evaluateAt(place, inserted));
}

/** What comes behind a command that ends the run is not taken; what comes behind `suspend` waits (C-432 to C-434). */
function takenFrom(place: AtActivation, events: readonly ClauseEvent[]): readonly TakenTransition[] {
  const taken: TakenTransition[] = [];
  for (const event of events)
    for (const transition of clauseOf(place.activation.atom.definition, event)?.next ?? []) {
      if (!isOpen(place, transition)) continue;
      const { to, message } = transition;
      const said =
        isRouteCommand(to) && message !== undefined ? { message: renderedValue(place, message) } : {};
      taken.push({ to, event, ...said });
      if (to === 'fail' || to === 'succeed') return taken;
    }
  return taken;
}

function isOpen(place: Place, { to, when }: TransitionDefinition): boolean {
  if (when === undefined) return true;
  const answer = evaluateAt(place, place.state.graph.templates.expression(when));
  if (typeof answer === 'boolean') return answer;
  return fault(`is the guard of ${to} and gives ${shown(answer)}, neither true nor false`);
}
