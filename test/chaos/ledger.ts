/** What tasks did, as they wrote it down themselves (tasks.mjs). */
import { readFileSync } from 'node:fs';

interface LineCommon {
  readonly atMs: number;
  readonly pid: number;
}

export interface CallLine extends LineCommon {
  readonly phase: 'start' | 'end' | 'fail';
  readonly action: 'execute' | 'revert';
  readonly flowId: string;
  readonly atom: string;
  /** With `start`. */
  readonly round?: number;
  readonly attempt?: number;
  readonly key: string;
  readonly requestId: string;
  readonly delivery: number;
  readonly worker: string;
}

export interface OddLine extends LineCommon {
  readonly phase: 'odd';
  readonly what: string;
}

export function ledgerOf(file: string): readonly (CallLine | OddLine)[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as CallLine | OddLine);
}
