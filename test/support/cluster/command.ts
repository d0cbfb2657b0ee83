import { spawn } from 'node:child_process';
import { baton } from './member-process.js';

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
}

/** Runs one command of the command line to its end, as a script would: no terminal, no input. */
export async function runBaton(
  args: readonly string[],
  { env, cwd }: { readonly env: Readonly<Record<string, string>>; readonly cwd: string },
): Promise<CommandResult> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [baton, ...args], { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, code] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise<number | null>((resolve, reject) => child.once('exit', resolve).once('error', reject)),
  ]);
  return { code, stdout, stderr, tookMs: performance.now() - startedMs };
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
