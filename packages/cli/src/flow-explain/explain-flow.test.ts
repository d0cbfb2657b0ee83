import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { codeOf } from '@baton/core';
import {
  delegate,
  type FlowDefinition,
  graph,
  isRouted,
  linear,
  parseFlowYaml,
  retry,
  type RoutedFlowDefinition,
  task,
  type,
  unordered,
} from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import { explainDot, explainMermaid } from './explain-diagram.js';
import { explainFlow } from './explain-flow.js';
import { explainRouted, routedText } from './explain-routed.js';
import { explainText } from './explain-text.js';

const golden = fileURLToPath(new URL('./fixtures/', import.meta.url));
const execute = (): undefined => undefined;
const volume = task('volume.create', { requires: { sizeGb: type<number>() }, provides: 'volumeId', execute });
const port = task('port.create', {
  requires: { net: type<string>() },
  optional: { mtu: type<number>() },
  provides: 'portId',
  execute,
});
const vm = task('vm.boot', {
  requires: { image: type<string>(), volumeId: type<undefined>(), portId: type<undefined>() },
  inject: { image: 'cirros' },
  provides: ['ip'],
  execute: () => ({ ip: '' }),
});
const smoke = task('smoke', { requires: { ip: type<string>() }, provides: 'ok', execute: () => true });
const publish = task('publish', { requires: { ip: type<string>() }, execute });
const boot = linear('boot', { retry: retry.times(3, { provides: 'round' }) }).add(
  unordered('prepare').add(volume, port),
  vm,
);
const deploy = graph('deploy', { retry: retry.forEach(['eu', 'us'], { provides: 'region' }) })
  .add(publish.as('page', { rebind: { ip: 'ip' } }), boot, smoke, publish)
  .link(smoke, publish, { decider: { expr: 'smoke.ok == "yes" && !("no" in [1])' }, depth: 'atom' });
/** Builders refuse such names; the diagrams do not rely on it. */
const hostile = {
  toJSON: (): FlowDefinition => ({
    schemaVersion: 1,
    root: {
      kind: 'linear',
      name: 'a"];\n--> \\"b',
      children: ['"', '\\', '\n}', ']]--x', 'end', 'subgraph', '<b>&amp;', '#35;', '`%%', '€→é'].map(
        (name) => ({
          kind: 'task',
          name,
          provides: { [`s${name}`]: null },
        }),
      ),
    },
  }),
};
const wide = unordered('wide').addAll(
  Array.from({ length: 1_000 }, (_, index) =>
    task(`t${index}`, { requires: { seed: type<number>() }, execute }),
  ),
);

const imported = parseFlowYaml(`
baton: 1
flow: order.import
requires: { url: string }
optional: { limit: { type: integer, default: 100 } }
rollback: completed
atoms:
  fetch:
    task: std.http
    publish: { rows: "\${self.result.body.rows}" }
    on-success: [ store, { audit: "len(rows) > limit" } ]
    on-error: { to: fail, message: none }
  store: { for-each: rows, as: row, task: db.insert, on-success: [done, { fetch: "more" }], on-complete: noop }
  audit: { delegate: ops.audit, on-complete: done }
  done: { join: reached }
start: fetch
`) as RoutedFlowDefinition;

/** Names that no document has: the diagrams do not rely on that either. */
const hostileRoutes: RoutedFlowDefinition = {
  schemaVersion: 1,
  root: {
    kind: 'routed',
    name: 'a"];\n--> \\"b',
    atoms: ['"', '\\', '\n}', ']]--x', 'end', 'subgraph', '<b>&amp;', '#35;', '`%%', '€→é'].map((name) => ({
      name,
      onSuccess: { next: [{ to: 'succeed', when: `x == "${name}"` }] },
    })),
  },
};
const wideRoutes: RoutedFlowDefinition = {
  schemaVersion: 1,
  root: {
    kind: 'routed',
    name: 'wide',
    atoms: Array.from({ length: 1_000 }, (_, index) => ({
      name: `t${index}`,
      onSuccess: { next: index < 999 ? [{ to: `t${index + 1}` }] : [] },
    })),
  },
};

