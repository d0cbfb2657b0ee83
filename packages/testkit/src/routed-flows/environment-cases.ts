/** Acceptance cases of control-flow.md section 19: what is given with a job beside its inputs. */
import { expect } from '@jest/globals';
import { next, routed, type RoutedCase } from './routed.js';

export const environmentCases: RoutedCase[] = [];
const each = (name: string, body: RoutedCase['body']): void => void environmentCases.push({ name, body });

const env = {
  region: 'eu',
  bucket: '${env.region}-${place}-data',
  both: { once: '${env.bucket}', text: '$${kept}' },
};

each('R08 environment: expressions in it are evaluated once, as it was given', async (run) => {
  const definition = routed(
    { a: { task: 'echo', input: { value: '${env}' }, publish: { branch: { seen: '${self.result}' } } } },
    {
      ...{ requires: ['place'], vars: { where: '${env.bucket}' } },
      output: { seen: '${seen}', where: '${where}', bucket: '${env.bucket}' },
    },
  );
  const { outcome, output } = await run(definition, { store: { place: 'x' }, env });
  const bucket = 'eu-x-data';
  const seen = { region: 'eu', bucket, both: { once: '${env.region}-${place}-data', text: '${kept}' } };
  expect([outcome, output]).toEqual(['SUCCESS', { seen, where: bucket, bucket }]);
});

each('R08 environment: or taken as text', async (run) => {
  const definition = routed({ a: {} }, { output: { env: '${env}', region: '${env["region"]}' } });
  const { output } = await run(definition, { env, evaluateEnv: false });
  expect(output).toEqual({ env, region: 'eu' });
});

each('R08 environment: one that cannot be evaluated fails the run before anything begins', async (run) => {
  const { outcome, states, failures } = await run(routed({ a: { task: 'echo' } }), {
    env: { x: '${env.nowhere}' },
  });
  expect([outcome, states, failures]).toEqual(['FAILURE', {}, ['FAILED']]);
});

each('defaults of a task in the environment complete what it is given (C-603)', async (run) => {
  const definition = routed(
    {
      a: { task: 'echo', publish: { branch: { a: '${self.result}' } }, onSuccess: next('b') },
      b: {
        task: 'echo',
        input: { value: 'own' },
        publish: { branch: { b: '${self.result}' } },
        onSuccess: next('c'),
      },
      c: {
        task: 'echo',
        requires: ['value'],
        publish: { branch: { c: '${self.result}' } },
        onSuccess: next('d'),
      },
      d: {
        ...{ task: 'echo', requires: ['value'], rebind: { value: 'a' } },
        publish: { branch: { d: '${self.result}' } },
      },
    },
    { output: { a: '${a}', b: '${b}', c: '${c}', d: '${d}' } },
  );
  const { outcome, output } = await run(definition, {
    env: { defaults: { echo: { value: '${1 + 1}' }, other: { value: 3 } } },
  });
  expect([outcome, output]).toEqual(['SUCCESS', { a: 2, b: 'own', c: 2, d: 2 }]);
});

each('no environment is an empty one', async (run) => {
  const definition = routed({ a: {} }, { output: { env: '${env}', x: "${get(env, 'x')}" } });
  expect((await run(definition)).output).toEqual({ env: {}, x: null });
});
