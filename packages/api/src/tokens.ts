/**
 * Purpose: who asks: bearer tokens with a name, a role and an end, of which only the hash is kept (T02, T03).
 * What is authoritative: the lines of `http.tokens`, read once at start.
 * On failure: closed: what is not exactly a known and valid token is nobody.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { InputError } from '@baton/core';

/** Each may do what those before it may. viewer: look. poster: post flows that are stored. author: post any flow. operator: give commands to jobs. */
export const roles = ['viewer', 'poster', 'author', 'operator'] as const;
export type Role = (typeof roles)[number];

export interface Principal {
  readonly name: string;
  readonly role: Role;
  /** Has the token of a delegate, for this request, and may do nothing but answer it. */
  readonly delegate?: string;
  /** When its token ends, ms since 1970; Infinity: never. */
  readonly untilMs: number;
}

interface Token extends Principal {
  readonly hash: Buffer;
}

/** Name, role, SHA-256 in hexadecimal and, if it ends, when. */
const LINE = /^([A-Za-z0-9_.@-]{1,64})[ \t]+([a-z]+)[ \t]+([0-9a-f]{64})(?:[ \t]+(\d{4}-\d\d-\d\d\S*))?$/;
/** Longer than any token: hashing what is longer would be work for nothing. One of less than 32 characters could be guessed, and is none. */
const HEADER_CHARACTERS_MAX = 512;

export class Tokens {
  readonly #tokens: readonly Token[];

  /** `text`: a line for each token, several of one name while it gets a new one; empty lines and those that begin with # are none. @throws InputError `BATON_INPUT_INVALID` that names the line */
  constructor(text: string) {
    this.#tokens = text.split('\n').flatMap((line, index) => {
      const trimmed = line.trim();
      return trimmed === '' || trimmed.startsWith('#') ? [] : [parseLine(trimmed, index + 1)];
    });
  }

  get count(): number {
    return this.#tokens.length;
  }

  /** Whose token the header `authorization` carries, in time that tells nothing about the tokens there are; undefined: nobody's. */
  holder(authorization: string | undefined, nowMs: number): Principal | undefined {
    const given = /^Bearer ([\x21-\x7e]{32,})$/i.exec(
      authorization !== undefined && authorization.length <= HEADER_CHARACTERS_MAX ? authorization : '',
    )?.[1];
    if (given === undefined) return undefined;
    const hash = digestOf(given);
    let found: Principal | undefined;
    for (const token of this.#tokens)
      if (timingSafeEqual(token.hash, hash) && nowMs < token.untilMs)
        found = { name: token.name, role: token.role, untilMs: token.untilMs };
    return found;
  }
}

/** A new token, and the line that makes it known: the token itself is kept nowhere. @throws InputError */
export function newToken(
  name: string,
  role: string,
  until?: string,
): { readonly token: string; readonly line: string } {
  const token = `baton_${randomBytes(32).toString('base64url')}`;
  const line = [name, role, digestOf(token).toString('hex'), ...(until === undefined ? [] : [until])].join(
    ' ',
  );
  parseLine(line, 1);
  return { token, line };
}

function parseLine(line: string, number: number): Token {
  const [, name, role, hash, until] = LINE.exec(line) ?? [];
  // eslint-disable-next-line no-restricted-globals -- reads a date, and asks no clock
  const untilMs = until === undefined ? Infinity : Date.parse(until);
  if (name === undefined || hash === undefined || Number.isNaN(untilMs))
    throw new InputError(
      'BATON_INPUT_INVALID',
      `line ${number} of http.tokens must be: name, role, SHA-256 of the token in hexadecimal and, if it ends, a date (2027-01-31)`,
    );
  if (!roles.includes(role as Role))
    throw new InputError(
      'BATON_INPUT_INVALID',
      `line ${number} of http.tokens: role ${String(role)} must be one of ${roles.join(', ')}`,
    );
  return { name, role: role as Role, hash: Buffer.from(hash, 'hex'), untilMs };
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

export function atLeast({ role }: Principal, needed: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(needed);
}
