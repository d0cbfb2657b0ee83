import { DelegateTokens } from '@baton/client/delegate-tokens';
import type { DelegateLink } from '@baton/core';
import type { Settings } from './settings.js';

/** Links to delegates as the API of this cluster knows them; of the same request always the same one. */
export function delegateLinks(settings: Settings): (requestId: string) => DelegateLink | undefined {
  const tokens = new DelegateTokens(settings.maybe('delegate.keys') ?? '');
  const { host, port } = settings.get('http.listen');
  const scheme = settings.maybe('http.tls_cert') === undefined ? 'http' : 'https';
  const base =
    settings.maybe('http.external_url') ?? `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return (requestId) => {
    const token = tokens.of(requestId);
    return token === undefined ? undefined : { token, url: `${base}/v1/delegates/${token}` };
  };
}
