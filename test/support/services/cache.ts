/**
 * Purpose: what is fetched or built once per machine, in `$XDG_CACHE_HOME/baton/services` (default ~/.cache), so that a second clone
 * starts warm. An entry is a folder named by the hash of everything that goes into it; it appears complete, by a rename, or not at all.
 * What is authoritative: the folder's existence. The lock only saves work twice over: without it the result is the same.
 * On failure: the half-made folder is removed, at the latest by the next one to make an entry.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const lockPollMs = 100;

export function cacheFolder(): string {
  const base = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(base, 'baton', 'services');
}

/** First 16 hexadecimal digits of the hash over the parts (file contents, versions). */
export function contentHash(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(String(part.length)).update('\0').update(part);
  return hash.digest('hex').slice(0, 16);
}

/** Path of the entry; when it is not there yet, `make` fills an empty folder that then becomes the entry. */
export async function cached(path: string, make: (folder: string) => Promise<void>): Promise<string> {
  if (existsSync(path)) return path;
  mkdirSync(dirname(path), { recursive: true });
  const release = await lock(`${path}.lock`);
  try {
    if (existsSync(path)) return path;
    removeLeftovers(path);
    const unfinished = `${path}.unfinished-${process.pid}`;
    mkdirSync(unfinished);
    try {
      await make(unfinished);
      renameSync(unfinished, path);
    } finally {
      rmSync(unfinished, { recursive: true, force: true });
    }
    return path;
  } finally {
    release();
  }
}

/** One process at a time; a lock whose process has died is taken over. */
async function lock(path: string): Promise<() => void> {
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (!isAlive(readPid(path))) rmSync(path, { force: true });
    else await delay(lockPollMs);
  }
}

function removeLeftovers(path: string): void {
  const prefix = `${path}.unfinished-`;
  for (const name of readdirSync(dirname(path))) {
    const other = join(dirname(path), name);
    if (other.startsWith(prefix) && !isAlive(Number(other.slice(prefix.length))))
      rmSync(other, { recursive: true, force: true });
  }
}

/** The holder writes its pid right after creating the file: an empty one is alive for all we know. */
function readPid(path: string): number {
  try {
    return Number(readFileSync(path, 'utf8')) || process.pid;
  } catch {
    return process.pid; // released this very moment
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
