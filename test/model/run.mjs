/** `node test/model/run.mjs [quick|all|NAME] [--trace]`: see main.ts. Needs no package but the compiler of the tests. */
import { parseArgs } from 'node:util';
await import('../support/typescript.mjs');
const { runModel } = await import('./main.ts');

function optionsOf(args) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: { trace: { type: 'boolean', default: false } },
    });
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
  }
}

const say = (line) => process.stdout.write(`${line}\n`);
const options = optionsOf(process.argv.slice(2));
const which = options?.positionals.join(' ') || 'quick';
const result = options && runModel({ which, trace: options.values.trace, say });
if (result === undefined || result.passed + result.failed.length === 0) {
  if (result) process.stderr.write(`no run of the model begins with "${which}"\n`);
  process.stderr.write('usage: node test/model/run.mjs [quick|all|NAME] [--trace]\n');
  process.exitCode = 2;
} else {
  say(`${result.passed} passed, ${result.failed.length} failed`);
  process.exitCode = result.failed.length === 0 ? 0 : 1;
}
