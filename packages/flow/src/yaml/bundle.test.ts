/** Several flows in one document (control-flow.md C-1503), and other names for tasks in them (C-1504). */
import { describe, expect, it } from '@jest/globals';
import { expressionChecks } from '@baton/engine';
import type { YamlProblem } from './problems.js';
import { parseFlowYaml, parseFlowYamlStream } from './parse-flow-yaml.js';

const bundle = (flows: string, tasks = ''): string =>
  `baton: 1\nbundle: shop\n${tasks === '' ? '' : `tasks:\n${tasks}`}flows:\n${flows}`;
const parsed = (text: string) => parseFlowYamlStream(text, { expressions: expressionChecks });
const rootsOf = (text: string): readonly object[] => parsed(text).map(({ definition }) => definition.root);

function problemsOf(text: string): readonly string[] {
  try {
    parseFlowYamlStream(text, { path: 'x', expressions: expressionChecks });
    return [];
  } catch (error) {
    const { details } = error as { details: { problems: readonly YamlProblem[] } };
    return details.problems.map(({ message }) => message);
  }
}

describe('flows of a bundle', () => {
  it('are known by the name of the bundle and their own, and know each other by their own', () => {
    const text = bundle(
      `  order: { atoms: { a: { flow: ship, on-success: b }, b: { flow: other.flow } } }
  ship: { pattern: linear, atoms: { s: { task: t } } }
`,
    );
    expect(parsed(text).map(({ name, text: of }) => [name, of])).toEqual([
      ['shop.order', text],
      ['shop.ship', text],
    ]);
    expect(rootsOf(text)).toMatchObject([
      { kind: 'routed', atoms: [{ flow: 'shop.ship' }, { flow: 'other.flow' }] },
      { kind: 'linear', children: [{ name: 's', task: 't' }] },
    ]);
  });

  it('are told by their place in it when something is wrong', () => {
    const text = bundle('  a: { atoms: { x: { tsk: t } } }\n  b: { atom: 1 }\n  c: 7\n', '  t: { use: u }\n');
    expect(problemsOf(`${text}more: 1\n`)).toEqual([
      expect.stringMatching(/^x:4:3: tasks\.t\.uses: is missing/),
      expect.stringMatching(/^x:4:8: tasks\.t\.use: "use" is not known here, did you mean uses\?/),
      expect.stringMatching(/^x:6:17: flows\.a\.atoms\.x\.task: is missing/),
      expect.stringMatching(/^x:6:22: flows\.a\.atoms\.x\.tsk: "tsk" is not known here, did you mean task/),
      expect.stringMatching(/^x:7:3: flows\.b\.atoms: is missing/),
      expect.stringMatching(/^x:7:8: flows\.b\.atom: .*did you mean atoms/),
      expect.stringMatching(/^x:8:6: flows\.c: 7 must be an object: a flow/),
      expect.stringMatching(/^x:9:1: more: "more" is not known here/),
    ]);
  });

  it('have names of their own among all of the text, and are not one flow', () => {
    const one = 'baton: 1\nflow: shop.a\natoms: { x: { task: t } }\n';
    expect(problemsOf(`${one}---\n${bundle('  a: { atoms: { x: { task: t } } }\n')}`)).toEqual([
      expect.stringMatching(/^x:8:3: flows\.a: "a" is the name of two flows/),
    ]);
    const two = bundle('  a: { atoms: { x: { task: t } } }\n  b: { atoms: { x: { task: t } } }\n');
    expect(() => parseFlowYaml(two)).toThrow('has several flows, and one is wanted here');
    expect(parseFlowYaml(bundle('  a: { atoms: { x: { task: t } } }\n')).root.name).toBe('shop.a');
  });
});

describe('tasks of a bundle', () => {
  const tasks = `  get: { uses: std.http, input: { method: GET, headers: { a: 1 } } }
  rows: { uses: get, input: { url: '\${base}/rows', method: POST }, output: '\${self.result.body}' }
  ask: { uses: people, output: '\${self.result.by}' }
`;

  it('are what they use, with what is given for it', () => {
    const text = bundle(
      `  f:
    atoms:
      a: { task: rows, input: { headers: {} }, on-success: b }
      b: { delegate: ask, on-success: c }
      c: { task: other }
  o: { requires: { url: any }, atoms: { g: { task: get, requires: [url] } } }
`,
      tasks,
    );
    expect(rootsOf(text)).toMatchObject([
      {
        atoms: [
          {
            task: 'std.http',
            input: { method: 'POST', headers: {}, url: '${base}/rows' },
            output: '${self.result.body}',
          },
          { delegate: 'people', output: '${self.result.by}' },
          { task: 'other' },
        ],
      },
      { children: [{ name: 'g', task: 'std.http', inject: { method: 'GET', headers: { a: 1 } } }] },
    ]);
  });

  it.each<readonly [string, string, RegExp]>([
    ['a: { uses: b }\n  b: { uses: a }', '', /^x:4:14: tasks\.a\.uses: "b" leads back to itself: a → b → a$/],
    ['a: { uses: a }', '', /^x:4:14: tasks\.a\.uses: "a" leads back to itself: a → a$/],
    ['a: { uses: b, output: 1 }\n  b: { uses: c, output: 2 }', '', /^x:4:17: tasks\.a\.output: .*that of b/],
    ["a: { uses: b, input: { x: '${1 +}' } }", '', /^x:4:29: tasks\.a\.input\.x: /],
    ['a: { uses: b, output: 1 }', 'output: 2', /^x:6:31: flows\.f\.atoms\.x\.output: .*that of a/],
    [
      'a: { uses: b, input: { y: 1 } }',
      "input: '${ctx}'",
      /^x:6:38: flows\.f\.atoms\.x\.input: .*and a has given/,
    ],
  ])('%s', (alias, atom, said) => {
    const flow = `  f: { atoms: { x: { task: a${atom === '' ? '' : `, ${atom}`}, on-success: noop } } }\n`;
    expect(problemsOf(bundle(flow, `  ${alias}\n`))[0]).toMatch(said);
  });

  it('make something of a result in routed flows that are not undone', () => {
    const said = (flow: string): readonly string[] =>
      problemsOf(bundle(`  f: { ${flow} }\n`, "  a: { uses: t, output: '${self.result}' }\n"));
    expect(said('atoms: { x: { task: a } }')).toEqual([
      expect.stringMatching(/flows\.f\.atoms\.x\.output: .*belongs to a routed flow/),
    ]);
    expect(said('rollback: completed, atoms: { x: { task: a, on-success: noop } }')).toEqual([
      expect.stringMatching(/cannot be with rollback: completed/),
    ]);
  });
});
