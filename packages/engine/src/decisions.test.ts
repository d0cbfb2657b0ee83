/** Deciders and retry decisions that are expressions, in runs. */
import { codeOf, type JsonValue } from '@baton/core';
import {
  canonicalFlowJson,
  expr,
  graph,
  linear,
  parseFlowDefinition,
  retry,
  task,
  unordered,
} from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import { fold } from './apply-fact.js';
import { compile } from './compile.js';
import { newRun } from './run-state.js';
import { type FlowReport, runFlow } from './run-flow.js';
import { step } from './step.js';
import { validate } from './validate.js';

const gives = <const N extends string>(name: N, value: JsonValue) =>
  task(name, { provides: name, execute: () => value });
const smoke = gives('smoke', { ok: false, hosts: [1, 2] });
const publish = gives('publish', true);
const page = gives('page', true);

function ends(report: FlowReport<object>): Record<string, string> {
  return Object.fromEntries(
    report.transitions.flatMap((transition) =>
      'atom' in transition ? [[transition.atom, transition.to]] : [],
    ),
  );
}

const onSmoke = (publishing: string, paging = '!smoke.ok') =>
  graph('release')
    .add(smoke, publish, page)
    .link(smoke, publish, { decider: expr(publishing), depth: 'atom' })
    .link(smoke, page, { decider: expr(paging), depth: 'atom' });

const refused = (action: () => unknown): { code: string | undefined; message: string; details: unknown } => {
  try {
    action();
  } catch (error) {
    return {
      code: codeOf(error),
      message: (error as Error).message,
      details: (error as { details: unknown }).details,
    };
  }
  return { code: undefined, message: 'accepted', details: undefined };
};

describe('a decider that is an expression', () => {
  it('lets its target run, or has it ignored', async () => {
    const report = await runFlow(onSmoke('history.smoke.ok == true'), { store: {} });
    expect(report.outcome).toBe('SUCCESS');
    expect(ends(report)).toEqual({ smoke: 'SUCCESS', publish: 'IGNORE', page: 'SUCCESS' });
  });

  it('reads what a sub-flow provides, and names with dots', async () => {
    const probes = unordered('probe.all').add(gives('left', 1), gives('right', 2));
    const flow = graph('g')
      .add(probes, publish)
      .link(probes, publish, {
        decider: expr('history["probe.all"].left + history["probe.all"].right == 3'),
      });
    expect(ends(await runFlow(flow, { store: {} }))['publish']).toBe('SUCCESS');
  });

  it.each([
    ['smoke.missing == 1', 'no such key: missing'],
    ['smoke.hosts', 'gives a list or a map, neither true nor false'],
    ['smoke.hosts[0]', 'gives "1", neither true nor false'],
    ['smoke.hosts.map(x, "aaaaaaaa".matches("(a{100}){9}")) == []', 'takes more than 30000 steps'],
  ])('%s fails the target in phase decider, without its body (E-507): %s', async (source, message) => {
    const report = await runFlow(onSmoke(source, 'false'), { store: {} });
    expect(report.outcome).toBe('REVERTED');
    const [failure] = report.failures;
    expect(failure).toMatchObject({
      atom: 'publish',
      phase: 'decider',
      code: 'EXPRESSION',
      retryable: false,
    });
    expect(failure?.message).toContain(message);
    const states = report.transitions.flatMap((one) =>
      'atom' in one && one.atom === 'publish' ? [one.to] : [],
    );
    expect(states.slice(0, 2)).toEqual(['RUNNING', 'FAILURE']);
  });

  it('does not fetch a result that is kept outside the journal', () => {
    const state = newRun(compile(onSmoke('smoke.ok', 'true').toJSON()), { flowId: 'f', store: {} });
    const [command] = step(state, { type: 'run' }).commands;
    const requestId = command?.type === 'execute' ? command.requestId : '';
    const ref = { ref: { id: 'payload', bytes: 20_000, contentType: 'application/json' } } as never;
    const { facts } = step(state, { type: 'completed', requestId, value: ref });
    const failed = facts.find(
      (fact) => fact.fact === 'atom' && fact.atom === 'publish' && fact.to === 'FAILURE',
    );
    expect(JSON.stringify(failed)).toContain(
      'reads the result of smoke, which is too large to be kept inline',
    );
  });

  it('is asked once: what it said is in the facts, and a run that is folded from them does not ask again (E-508)', () => {
    const asked: string[] = [];
    const state = newRun(compile(onSmoke('smoke.ok').toJSON()), { flowId: 'f', store: {} });
    const { facts: first, commands } = step(state, { type: 'run' });
    const requestId = commands[0]?.type === 'execute' ? commands[0].requestId : '';
    const value = { data: { ok: false } };
    const facts = [...first, ...step(state, { type: 'completed', requestId, value }).facts];
    // another definition would decide otherwise: the facts count
    const other = newRun(compile(onSmoke('true').toJSON()), { flowId: 'f', store: {} });
    fold(other, facts, (transition) => asked.push(transition.to));
    step(other, { type: 'adopt' });
    const id = other.compiled.atoms.get('publish')?.id ?? -1;
    expect(asked).toContain('IGNORE');
    expect(other.runs[id]?.state).toBe('IGNORE');
  });

  it.each([
    ['smoke.ok ==', /decider of link smoke → publish, "smoke.ok ==", is no CEL: it ends .* at character 12/],
    ['smokes.ok', /uses smokes, which it is not given; there are history, history\["smoke"\] at character 1/],
    ['page.ok', /uses page, which it is not given/],
  ])('is refused when the flow is given: %s', (source, message) => {
    const { code, message: said, details } = refused(() => validate(compile(onSmoke(source).toJSON()), []));
    expect(code).toBe('BATON_DEFINITION_EXPRESSION');
    expect(said).toMatch(message);
    expect(details).toMatchObject({ source, offset: expect.any(Number) });
  });

  it('may be a function in process', async () => {
    const flow = graph('g')
      .add(smoke, publish)
      .link(smoke, publish, { decider: { local: 'never' } });
    const report = await runFlow(flow, { store: {}, functions: { deciders: { never: () => false } } });
    expect(ends(report)['publish']).toBe('IGNORE');
  });
});

