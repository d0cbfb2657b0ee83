/** Where the API may listen, and who may ask it without a token (T01, T07). */
import { isIP } from 'node:net';
import { InputError } from '@baton/core';

export interface Exposure {
  readonly host: string;
  readonly hasTokens: boolean;
  readonly hasTls: boolean;
  /** Something in front of it does TLS. */
  readonly insecure: boolean;
}

/** Reached from this machine only. Of names only localhost is known to be. */
export function isLoopback(host: string): boolean {
  const bare = host.toLowerCase();
  return bare === 'localhost' || bare === '::1' || (isIP(bare) === 4 && bare.startsWith('127.'));
}

/** @throws InputError `BATON_INPUT_EXPOSED` */
export function checkExposure({ host, hasTokens, hasTls, insecure }: Exposure): void {
  if (isLoopback(host)) return;
  if (!hasTokens)
    throw new InputError(
      'BATON_INPUT_EXPOSED',
      `the API would listen on ${host}, which other machines reach, and there are no tokens (http.tokens)`,
    );
  if (!hasTls && !insecure)
    throw new InputError(
      'BATON_INPUT_EXPOSED',
      `the API would listen on ${host} and take tokens in plain text: give http.tls_cert and http.tls_key, or --insecure`,
    );
}

/**
 * Without tokens, whoever reaches the address may do everything, and a web page in a browser of this machine reaches it too: one that has its own name
 * resolve to this machine (its Host is that name), or one that sends from elsewhere (its Origin is another).
 * @throws InputError `BATON_INPUT_FORBIDDEN`
 */
export function checkSameMachine(headers: {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
}): void {
  const { host = '', origin } = headers;
  const name = /^(?:\[([0-9a-f:]+)\]|([^:@/\s]+))(?::\d{1,5})?$/i.exec(host)?.slice(1).find(Boolean) ?? '';
  if (!isLoopback(name))
    throw new InputError(
      'BATON_INPUT_FORBIDDEN',
      'without tokens only requests to localhost are answered; this one names another host',
    );
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`)
    throw new InputError('BATON_INPUT_FORBIDDEN', 'without tokens no page of another origin may ask');
}
