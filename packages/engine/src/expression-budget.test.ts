/** What the expressions of one turn may cost together. */
import { failureOf, type JsonValue } from '@baton/core';
import { expr, graph, linear, type PatternDefinition, retry, task } from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import { compile } from './compile.js';
import { expressionLimits } from './expression-syntax.js';
import type { Turn } from './protocol.js';
import { newRun } from './run-state.js';
import { runFlow } from './run-flow.js';
import { step } from './step.js';

const list: JsonValue = Array.from({ length: 10_000 }, (_, index) => index);
const source = task('source', { provides: 'list', execute: () => list });
const targets = Array.from({ length: 24 }, (_, index) => task(`t${index}`, { execute: () => index }));
// a little more than 20,000 steps
const dear = expr('source.all(x, x >= 0)');
const fan = targets.reduce(
  (flow, target) => flow.link(source, target, { decider: dear }),
  graph('fan').addAll([source, ...targets]),
);

function turns(): Turn[] {
  const state = newRun(compile(fan.toJSON()), { flowId: 'f', store: {} });
  const [first] = step(state, { type: 'run' }).commands;
  const requestId = first?.type === 'execute' ? first.requestId : '';
  const made = [step(state, { type: 'completed', requestId, value: { data: list } })];
  while (made.at(-1)?.commands.some(({ type }) => type === 'startTimer'))
    made.push(step(state, { type: 'timerFired', id: 'conditions' }));
  return made;
}

describe('a turn with many dear conditions', () => {
  it('asks some, starts what may start, and goes on in a turn of its own', () => {
    const started = turns().map(({ commands }) =>
      commands.flatMap((command) => (command.type === 'execute' ? [command.atom] : [])),
    );
    const perTurn = Math.ceil(expressionLimits.turnSteps / 20_000);
    expect(started.map((atoms) => atoms.length)).toEqual([perTurn, perTurn, 24 - 2 * perTurn]);
    expect(started.flat()).toEqual(targets.map(({ name }) => name));
  });

  it('is the same each time', () => {
    const [once, twice] = [turns(), turns()].map((made) =>
      made.map(({ facts, commands }) => [facts, commands]),
    );
    expect(once).toEqual(twice);
  });

  it('goes on by itself in every engine', async () => {
    for (const engine of ['serial', 'parallel', 'lazy'] as const)
      expect((await runFlow(fan, { store: {}, engine })).outcome).toBe('SUCCESS');
  });

  it('a new owner asks what was left undecided', () => {
    const state = newRun(compile(fan.toJSON()), { flowId: 'f', store: {} });
    const [first] = step(state, { type: 'run' }).commands;
    const requestId = first?.type === 'execute' ? first.requestId : '';
    step(state, { type: 'completed', requestId, value: { data: list } });
    const adopted = step(state, { type: 'adopt' });
    expect(adopted.facts.some((fact) => fact.fact === 'atom' && fact.atom === 't10')).toBe(true);
  });
});

describe('a failure that many dear controllers are asked about', () => {
  it('is decided by those that the turn can pay for; the others have failed', () => {
    const endless = 'args.list.map(x, x + 1).map(x, x + 1).map(x, x + 1) == [] ? "RETRY" : "REVERT"';
    const failing = task('failing', { execute: () => undefined });
    const controller = () => retry.custom(expr(endless), { requires: ['list'] });
    let flow = linear('f0', { retry: controller() }).add(failing).toJSON();
    for (let level = 1; level < 40; level++) {
      const outer = linear(`f${level}`, { retry: controller() }).toJSON();
      flow = { ...outer, root: { ...outer.root, children: [flow.root] } as PatternDefinition };
    }
    const state = newRun(compile(flow), { flowId: 'f', store: { list: { data: list } } });
    const [command] = step(state, { type: 'run' }).commands;
    const requestId = command?.type === 'execute' ? command.requestId : '';
    const { facts } = step(state, { type: 'failed', requestId, failure: failureOf('BROKEN', 'no') });
    const said = facts.flatMap((fact) =>
      fact.fact === 'history' && fact.atom !== 'failing' ? [fact.failure.message] : [],
    );
    expect(said.filter((message) => message.includes('more than 30000 steps')).length).toBe(34);
    expect(said.filter((message) => message.includes('of this turn took more than')).length).toBe(6);
  });
});
