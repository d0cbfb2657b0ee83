/** Acceptance cases of control-flow.md section 19: what a document says for all its atoms. */
import { isRouted, parseFlowYaml, type RoutedDefinition } from '@baton/flow';
import { expect } from '@jest/globals';
import type { RoutedCase } from './routed.js';

export const defaultCases: RoutedCase[] = [];
const each = (name: string, body: RoutedCase['body']): void => void defaultCases.push({ name, body });

function document(text: string): RoutedDefinition {
  const flow = parseFlowYaml(`baton: 1\nflow: f\n${text}`);
  if (!isRouted(flow)) throw new Error('it is ordered');
  return flow.root;
}

each('M31 default error handler: it runs once, and its output is there', async (run) => {
  const flow = document(`
atom-defaults: { on-error: handler }
output: { said: "\${said}" }
atoms:
  a: { task: echo, on-success: b }
  b: { task: fail, on-success: c }
  c: { task: echo }
  handler: { task: echo, input: { value: "\${task('b').failure.message}" }, publish: { said: "\${self.result}" } }
`);
  const { outcome, states, output } = await run(flow);
  expect([outcome, output]).toEqual(['SUCCESS', { said: 'no' }]);
  expect(states).toEqual({ a: 'SUCCESS', b: 'FAILURE', handler: 'SUCCESS' });
});

each('M31 default error handler: it does not handle itself', async (run) => {
  const flow = document(`
atom-defaults: { on-error: handler }
atoms:
  a: { task: fail }
  handler: { task: fail }
`);
  const { outcome, states } = await run(flow);
  expect([outcome, states]).toEqual(['FAILURE', { a: 'FAILURE', handler: 'FAILURE' }]);
});

each('M31 default error handler: of a failure before a join', async (run) => {
  const flow = document(`
atom-defaults: { on-error: handler }
atoms:
  a: { task: echo, on-success: j }
  b: { task: fail, on-success: j }
  j: { task: echo, join: all, on-error: noop }
  handler: { task: echo, publish: { handled: true } }
`);
  const { outcome, states, output } = await run(flow);
  expect([outcome, output['handled']]).toEqual(['SUCCESS', true]);
  expect(states).toEqual({ a: 'SUCCESS', b: 'FAILURE', j: 'FAILURE', handler: 'SUCCESS' });
});

each('M31 default error handler: null cancels it', async (run) => {
  const flow = document(`
atom-defaults: { on-error: noop }
atoms:
  a: { task: fail, on-error: null }
  b: { task: fail }
`);
  const { outcome, failures } = await run(flow);
  expect([outcome, failures.length >= 1]).toEqual(['FAILURE', true]);
});

each('M29 waits: before and after by defaults', async (run) => {
  const flow = document(`
pattern: routed
atom-defaults: { wait-before: 20ms, wait-after: 20ms }
atoms:
  a: { task: echo }
  b: { task: echo, wait-before: null, wait-after: null }
`);
  const { outcome, repeats } = await run(flow);
  expect([outcome, repeats]).toEqual(['SUCCESS', 2]);
});

each('M09 command messages: by defaults', async (run) => {
  const flow = document(`
atom-defaults: { on-error: { to: fail, message: "\${self.name}: \${self.failure.message}" } }
atoms:
  a: { task: fail }
`);
  const { outcome, output } = await run(flow);
  expect([outcome, output]).toEqual(['FAILURE', { result: 'a: no' }]);
});
