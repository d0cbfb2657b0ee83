import { DelegateTokens } from '@baton/client/delegate-tokens';
import { describe, expect, it } from '@jest/globals';
import { delegateLinks } from './delegate-links.js';
import { resolveSettings } from './settings.js';

const keys = 'k'.repeat(32);
const requestId = 'j/a/execute/0.1';

function linkWith(variables: Readonly<Record<string, string>>) {
  const environment = { variables, userConfigFile: '/no/such/file' } as never;
  return delegateLinks(resolveSettings({ environment, flags: {} }))(requestId);
}

describe('links to delegates', () => {
  it.each([
    [{}, 'http://127.0.0.1:7450'],
    [{ BATON_HTTP_LISTEN: '[::1]:80' }, 'http://[::1]:80'],
    [{ BATON_HTTP_TLS_CERT: 'c', BATON_HTTP_TLS_KEY: 'k' }, 'https://127.0.0.1:7450'],
    [{ BATON_HTTP_EXTERNAL_URL: 'https://baton.example/ops/' }, 'https://baton.example/ops'],
  ])('lead to where the API is: %j', (variables, base) => {
    const link = linkWith({ BATON_DELEGATE_KEYS: keys, ...variables });
    expect(link?.url).toBe(`${base}/v1/delegates/${link?.token}`);
    expect(new DelegateTokens(keys).requestOf(link?.token ?? '')).toBe(requestId);
  });

  it('are none without a key', () => {
    expect(linkWith({})).toBeUndefined();
  });

  it.each([
    ['BATON_DELEGATE_KEYS', 'short', 'delegate.keys: key 1 has 5 characters'],
    ['BATON_HTTP_EXTERNAL_URL', 'baton.example', 'must look like https://'],
    ['BATON_HTTP_EXTERNAL_URL', 'ftp://baton.example', 'must look like https://'],
    ['BATON_HTTP_EXTERNAL_URL', 'https://baton.example/?x', 'must look like https://'],
  ])('%s=%s is refused', (name, value, message) => {
    expect(() => linkWith({ [name]: value })).toThrow(message);
  });
});
