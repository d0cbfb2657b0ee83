/**
 * Purpose: ends what the demo has started when the demo itself is gone, however it went: a process of its own that does nothing but wait
 * for the end of its standard input.
 * What is authoritative: the lines it was told: `+PID` a guard runs (its process group is its own), `-PID` it has ended, `/FOLDER` the
 * temporary folder.
 * On failure: what has ended already is passed over.
 */
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

const groups = new Set<number>();
let folder: string | undefined;

// a Ctrl-C at the terminal is the demo's to handle
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

createInterface({ input: process.stdin })
  .on('line', (line) => {
    if (line.startsWith('+')) groups.add(Number(line.slice(1)));
    if (line.startsWith('-')) groups.delete(Number(line.slice(1)));
    if (line.startsWith('/')) folder = line;
  })
  .on('close', () => void end());

/** The second signal makes a guard kill its child; a guard that was killed first would leave it behind. */
async function end(): Promise<void> {
  signalAll('SIGTERM');
  if (groups.size > 0) await pause(50);
  signalAll('SIGTERM');
  if (groups.size > 0) await pause(500);
  signalAll('SIGKILL');
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit(0);
}

function signalAll(signal: NodeJS.Signals): void {
  for (const leader of groups)
    try {
      process.kill(-leader, signal);
    } catch {
      groups.delete(leader);
    }
}
