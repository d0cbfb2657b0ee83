/** The document in the README of this package: it is what it says, and runs. */
import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { expressionChecks, runDefinition } from '@baton/engine';
import { task } from '../task.js';
import type { FlowDefinition } from '../definition.js';
import { parseFlowYaml } from './parse-flow-yaml.js';

const page = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

it.each([
  [true, 'dns.publish'],
  [false, 'ops.page'],
])('the document of the page runs: when smoke gives %s, %s follows', async (ok, last) => {
  const [, text = ''] = /```yaml\n([^]*?)```/.exec(page) ?? [];
  const definition = parseFlowYaml(text, { expressions: expressionChecks }) as FlowDefinition;
  const seen: unknown[] = [];
  const answers = {
    'volume.create': 'v1',
    'vm.boot': 'm1',
    'vm.smoke': ok,
    'dns.publish': null,
    'ops.page': null,
  };
  const tasks = Object.entries(answers).map(([name, answer]) =>
    task(name, {
      execute: (given: Readonly<Record<string, unknown>>) => {
        seen.push([name, { ...given }]);
        return answer;
      },
    }),
  );
  const { outcome } = await runDefinition({ definition, tasks, store: { sizeGb: 5, image: 'i' } });
  expect(outcome).toBe('SUCCESS');
  expect(seen).toEqual([
    ['volume.create', { sizeGb: 5 }],
    ['vm.boot', { image: 'i', disk: 'v1' }],
    ['vm.smoke', { id: 'm1', ports: [22, 80] }],
    [last, {}],
  ]);
});
