/** What an activation gives to what it runs: of a sub-flow, also which flow that is (section 12). */
import { type Arguments, type Failure, failureOf } from '@baton/core';
import { inputsOfFlow, waitEventTask } from '@baton/flow';
import { evaluateBuiltIn } from '../built-in-tasks.js';
import { depthOf } from './child-command.js';
import { textAt } from './policies.js';
import { argumentsFor } from './routed-request.js';
import type { Unit } from './routed-state.js';
import type { AtActivation } from './surroundings.js';

/** C-1208. */
export const depthMax = 32;

/** What a task, delegate or child run is given: `flow`: the name of what runs. Or why it cannot begin. */
export type Asked = { readonly args: Arguments; readonly flow?: string } | { readonly failure: Failure };

/** @throws ExpressionError */
export function askedFor(place: AtActivation): Asked {
  const { state, activation } = place;
  const { definition } = activation.atom;
  if (definition.flow === undefined) {
    const given = argumentsFor(place, definition, 'ARGUMENT_MISSING');
    if ('failure' in given || definition.task !== waitEventTask) return given;
    // nobody looks at them later, as of what the engine does at once
    const checked = evaluateBuiltIn(definition.task, given.args);
    return 'failure' in checked ? checked : given;
  }
  const flow = textAt(place, definition.flow, 'flow');
  const child = state.graph.subFlows.get(flow);
  if (!child)
    return refused(activation, 'NO_SUCH_FLOW', `runs the flow ${flow}, which was not given with this one`);
  if (depthOf(state) >= depthMax)
    return refused(activation, 'LIMIT', `would run ${flow} more than ${depthMax} flows below the first`);
  const inputs = inputsOfFlow(child);
  const asked = argumentsFor(place, { ...definition, ...inputs }, 'INVALID_INPUT');
  if ('failure' in asked) return asked;
  const known = [...inputs.requires, ...inputs.optional];
  const unknown = Object.keys(asked.args).filter((name) => !known.includes(name));
  if (unknown.length === 0) return { ...asked, flow };
  const said = `gives ${flow} ${unknown.join(', ')}; the inputs of that flow: ${known.join(', ') || 'none'}`;
  return refused(activation, 'INVALID_INPUT', said);
}

function refused({ id }: Unit, code: string, what: string): Asked {
  return { failure: failureOf(code, `${id} ${what}`, { phase: 'arguments', atom: id, retryable: false }) };
}