describe('an explanation', () => {
  it('of what waits for an answer names that', () => {
    const approve = delegate('approve', { provides: 'ok' });
    expect(explainText(explainFlow(linear('f').add(approve).toJSON()))).toContain(
      'approve  = delegate approve  → ok',
    );
  });

  it.each([
    ['import.txt', routedText],
    ['import.mmd', explainMermaid],
    ['import.dot', explainDot],
    ['import.json.txt', (explanation: object) => `${JSON.stringify(explanation, undefined, 2)}\n`],
  ])('of a routed flow is, to the letter, %s', (file, form) => {
    const actual = form(explainRouted(imported));
    if (process.env['BATON_RECORD'] === '1') writeFileSync(golden + file, actual);
    expect(actual).toBe(readFileSync(golden + file, 'utf8'));
  });

  it('of a wide routed flow says how much it leaves out', () => {
    const explanation = explainRouted(wideRoutes);
    for (const form of [routedText, explainMermaid, explainDot]) {
      expect(form(explanation).split('\n').length).toBeLessThan(80);
      expect(form(explanation)).toContain('… 980 more');
    }
  });

  it.each([
    ['deploy.txt', explainText],
    ['deploy.mmd', explainMermaid],
    ['deploy.dot', explainDot],
    ['deploy.json.txt', (explanation: object) => `${JSON.stringify(explanation, undefined, 2)}\n`],
  ])('is, to the letter, %s', (file, form) => {
    const actual = form(explainFlow(deploy.toJSON()));
    if (process.env['BATON_RECORD'] === '1') writeFileSync(golden + file, actual);
    expect(actual).toBe(readFileSync(golden + file, 'utf8'));
  });

  it('says what a post must give, and who provides it out of sight', () => {
    const take = task('take', { requires: { x: type<number>() }, execute });
    const give = task('give', { provides: 'x', execute: () => 1 });
    expect(explainFlow(linear('f').add(take, give).toJSON()).requires).toEqual([
      { symbol: 'x', neededBy: ['take'], outOfSight: ['give'] },
    ]);
  });

  it('says who is asked when a controller gives up, and what is undone', () => {
    expect(explainFlow(deploy.toJSON()).controllers).toMatchObject([
      { name: 'deploy_retry', then: { reverts: 'everything' } },
      {
        name: 'boot_retry',
        undoes: ['page', 'volume.create', 'port.create', 'vm.boot', 'smoke', 'publish'],
        then: { asks: 'deploy_retry' },
      },
    ]);
    const [own] = explainFlow(boot.toJSON({ deferReverts: false })).controllers;
    expect(own?.then).toEqual({ reverts: 'scope' });
  });

  it('of 1,000 atoms is short, says how much it leaves out, and is made at once', () => {
    const began = performance.now();
    const explanation = explainFlow(wide.toJSON());
    const forms = [explainText, explainMermaid, explainDot].map((form) => form(explanation));
    expect(performance.now() - began).toBeLessThan(1_000);
    for (const text of forms) {
      expect(text.split('\n').length).toBeLessThan(60);
      expect(text).toContain('… 980 more');
    }
    expect(explanation.atoms).toBe(1_000);
  });

  it('refuses what cannot be compiled', () => {
    const twice = {
      schemaVersion: 1,
      root: {
        kind: 'linear',
        name: 'f',
        children: [
          { kind: 'task', name: 'a' },
          { kind: 'task', name: 'a' },
        ],
      },
    } as const;
    let code: string | undefined;
    try {
      explainFlow(twice);
    } catch (error) {
      code = codeOf(error);
    }
    expect(code).toBe('BATON_DEFINITION_DUPLICATE_ATOM');
  });
});

describe.each([
  ['deploy', deploy],
  ['wide', wide],
  ['hostile names', hostile],
  ['no atoms', linear('empty')],
  ['a routed flow', { toJSON: () => imported }],
  ['wide routes', { toJSON: () => wideRoutes }],
  ['hostile names of routes', { toJSON: () => hostileRoutes }],
])('the diagrams of %s', (_, flow) => {
  const definition = flow.toJSON();
  const explanation = isRouted(definition) ? explainRouted(definition) : explainFlow(definition);

  it('are Mermaid: every line a statement, every end declared, subgraphs closed', () => {
    const label = '"(?:[\\p{L}\\p{N} _.,:→…·-]|#\\d+;)*"';
    const box = new RegExp(`^(n\\w+)(?:\\[${label}\\]|\\{\\{${label}\\}\\}|\\(\\[${label}\\]\\))$`, 'u');
    const edge = new RegExp(`^(n\\w+) (?:-->|-\\.->|==>)(?:\\|${label}\\|)? (n\\w+)$`, 'u');
    const [header, ...lines] = explainMermaid(explanation).trimEnd().split('\n');
    expect(header).toBe('flowchart TD');
    const declared: string[] = [];
    const used: string[] = [];
    let open = 0;
    for (const line of lines.map((text) => text.trim())) {
      const flowBox = line.startsWith('subgraph ');
      const [, id] = box.exec(flowBox ? line.slice('subgraph '.length) : line) ?? [];
      const [, from, to] = edge.exec(line) ?? [];
      if (flowBox) open++;
      if (line === 'end') open--;
      else if (id !== undefined) declared.push(id);
      else if (from !== undefined && to !== undefined) used.push(from, to);
      else throw new Error(`no Mermaid: ${line}`);
      expect(open).toBeGreaterThanOrEqual(0);
    }
    expect(open).toBe(0);
    expect(new Set(declared).size).toBe(declared.length);
    expect(used.filter((id) => !declared.includes(id))).toEqual([]);
  });

  it('are DOT: nothing but tokens of its grammar, brackets closed, every end declared', () => {
    const text = explainDot(explanation);
    const tokens = text.match(/"(?:[^"\\\n]|\\["\\])*"|->|[{}[\];,=]|[A-Za-z_]\w*|\d+/g) ?? [];
    expect(tokens.join('').replace(/\s/g, '')).toBe(text.replace(/\s/g, ''));
    const opened: string[] = [];
    for (const token of tokens) {
      if (token === '{' || token === '[') opened.push(token);
      if (token === '}' || token === ']') expect(opened.pop()).toBe(token === '}' ? '{' : '[');
    }
    expect(opened).toEqual([]);
    const declared = new Set([...text.matchAll(/^ *(n\w+) \[/gm)].map(([, id]) => id));
    const ends = [...text.matchAll(/^ *(n\w+) -> (n\w+) /gm)].flatMap(([, from, to]) => [from, to]);
    expect(ends.filter((id) => !declared.has(id))).toEqual([]);
  });
});
