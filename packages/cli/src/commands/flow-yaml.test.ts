import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, jest } from '@jest/globals';
import { parse } from 'yaml';
import { exitCodes } from '../exit-codes.js';
import { main } from '../main.js';

const folder = mkdtempSync(join(tmpdir(), 'baton-flow-yaml-'));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

afterEach(() => void jest.restoreAllMocks());
afterAll(() => rmSync(folder, { recursive: true }));

async function ran(...words: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { out: '', err: '' };
  for (const [stream, key] of [
    [process.stdout, 'out'],
    [process.stderr, 'err'],
  ] as const)
    jest.spyOn(stream, 'write').mockImplementation((chunk) => {
      said[key] += String(chunk);
      return true;
    });
  const code = await main(['node', 'baton', ...words]);
  return { code, ...said };
}

const ordered = file(
  'ordered.yaml',
  'baton: 1\nflow: o\nrequires: { x: any }\natoms:\n  a: { task: t, requires: [x], provides: y }\n  b: { task: t, requires: [y], timeout: 90s }\n',
);
const routed = file(
  'routed.yml',
  'baton: 1\nflow: r\natoms:\n  a: { task: t, on-success: { b: "n > 1" } }\n  b: {}\n',
);
const wrong = file(
  'wrong.yaml',
  'baton: 1\nflow: w\natoms:\n  a: { tsk: t }\n  b: { task: t, after: { c: "1 +" } }\n',
);
const json = file(
  'o.json',
  JSON.stringify({
    schemaVersion: 1,
    root: {
      kind: 'linear',
      name: 'l',
      children: [{ kind: 'task', name: 'a', timeout: { attemptMs: 5_000 } }],
    },
  }),
);

describe('baton flow validate', () => {
  it('takes YAML', async () => {
    expect(await ran('flow', 'validate', ordered)).toMatchObject({
      code: exitCodes.ok,
      out: 'o: valid, 2 atoms; a post must give x\n',
    });
    expect((await ran('flow', 'validate', routed)).out).toBe('r: valid, 2 atoms; a post need give nothing\n');
  });

  it('says all that is wrong, each with its place, and what to do', async () => {
    const { code, out, err } = await ran('flow', 'validate', wrong);
    expect([code, out]).toEqual([exitCodes.usage, '']);
    const lines = err.split('\n').filter((line) => !/ExperimentalWarning|--trace-warnings/.test(line));
    expect(lines).toEqual([
      expect.stringMatching(/wrong\.yaml:4:3: atoms\.a\.task: is missing/),
      `${wrong}:4:8: atoms.a.tsk: "tsk" is not known here, did you mean task?`,
      expect.stringMatching(/wrong\.yaml:5:29: atoms\.b\.after\.c: .*no atom of this flow/),
      expect.stringMatching(/wrong\.yaml:5:29: atoms\.b\.after\.c: .*is no CEL/),
      `baton: 4 problems in ${wrong} (BATON_DEFINITION_DOCUMENT)`,
      expect.stringContaining('`baton flow schema`'),
      '',
    ]);
  });

  it('looks at each of several flows', async () => {
    const { code, out, err } = await ran(
      'flow',
      'validate',
      ordered,
      wrong,
      json,
      join(folder, 'none.yaml'),
      '-o',
      'json',
    );
    expect(code).toBe(exitCodes.usage);
    expect(JSON.parse(out)).toEqual([
      { file: ordered, name: 'o', atoms: 2, requires: ['x'] },
      { file: json, name: 'l', atoms: 1, requires: [] },
    ]);
    const errors = err
      .trim()
      .split('\n')
      .map(
        (line) =>
          (JSON.parse(line) as { error: { code: string; message: string; problems?: readonly object[] } })
            .error,
      );
    expect(errors.map(({ code: found }) => found)).toEqual([
      'BATON_DEFINITION_DOCUMENT',
      'BATON_INPUT_INVALID',
    ]);
    expect(errors[0]?.problems?.[0]).toMatchObject({ file: wrong, line: 4, column: expect.any(Number) });
    expect(errors[1]?.message).toContain('none.yaml');
    expect((await ran('flow', 'validate', ordered, json)).out).toBe(`o\t2\tx\t${ordered}\nl\t1\t\t${json}\n`);
  });
});

