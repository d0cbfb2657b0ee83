import { type Environment, InputError, type Lineage, type Value } from '@baton/core';
import { fromBytes, toBytes } from './json-bytes.js';

/** Highest first. */
export const priorities = ['VERY_HIGH', 'HIGH', 'NORMAL', 'LOW', 'VERY_LOW'] as const;
export type Priority = (typeof priorities)[number];

/** What stands on the board for a job: enough to decide whether and when to claim it. Never payloads, never secrets. */
export interface Posting {
  readonly name: string;
  readonly priority: Priority;
  /** SHA-256 of the canonical flow JSON, hexadecimal. */
  readonly definitionHash: string;
  readonly namespace: string;
  /** Where it was posted: the record of the job, which all boards of a cluster share, holds the same posting. Absent: not recorded. */
  readonly board?: string;
  readonly tags: Readonly<Record<string, string>> | readonly string[];
  /** What the poster knew; see `isServed`. */
  readonly protocolVersion: number;
  /** Wall time of the poster, ms since 1970; orders jobs of one priority. */
  readonly createdAtMs: number;
  /**
   * The symbols given with the job, when they are few and small: a conductor can then start a job that was never claimed without
   * reading the store. Absent: they stand in journal entry 0 only. The board is readable for operators: the poster leaves
   * them out where that matters.
   */
  readonly store?: Readonly<Record<string, Value>>;
  /** The environment, with `store` or not at all. */
  readonly env?: Environment;
  /** Somebody is to be told how it goes on. */
  readonly notify?: true;
  /** Of a child run: the job that waits for it. */
  readonly lineage?: Lineage;
  /** Set by an abandon with back-off: nobody should claim it before (ms since 1970, by the clock of whoever gave it back). */
  readonly notBeforeMs?: number;
  /** How long that was to be from then on, ms: who goes by another clock waits no longer than this from when it first reads it. */
  readonly pauseMs?: number;
  /** Set when it is woken for a timer: that one is due, whatever the clock of who claims it says. */
  readonly dueTimer?: string;
}

/** Of the postings this version writes, and the newest it understands. */
export const postingVersion = 1;
/** The only one there is so far. */
export const defaultNamespace = 'default';

/** Whether a conductor of this version may claim it (P-507): it would misread what a newer poster wrote, and other namespaces are not its own. */
export function isServed({ protocolVersion, namespace }: Posting): boolean {
  return protocolVersion <= postingVersion && namespace === defaultNamespace;
}

export const postingBytesMax = 4096;

/** Up to so many bytes of symbols and environment ride on the board, so that a fresh job starts without a read. */
const storeBytesMax = 1_024;

/** With the symbols and the environment of the job, if they are few and small. */
export function postingWith(posting: Posting, { store, env }: Pick<Posting, 'store' | 'env'>): Posting {
  const given = { ...(store && { store }), ...(env && { env }) };
  const whole: Posting = { ...posting, ...given };
  const isSmall =
    JSON.stringify(given).length <= storeBytesMax && toBytes(whole).byteLength <= postingBytesMax;
  return isSmall ? whole : posting;
}

/** @throws InputError `BATON_INPUT_TOO_LARGE` above 4 KiB of JSON. */
export function encodePosting(posting: Posting): Uint8Array {
  const bytes = toBytes(posting);
  if (bytes.length > postingBytesMax)
    throw new InputError(
      'BATON_INPUT_TOO_LARGE',
      `the posting of job ${JSON.stringify(posting.name)} has ${bytes.length} bytes, allowed are ${postingBytesMax}: shorten its name or tags`,
    );
  return bytes;
}

/** Unknown fields are kept: a newer poster may have written them. @throws InputError `BATON_INPUT_MALFORMED` */
export function decodePosting(bytes: Uint8Array, path: string): Posting {
  const posting = fromBytes(bytes) as Partial<Posting> | null | undefined;
  if (
    typeof posting !== 'object' ||
    posting === null ||
    typeof posting.name !== 'string' ||
    typeof posting.definitionHash !== 'string' ||
    typeof posting.createdAtMs !== 'number' ||
    !priorities.includes(posting.priority as Priority)
  )
    throw new InputError('BATON_INPUT_MALFORMED', `node ${path} does not hold a posting`);
  return posting as Posting;
}

/** Sort order of the board: highest priority first, then oldest. */
export function comparePostings(a: Posting, b: Posting): number {
  return priorities.indexOf(a.priority) - priorities.indexOf(b.priority) || a.createdAtMs - b.createdAtMs;
}
