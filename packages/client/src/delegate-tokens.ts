/**
 * Purpose: links to delegates: a token lets whoever has it answer one attempt of one delegate, and do nothing else (C-1104). The conductor makes them for
 * tasks that ask for an answer, the API knows them again.
 * States: none. A token is made from the request and a key, so every owner of a run makes the same one and none is stored anywhere; when the attempt is
 *   over, it is the run that says so.
 * What is authoritative: the keys. Who has one can make any token; take one away, and its tokens are nobody's.
 * On failure: closed: what is not exactly a token of one of the keys is none.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { InputError } from '@baton/core';

const MAC_BYTES = 32;
/** Longer than the token of the longest request id. */
const TOKEN_CHARACTERS_MAX = 2_048;
const KEY_CHARACTERS_MIN = 32;
const KEYS_MAX = 16;

export class DelegateTokens {
  readonly #keys: readonly string[];
  readonly #namespace: string;

  /**
   * `text`: a key on each line, 32 characters or more; the first signs, all are known. To change a key, put the new one first once all processes know
   * it as the last. @throws InputError `BATON_INPUT_INVALID`
   */
  constructor(text: string, namespace = 'default') {
    this.#keys = text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'));
    this.#namespace = namespace;
    const short = this.#keys.findIndex((key) => key.length < KEY_CHARACTERS_MIN);
    if (short >= 0)
      throw new InputError(
        'BATON_INPUT_INVALID',
        `delegate.keys: key ${short + 1} has ${this.#keys[short]?.length ?? 0} characters, and can be guessed: give ${KEY_CHARACTERS_MIN} or more, such as \`openssl rand -hex 32\` prints`,
      );
    if (this.#keys.length > KEYS_MAX)
      throw new InputError('BATON_INPUT_INVALID', `delegate.keys: at most ${KEYS_MAX} keys can be known`);
  }

  /** The token for an attempt of a delegate, by its request id; undefined: there is no key. */
  of(requestId: string): string | undefined {
    const [key] = this.#keys;
    if (key === undefined) return undefined;
    return Buffer.concat([this.#mac(key, requestId), Buffer.from(requestId)]).toString('base64url');
  }

  /** The request id that a token is for, found in time that tells nothing about the keys; undefined: it is none of ours. */
  requestOf(token: string): string | undefined {
    if (token.length > TOKEN_CHARACTERS_MAX) return undefined;
    const bytes = Buffer.from(token, 'base64url');
    // the decoder passes over what it does not know: one token has one text
    if (bytes.length <= MAC_BYTES || bytes.toString('base64url') !== token) return undefined;
    const requestId = bytes.toString('utf8', MAC_BYTES);
    let isKnown = false;
    for (const key of this.#keys)
      if (timingSafeEqual(this.#mac(key, requestId), bytes.subarray(0, MAC_BYTES))) isKnown = true;
    return isKnown ? requestId : undefined;
  }

  #mac(key: string, requestId: string): Buffer {
    return createHmac('sha256', key).update(`baton delegate\0${this.#namespace}\0${requestId}`).digest();
  }
}