describe('a retry decision that is an expression', () => {
  const attempts = (decision: string, quota = 3) => {
    let runs = 0;
    const failing = task('failing', {
      execute: () => {
        runs++;
        throw Object.assign(new RangeError('no room'), { code: runs < 3 ? 'FULL' : 'BROKEN' });
      },
    });
    const flow = linear('outer', { retry: retry.times(2) }).add(
      linear('inner', {
        retry: retry.custom(expr(decision), { requires: ['quota'], provides: 'round' }),
      }).add(failing),
    );
    return runFlow(flow, { store: { quota } }).then(({ outcome, failures, transitions }) => ({
      runs,
      outcome,
      failures,
      transitions,
    }));
  };

  it.each<[string, number]>([
    ['attempt < args.quota ? "RETRY" : "REVERT_ALL"', 3],
    ['failure.code == "FULL" && failure.types.exists(t, t == "RangeError") ? "RETRY" : "REVERT_ALL"', 3],
    ['history.size() < 2 && history[0].failures.failing.message == "no room" ? "RETRY" : "REVERT_ALL"', 2],
    ['history.all(h, h.value < 4) ? "RETRY" : "REVERT_ALL"', 4],
    ['attempt < 2 ? "RETRY" : "REVERT"', 4],
  ])('%s gives %d runs', async (decision, expected) => {
    const { runs, outcome } = await attempts(decision);
    expect({ runs, outcome }).toEqual({ runs: expected, outcome: 'REVERTED' });
  });

  it.each(['"AGAIN"', 'true', 'failure.missing', 'history[9].value == 1 ? "RETRY" : "REVERT"'])(
    'that decides nothing counts as REVERT: %s (E-605)',
    async (decision) => {
      // the outer controller asks for its second round
      expect((await attempts(decision)).runs).toBe(2);
    },
  );

  it('is refused when the flow is given', async () => {
    const { code, message } = await attempts('attempts < 3 ? "RETRY" : "REVERT"').then(
      () => ({ code: '', message: '' }),
      (error: unknown) => ({ code: codeOf(error), message: (error as Error).message }),
    );
    expect(code).toBe('BATON_DEFINITION_EXPRESSION');
    expect(message).toMatch(/the decision of retry inner_retry, .* uses attempts, which it is not given/);
  });

  it('goes round as JSON, and belongs to a custom controller alone', () => {
    const flow = linear('f', { retry: retry.custom(expr('"REVERT"'), { requires: ['quota'] }) }).toJSON();
    const text = canonicalFlowJson(flow);
    expect(text).toContain(
      '"retry":{"kind":"custom","onFailure":{"expr":"\\"REVERT\\""},"requires":["quota"]}',
    );
    expect(canonicalFlowJson(parseFlowDefinition(JSON.parse(text)))).toBe(text);
    const wrong = text.replace('"kind":"custom"', '"kind":"times"');
    expect(refused(() => parseFlowDefinition(JSON.parse(wrong))).code).toBe('BATON_DEFINITION_INVALID');
  });
});
