/** Child processes of the runner: on a leash, so that they end with it, however it ends. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LeashedProcess } from '../services/leashed-process.js';

export const root = fileURLToPath(new URL('../../..', import.meta.url));

export interface ToolRun {
  readonly code: number;
  /** Standard output and error, when `quiet`. */
  readonly output: string;
}

export interface ToolOptions {
  /** Keep the output instead of showing it. */
  readonly quiet?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Runs Node with these arguments in the root of the repository, to its end. Killed after `timeoutMs` (default 30 minutes). */
export async function runNode(args: readonly string[], options: ToolOptions = {}): Promise<ToolRun> {
  const { quiet = false, env = {}, timeoutMs = 30 * 60_000 } = options;
  const folder = mkdtempSync(join(tmpdir(), 'baton-run-'));
  const logFile = join(folder, 'output');
  try {
    const child = await LeashedProcess.start({
      command: process.execPath,
      args,
      folder,
      cwd: root,
      env: { ...process.env, ...env },
      ...(quiet ? { logFile } : {}),
    });
    const timer = setTimeout(() => void child.end(), timeoutMs);
    const code = await child.ended;
    clearTimeout(timer);
    return { code, output: quiet ? readFileSync(logFile, 'utf8') : '' };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
