/** Documents that somebody broke: each is a flow, or is refused with places that are in it; none takes long. `BATON_FUZZ=100000` for more of them. */
import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { expressionChecks } from '@baton/engine';
import { FakeClock, SeededRandom } from '@baton/testkit';
import { parseFlowYaml } from './parse-flow-yaml.js';
import type { YamlProblem } from './problems.js';

const documentsMax = Number(process.env['BATON_FUZZ'] ?? 300);
/** Of CPU. What is asserted beside other work is only that nothing hangs; the bound of 50 ms is for a long run of its own. */
const msMax = process.env['BATON_FUZZ'] === undefined ? 2_000 : 50;

const seeds = ['ordered', 'routed'].map((name) =>
  readFileSync(new URL(`./fixtures/${name}.yaml`, import.meta.url), 'utf8'),
);
const words = [
  ...[
    '&a ',
    '*a',
    '!!str ',
    '<<: ',
    '---\n',
    '...\n',
    '%YAML 1.1\n',
    '- ',
    '? ',
    ': ',
    '{',
    '}',
    '[',
    ']',
    ',',
    '"',
    "'",
    '#',
    '|\n',
    '>\n',
    '\n',
    '\t',
    ' ',
  ],
  ...[
    'null',
    '~',
    'true',
    '.inf',
    '1e400',
    '99999999999999999999',
    '-1',
    '0',
    '1.5',
    '"5"',
    '""',
    '{}',
    '[]',
    '${',
    '${}',
    '${1 +}',
    '$${',
    '\u0000',
    '\ud800',
    '\u2028',
    '\\',
  ],
  ...[
    'on-success: ',
    'on-error: fetch',
    'join: all',
    'for-each: ',
    'parallel: "${n}"',
    'delegate: ',
    'expects: { by: string, on: "list(any)" }',
    'open: ',
    'timeout: { wait: 1s }',
    'wait-before: ',
    'after: [boot]',
    'flow: { atoms: {} }',
    'publish: { branch: {}, x: 1 }',
    'links: []',
    'pattern: routed',
  ],
  ...[
    '__proto__: ',
    'constructor: ',
    'toString',
    'fetch',
    'volume',
    'hasOwnProperty: {}',
    'to: ',
    'when: ',
    'retry: ',
    'atom-defaults: { on-error: null }',
  ],
];

function broken(random: (below: number) => number): string {
  const among = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  let text = among(seeds);
  for (let change = random(6); change >= 0; change--) {
    const at = random(text.length + 1);
    const lines = text.split('\n');
    const line = random(lines.length);
    switch (random(7)) {
      case 0:
        text = text.slice(0, at) + text.slice(at + 1 + random(10));
        break;
      case 1:
        text = text.slice(0, at) + among(words) + text.slice(at);
        break;
      case 2:
        text = lines.toSpliced(line, 1).join('\n');
        break;
      case 3:
        text = lines.toSpliced(random(lines.length), 0, lines[line] ?? '').join('\n');
        break;
      case 4:
        text = lines.toSpliced(line, 1, `${' '.repeat(random(5))}${lines[line] ?? ''}`).join('\n');
        break;
      case 5: {
        const from = random(text.length + 1);
        text = text.slice(0, at) + text.slice(from, from + random(40)) + text.slice(at);
        break;
      }
      default:
        text = text.replace(/: [^\n,{}[\]]+/g, (value) => (random(20) === 0 ? `: ${among(words)}` : value));
    }
  }
  return text;
}

/** Other processes have the machine too. */
function cpuMs(from: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(from);
  return (user + system) / 1_000;
}

/** How long it took, and what was refused. */
function parsed(text: string): { readonly ms: number; readonly problems: readonly YamlProblem[] } {
  const from = process.cpuUsage();
  try {
    parseFlowYaml(text, { expressions: expressionChecks });
    return { ms: cpuMs(from), problems: [] };
  } catch (error) {
    const ms = cpuMs(from);
    const { code, details } = error as { code?: string; details: { problems: readonly YamlProblem[] } };
    if (code !== 'BATON_DEFINITION_DOCUMENT') throw error;
    return { ms, problems: details.problems };
  }
}

it(`${documentsMax} broken documents`, () => {
  const seed = Number(process.env['BATON_SEED'] ?? 1);
  const fractions = new SeededRandom(seed, new FakeClock());
  const random = (below: number): number => Math.floor(fractions.fraction() * below);
  let accepted = 0;
  let slowestMs = 0;
  for (const text of seeds) expect(parsed(text).problems).toEqual([]);
  for (let document = 0; document < documentsMax; document++) {
    const text = broken(random);
    try {
      const { ms: first, problems } = parsed(text);
      let ms = first;
      // the compiler and the collector have threads of their own
      for (let again = 0; ms > msMax && again < 5; again++) ms = Math.min(ms, parsed(text).ms);
      expect(ms).toBeLessThanOrEqual(msMax);
      slowestMs = Math.max(slowestMs, ms);
      if (problems.length === 0) accepted++;
      const lines = text.split(/\r\n?|\n/);
      for (const { line, column, message } of problems) {
        expect(column).toBeLessThanOrEqual((lines[line - 1] ?? '').length + 2);
        expect(message).toMatch(/^flow\.yaml:[1-9]\d*:[1-9]\d*: /);
        expect(message.length).toBeLessThan(2_000);
      }
    } catch (error) {
      throw new Error(`seed ${seed}, document ${document}: ${JSON.stringify(text)}`, { cause: error });
    }
  }
  // a mutation that refuses everything would show nothing
  expect(accepted / documentsMax).toBeGreaterThan(0.02);
  expect(accepted / documentsMax).toBeLessThan(0.9);
  if (process.env['BATON_FUZZ'] !== undefined)
    process.stdout.write(`${accepted} accepted, slowest ${slowestMs.toFixed(1)} ms\n`);
}, 3_600_000);
