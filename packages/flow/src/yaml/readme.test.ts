/** The documents in the README of this package: they are what they say, and run. */
import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { expressionChecks, runDefinition } from '@baton/engine';
import { task } from '../task.js';
import type { FlowDefinition } from '../definition.js';
import type { RoutedFlowDefinition } from '../routed-definition.js';
import { parseFlowYaml } from './parse-flow-yaml.js';

const page = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

const [provision = '', release = ''] = Array.from(page.matchAll(/```yaml\n([^]*?)```/g), ([, text]) => text);

it.each([
  [true, 'dns.publish'],
  [false, 'ops.page'],
])('the document of the page runs: when smoke gives %s, %s follows', async (ok, last) => {
  const definition = parseFlowYaml(provision, { expressions: expressionChecks }) as FlowDefinition;
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

it.each([
  [true, { released: ['eu:7', 'us:7'] }, ['deploy eu', 'deploy us']],
  [false, { result: 'refused by ann' }, []],
])(
  'the routed document of the page runs: when the answer is %s, it gives %j',
  async (ok, output, deployed) => {
    const definition = parseFlowYaml(release, { expressions: expressionChecks }) as RoutedFlowDefinition;
    const seen: string[] = [];
    const tasks = [
      // in process a task stands for who answers the delegate
      task('change.approve', {
        execute: ({ change }: Readonly<Record<string, unknown>>) => {
          expect(change).toBe('7 to eu, us');
          return { ok, by: 'ann' };
        },
      }),
      task('app.deploy', {
        execute: ({ region, build }: Readonly<Record<string, unknown>>, { attempt }) => {
          if (region === 'us' && attempt === 1) throw new Error('busy');
          seen.push(`deploy ${String(region)}`);
          return `${String(region)}:${String(build)}`;
        },
      }),
    ];
    const store = { build: 7, regions: ['eu', 'us'] };
    const { outcome, results } = await runDefinition({ definition, tasks, store });
    expect([outcome, results, seen]).toEqual([ok ? 'SUCCESS' : 'FAILURE', output, deployed]);
  },
);
