/**
 * The only reader of the environment (B-233): everything else receives what it needs from here, resolved and frozen.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, relative } from 'node:path';
import { InputError } from '@baton/core';

export interface Environment {
  /** `BATON_*` variables. */
  readonly variables: Readonly<Record<string, string>>;
  /** Where a user's configuration is looked for. */
  readonly userConfigFile: string;
  /** Colour may be used on a terminal. */
  readonly color: boolean;
  /** Whether standard output is a terminal that understands cursor movements. */
  readonly isTerminal: boolean;
  /** What a person types to run this program again: `npx baton` when npm started it. */
  readonly program: string;
  /** Everything, for child processes. */
  readonly forChildren: NodeJS.ProcessEnv;
}

/** @throws InputError for a `BATON_…_FILE` that cannot be read. */
export function readEnvironment(): Environment {
  const { env } = process;
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(env))
    if (name.startsWith('BATON_') && value !== undefined) variables[name] = value;
  const isDumb = env['TERM'] === 'dumb';
  return Object.freeze({
    variables: Object.freeze(withFiles(variables)),
    userConfigFile: join(env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'baton', 'config.yaml'),
    color: env['NO_COLOR'] === undefined && !isDumb && process.stdout.isTTY,
    isTerminal: process.stdout.isTTY && !isDumb,
    program: programOf(env, process.argv[1] ?? ''),
    forChildren: env,
  });
}

/** `BATON_X_FILE=path` gives `BATON_X` the content of the file: secrets need not stand in the environment (B-232). @throws InputError */
function withFiles(variables: Record<string, string>): Record<string, string> {
  for (const [name, path] of Object.entries(variables))
    if (name.endsWith('_FILE')) {
      delete variables[name];
      variables[name.slice(0, -'_FILE'.length)] = readNamedFile(name, path).trim();
    }
  return variables;
}

function readNamedFile(variable: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new InputError(
      'BATON_INPUT_INVALID',
      `${variable} names ${JSON.stringify(path)}, which cannot be read`,
      {
        cause,
      },
    );
  }
}

function programOf(env: NodeJS.ProcessEnv, script: string): string {
  if (env['npm_command'] !== undefined) return 'npx baton';
  return script.endsWith('.mjs') ? `node ${relative(process.cwd(), script)}` : 'baton';
}
