/** `baton job report`: a run and its child runs as one tree. */
import { type ReportedAtom, runReport, type RunReport } from '@baton/client';
import { InputError } from '@baton/core';
import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.js';
import { atomGlyphs, flowGlyphs } from '../glyphs.js';
import type { Invocation } from '../invocation.js';
import { clean } from '../output.js';
import type { Run } from '../run.js';

interface Flags {
  readonly errorsOnly?: boolean;
  readonly maxDepth?: string;
}

export function addReport(job: Command, run: Run): void {
  job
    .command('report <id>')
    .description('a job and its child runs as one tree: what took how long, what failed')
    .option('--errors-only', 'only what failed; the figures are those of all')
    .option('--max-depth <n>', 'levels of child runs (default: all)')
    .action(run(report));
}

async function report(
  invocation: Invocation,
  [jobId = '']: readonly string[],
  { errorsOnly = false, maxDepth }: Flags,
): Promise<number> {
  if (maxDepth !== undefined && !/^\d{1,3}$/.test(maxDepth))
    throw new InputError('BATON_INPUT_INVALID', '--max-depth must be a whole number from 0 to 999');
  const options = { errorsOnly, ...(maxDepth !== undefined && { maxDepth: Number(maxDepth) }) };
  const found = await runReport(await invocation.client(), jobId, options);
  const { jobs, atoms, redelivered, leftOut } = found.figures;
  const figures = [
    `${jobs} ${jobs === 1 ? 'job' : 'jobs'}`,
    ...Object.entries(atoms).map(([state, count]) => `${state} ${count}`),
    ...(redelivered > 0 ? [`${redelivered} sent again`] : []),
    ...(leftOut > 0 ? [`child runs left out: ${leftOut}`] : []),
  ];
  const text = [...runLines(found, ''), figures.join('  ')].map(clean).join('\n');
  invocation.output.one(found, { text, name: jobId });
  return exitCodes.ok;
}

function runLines({ jobId, name, flowState, durationMs, atoms }: RunReport, indent: string): string[] {
  const head = `${indent}${flowGlyphs[flowState]} ${name}  ${jobId}  ${flowState}  ${durationMs} ms`;
  return [head, ...atoms.flatMap((atom) => atomLines(atom, `${indent}  `))];
}

function atomLines({ name, state, attempt = 1, durationMs, failure, child }: ReportedAtom, indent: string) {
  const parts = [
    `${indent}${atomGlyphs[state]} ${name}  ${state}`,
    ...(durationMs === undefined ? [] : [`${durationMs} ms`]),
    ...(attempt > 1 ? [`attempt ${attempt}`] : []),
    ...(failure ? [failure.message] : []),
  ];
  return [parts.join('  '), ...(child ? runLines(child, `${indent}  `) : [])];
}
