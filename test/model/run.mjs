/** `node test/model/run.mjs [quick|all|NAME] [--trace]`: see main.ts. Needs no package but the compiler of the tests. */
import { parseArgs } from 'node:util';
await import('../support/typescript.mjs');
const { runModel } = await import('./main.ts');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { trace: { type: 'boolean', default: false } },
});
const { passed, failed } = runModel({
  which: positionals.join(' ') || 'quick',
  trace: values.trace,
  say: (line) => process.stdout.write(`${line}\n`),
});
process.stdout.write(`${passed} passed, ${failed.length} failed\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
