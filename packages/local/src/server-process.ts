import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type ErrorCode, errorCodes, type LogFields, type Logger, UnavailableError } from '@baton/core';
import type { ListenAddress } from './address.js';
import { reviveError } from './protocol.js';

export interface LocalServerProcess {
  readonly address: string;
  readonly pid: number;
  /** Resolves with the exit code, null after a signal. */
  readonly exited: Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
  /** Ends it gently and waits for the end. Idempotent. */
  close(): Promise<void>;
}

export interface SpawnLocalServerOptions {
  readonly listen: ListenAddress;
  readonly file: string;
  /** Gets what the process has to say. */
  readonly logger: Logger;
}

/**
 * Starts an embedded server in a process of its own, which ends when this process does, however that comes about.
 * @throws what `startLocalServer` throws; UnavailableError `BATON_UNAVAILABLE_REFUSED` when the process ends without a reason
 */
export async function spawnLocalServer({
  listen,
  file,
  logger,
}: SpawnLocalServerOptions): Promise<LocalServerProcess> {
  // by way of dist, so that it is found from the sources too
  const entry = fileURLToPath(new URL('../dist/main.js', import.meta.url));
  const where = 'path' in listen ? ['--socket', listen.path] : ['--port', String(listen.port)];
  const child = spawn(process.execPath, [entry, ...where, '--file', file, '--die-with-parent'], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', reject);
  });
  return {
    address: await readyAddress(child, { exited, logger }),
    pid: child.pid as number,
    exited,
    kill: (signal) => void child.kill(signal),
    close: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function readyAddress(
  child: ChildProcess,
  { exited, logger }: { readonly exited: Promise<number | null>; readonly logger: Logger },
): Promise<string> {
  let reason: Error | undefined;
  createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
    const { level, message, ...fields } = parseLine(line);
    reason = errorOf(message, fields) ?? reason;
    logger[level === 'error' ? 'error' : 'warn'](`embedded server: ${message}`, {
      ...fields,
      pid: child.pid,
    });
  });
  const ready = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).once('line', (line) =>
      resolve((JSON.parse(line) as { address: string }).address),
    );
  });
  const failed = exited.then((code) => {
    throw (
      reason ??
      new UnavailableError('BATON_UNAVAILABLE_REFUSED', `the embedded server ended at once with code ${code}`)
    );
  });
  const address = await Promise.race([ready, failed]);
  failed.catch(() => undefined); // its end is told by `exited` from now on
  return address;
}

function parseLine(line: string): { level: string; message: string; [field: string]: unknown } {
  try {
    return JSON.parse(line) as { level: string; message: string };
  } catch {
    return { level: 'warn', message: line };
  }
}

function errorOf(message: string, { code }: LogFields): Error | undefined {
  if (typeof code !== 'string' || !(code in errorCodes)) return undefined;
  return reviveError({ code: code as ErrorCode, message, details: {} });
}