describe('a file of several flows', () => {
  const one = (name: string): string => `baton: 1\nflow: ${name}\natoms: { a: { task: t } }\n`;
  const both = file('both.yaml', `${one('x')}---\n${one('y')}`);

  it('is validated whole', async () => {
    expect((await ran('flow', 'validate', both)).out).toBe(`x\t1\t\t${both}#x\ny\t1\t\t${both}#y\n`);
  });

  it('has each under its name', async () => {
    const { out } = await ran('flow', 'convert', `${both}#y`);
    expect(JSON.parse(out)).toMatchObject({ root: { name: 'y' } });
    const { code, err } = await ran('flow', 'explain', both);
    expect([code, err]).toEqual([
      exitCodes.usage,
      expect.stringContaining(`name one, as ${both}#x, ${both}#y`),
    ]);
    expect((await ran('flow', 'explain', `${both}#z`)).err).toContain('has no flow "z"; its flows are x, y');
  });
});

describe('a bundle', () => {
  const bundle = file(
    'bundle.yaml',
    `baton: 1
bundle: shop
tasks: { pay: { uses: bank.pay, input: { currency: EUR }, output: '\${self.result.id}' } }
flows:
  order: { requires: { sum: integer }, atoms: { a: { task: pay, requires: [sum], on-success: b }, b: { flow: ship } } }
  ship: { atoms: { s: { task: post.send } } }
`,
  );

  it('is its flows, each with those it runs', async () => {
    expect((await ran('flow', 'validate', bundle)).out).toBe(
      `shop.order\t2\tsum\t${bundle}#shop.order\nshop.ship\t1\t\t${bundle}#shop.ship\n`,
    );
    const { out } = await ran('flow', 'convert', `${bundle}#shop.order`);
    expect(JSON.parse(out)).toMatchObject({
      root: { name: 'shop.order', atoms: [{ task: 'bank.pay' }, { flow: 'shop.ship' }] },
      flows: { 'shop.ship': { root: { name: 'shop.ship' } } },
    });
    const again = file('order.yaml', (await ran('flow', 'convert', file('order.json', out))).out);
    expect((await ran('flow', 'convert', `${again}#shop.order`)).out).toBe(out);
  });
});

describe('baton flow convert', () => {
  it.each([ordered, routed, json])('there and back: %s', async (reference) => {
    const asJson = (await ran('flow', 'convert', reference, '--to', 'json')).out;
    const asYaml = (await ran('flow', 'convert', file('again.json', asJson))).out;
    expect(parse(asYaml)).toMatchObject({ baton: 1, atoms: { a: { task: expect.any(String) } } });
    const again = (await ran('flow', 'convert', file('again.yaml', asYaml))).out;
    expect(JSON.parse(again)).toMatchObject(JSON.parse(asJson) as object);
    expect((await ran('flow', 'convert', reference, '-o', 'json')).out).toBe(asJson);
  });

  it('writes short forms', async () => {
    expect((await ran('flow', 'convert', json)).out).toBe(
      'baton: 1\nflow: l\npattern: linear\natoms:\n  a:\n    task: a\n    timeout: 5s\n',
    );
  });

  it('refuses what has no document, and a form there is not', async () => {
    const single = file(
      'single.json',
      JSON.stringify({ schemaVersion: 1, root: { kind: 'task', name: 'a' } }),
    );
    const { code, err } = await ran('flow', 'convert', single);
    expect([code, err]).toEqual([
      exitCodes.usage,
      expect.stringContaining('a is one task, and a document is a flow'),
    ]);
    expect((await ran('flow', 'convert', json, '--to', 'xml')).code).toBe(exitCodes.usage);
  });
});

it('baton flow schema prints a JSON Schema that editors understand', async () => {
  const { code, out } = await ran('flow', 'schema');
  expect(code).toBe(exitCodes.ok);
  const { $schema, anyOf } = JSON.parse(out) as {
    $schema: string;
    anyOf: { properties: object; additionalProperties: boolean }[];
  };
  expect($schema).toContain('2020-12');
  expect(anyOf.map(({ additionalProperties }) => additionalProperties)).toEqual([false, false]);
  expect(anyOf.map(({ properties }) => Object.keys(properties))).toEqual([
    expect.arrayContaining(['baton', 'flow', 'atoms', 'retry']),
    ['baton', 'bundle', 'description', 'flows', 'tasks'],
  ]);
  expect(out).not.toMatch(/notYet|"only"/);
});

it('baton flow explain takes YAML', async () => {
  expect((await ran('flow', 'explain', ordered)).out).toMatch(/^o: 2 atoms\n/);
});

it('baton job post refuses a document that is wrong before it looks for a service', async () => {
  const { code, err } = await ran('job', 'post', wrong, '--local', join(folder, 'nowhere'));
  expect([code, err]).toEqual([exitCodes.usage, expect.stringContaining(`${wrong}:4:8: `)]);
});
