/**
 * Purpose: the command line: parses, runs one command, maps every error to one clear line and an exit code. The only composition root.
 */
import { InputError } from '@baton/core';
import { Command, CommanderError } from 'commander';
import { addApiCommands } from './commands/api.js';
import { addClusterCommands } from './commands/cluster.js';
import { addConfigCommands } from './commands/config.js';
import { addDemoCommand } from './commands/demo.js';
import { addDevCommand } from './commands/dev.js';
import { addFlowCommands } from './commands/flow.js';
import { addJobCommands } from './commands/job.js';
import { addMemberCommands } from './commands/member.js';
import { addExampleCommands } from './commands/example.js';
import { addEventCommands } from './commands/event.js';
import { addDelegateCommands } from './commands/delegate.js';
import { addEnvironmentCommands } from './commands/environment.js';
import { addScheduleCommands } from './commands/schedule.js';
import { addTaskCommands } from './commands/task.js';
import { readEnvironment } from './environment.js';
import { exitCodes } from './exit-codes.js';
import { Invocation } from './invocation.js';
import type { GlobalFlags } from './invocation.js';
import { reportError } from './report-error.js';
import type { Run } from './run.js';
import { version } from './version.js';

/** Runs the command in `argv` and gives the exit code. Never throws. */
export async function main(argv: readonly string[] = process.argv): Promise<number> {
  const isJson = argv.some(
    (arg, index) =>
      /^(--output=|-o)?jsonl?$/.test(arg) &&
      (arg.includes('o') || /^(-o|--output)$/.test(argv[index - 1] ?? '')),
  );
  let exitCode: number = exitCodes.ok;
  const run: Run =
    (action) =>
    async (...args) => {
      const command = args.at(-1) as Command;
      const invocation = new Invocation(readEnvironment(), command.optsWithGlobals<GlobalFlags>());
      try {
        exitCode = await action(invocation, command.args, command.opts() as never);
      } finally {
        await invocation.close();
      }
    };
  try {
    await buildProgram(run).parseAsync(argv as string[]);
    return exitCode;
  } catch (error) {
    const write = (text: string): void => void process.stderr.write(text);
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return exitCodes.ok;
      if (error.code === 'commander.help') return exitCodes.usage; // a command is missing: its help is shown
      const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
      return reportError(new InputError('BATON_INPUT_INVALID', message), { json: isJson, write });
    }
    return reportError(error, { json: isJson, write });
  }
}

/** The command table; help is generated from it. */
export function buildProgram(run: Run): Command {
  const program = new Command('baton')
    .description(
      'Distributed TaskFlow for TypeScript: jobs on a ZooKeeper jobboard, flows that revert, conductors and workers you can kill.',
    )
    .version(version, '--version')
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .showSuggestionAfterError(true)
    .option('-o, --output <format>', 'table, json, jsonl, yaml or name')
    .option('--config <file>', 'configuration file')
    .option('--local <address>', 'embedded server instead of the three services')
    .option('--zookeeper <hosts>', 'ZooKeeper servers, with chroot')
    .option('--kafka <brokers>', 'Kafka brokers')
    .option('--mongodb <url>', 'MongoDB connection string')
    .option('--board <name>', 'jobboard')
    .option('--log-level <level>', 'debug, info, warn or error');
  addJobCommands(program, run);
  addTaskCommands(program, run);
  addDelegateCommands(program, run);
  addEventCommands(program, run);
  addScheduleCommands(program, run);
  addEnvironmentCommands(program, run);
  addFlowCommands(program, run);
  addClusterCommands(program, run);
  addMemberCommands(program, run);
  addApiCommands(program, run);
  addDevCommand(program, run);
  addDemoCommand(program, run);
  addExampleCommands(program, run);
  addConfigCommands(program, run);
  return program;
}
