import { describe, expect, it } from '@jest/globals';
import type { ProvidesOf, RequiresOf } from './atom.js';
import { canonicalFlowJson } from './canonical-flow-json.js';
import { delegate } from './delegate.js';
import { linear } from './flow.js';
import { parseFlowDefinition } from './parse-flow-definition.js';
import type { RoutedFlowDefinition } from './routed-definition.js';
import { type } from './schema.js';
import { task } from './task.js';
import type { TaskContext } from './task-context.js';
import { flowYaml } from './yaml/flow-yaml.js';
import { parseFlowYaml } from './yaml/parse-flow-yaml.js';

const asked: string[] = [];
const approve = delegate('change.approve', {
  requires: { vmId: type<string>() },
  provides: 'approval',
  expects: { by: 'string', ok: 'boolean' },
  timeout: { wait: '3d' },
  open: ({ vmId }, { url }) => asked.push(`${vmId.toUpperCase()} ${url}`),
});

describe('delegate()', () => {
  it('gives the same flow JSON as YAML does (C-1513)', () => {
    const text = `baton: 1
flow: f
requires: { vmId: string }
atoms:
  change.approve:
    delegate: change.approve
    requires: [vmId]
    expects: { by: string, ok: boolean }
    open: change.approve.open
    timeout: 3d
    provides: approval
    on-success: b
  b: {}
`;
    const { root } = parseFlowYaml(text, {}) as RoutedFlowDefinition;
    const [atom] = root.atoms;
    expect({ ...approve.atom, onSuccess: { next: [{ to: 'b' }] } }).toEqual(atom);
    expect(delegate('d', {}).atom).toEqual({ name: 'd', delegate: 'd' });
  });

  it('is a part of ordered flows, as YAML has it (C-104)', () => {
    const again = delegate('again', { attempts: { max: 2, delay: '1m' } });
    const use = task('use', {
      requires: { approval: type<{ by: string; ok: boolean }>() },
      execute: () => 1,
    });
    const flow = linear('f').add(approve, again, use);
    const needed: { readonly vmId: string } = null as unknown as RequiresOf<typeof flow>;
    const given: { readonly approval: { by: string; ok: boolean } } = null as unknown as ProvidesOf<
      typeof flow
    >;
    const wrong = linear('f').add(
      approve,
      task('use', { requires: { approval: type<number>() }, execute: () => 1 }),
    );
    // @ts-expect-error what is answered is no number
    const never: { readonly vmId: string } = null as unknown as RequiresOf<typeof wrong>;
    expect([needed, given, never]).toEqual([null, null, null]);
    expect(flow.tasks().map(({ name }) => name)).toEqual(['change.approve.open', 'use']);
    const definition = flow.toJSON();
    expect(parseFlowDefinition(definition, { unknownFields: 'refused' }).root).toMatchObject({
      children: [
        { kind: 'task', ...approve.atom },
        { kind: 'task', delegate: 'again', attempts: { max: 2, delayMs: 60_000 } },
        {},
      ],
    });
    expect(canonicalFlowJson(parseFlowYaml(flowYaml(definition), {}))).toBe(canonicalFlowJson(definition));
    expect(flowYaml(definition)).toContain('timeout: 3d');
  });

  it('gives the task that asks, for a worker', async () => {
    const { open } = approve;
    expect([open?.name, open?.version, Object.keys(open?.requires ?? {})]).toEqual([
      ...['change.approve.open', '1.0', ['vmId']],
    ]);
    await open?.execute({ vmId: 'v-1' }, { url: 'u', token: 't' } as TaskContext);
    expect(asked).toEqual(['V-1 u']);
  });

  it.each([
    ['an option there is not', { expect: {} }, /expects/],
    ['a type there is not', { expects: { by: 'text' } }, /must be a type: any, string/],
    ['nothing expected', { expects: {} }, /expects must not be empty/],
    ['a time that is none', { timeout: { wait: 'soon' } }, /wait/],
    ['an open that cannot be called', { open: 'mail' }, /open/],
  ])('refuses %s', (_, options, message) => {
    expect(() => delegate('d', options as never)).toThrow(
      expect.objectContaining({ code: 'BATON_DEFINITION_INVALID' }),
    );
    expect(() => delegate('d', options as never)).toThrow(message);
  });
});
