/**
 * Purpose: the demo's own record of what tasks really did, one JSON line per beginning and end of an effect. The system never reads it:
 * the report is checked against it. A line is one write in append mode, so lines of many processes never mix, and a SIGKILL leaves no half.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import type { Action } from '@baton/core';

export interface LedgerLine {
  readonly event: 'start' | 'end';
  readonly action: Action;
  readonly flowId: string;
  readonly atom: string;
  readonly requestId: string;
  /** n-th sending of the request. */
  readonly delivery: number;
  readonly idempotencyKey: string;
  readonly worker: string;
  readonly pid: number;
}

export function appendLine(file: string, line: LedgerLine): void {
  appendFileSync(file, `${JSON.stringify(line)}\n`);
}

/** Everything so far, in order. */
export function readLedger(file: string): readonly LedgerLine[] {
  const text = readFileSync(file, { encoding: 'utf8', flag: 'a+' });
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LedgerLine);
}
