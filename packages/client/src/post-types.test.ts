import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import { typeErrors } from '../../../test/support/type-errors.js';

const program = fileURLToPath(new URL('./generated.ts', import.meta.url));

function errorsOf(call: string): readonly string[] {
  const text = `import { linear, task, type } from '@baton/flow';
import type { FlowDefinition } from '@baton/flow';
import type { Client, Postable } from './index.js';
declare const client: Client;
declare const json: FlowDefinition;
declare const either: Postable;
const resize = linear('resize').add(task('t', { requires: { size: type<number>() }, execute: () => undefined }));
const nothing = linear('nothing').add(task('n', { optional: { mtu: type<number>() }, execute: () => undefined }));
${call}
`;
  return typeErrors([], { [program]: text });
}

it('a post of a typed flow gives exactly what the flow still requires', () => {
  const right = [
    "client.post(resize, { store: { size: 1 }, key: 'k' })",
    'client.post(nothing)',
    "client.post(nothing, { key: 'k' })",
    'client.post(nothing, { store: { mtu: 1500 } })',
    'client.post(json)',
    'client.post(json, { store: { anything: [1] } })',
    'client.post(either, { store: { anything: [1] } })',
  ].map((call) => `void ${call};`);
  const wrong: readonly (readonly [string, string])[] = [
    ['client.post(resize)', 'Expected 2 arguments, but got 1.'],
    ["client.post(resize, { key: 'k' })", "Property 'store' is missing"],
    ['client.post(resize, { store: {} })', "Property 'size' is missing in type '{}'"],
    ["client.post(resize, { store: { size: 'big' } })", "Type 'string' is not assignable to type 'number'"],
    ['client.post(resize, { store: { size: 1, sise: 2 } })', "'sise' does not exist"],
  ];
  const errors = errorsOf([...right, ...wrong.map(([call]) => `void ${call};`)].join('\n'));
  expect(errors).toEqual(wrong.map(([, message]) => expect.stringContaining(message)));
});
