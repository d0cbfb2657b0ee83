/**
 * Purpose: HTTP requests to the outside under the egress rules (T10): http and https only; no address of a private network, of this machine or of its link unless
 *   it is allowed; the address that was checked is the one that is connected to; no redirect is followed by itself.
 * States: none; a connection a request.
 * On failure: rejects with `EgressRefused`, or what Node says; neither names headers nor the path of the url, where secrets may be.
 * Not here: what is made of the answer.
 */
import { lookup } from 'node:dns';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { InputError } from '@baton/core';

export interface EgressRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Ends the request, and the answer while it is read. */
  readonly signal: AbortSignal;
}

/** Resolves with the head of the answer; its body is the caller's, to read or to `destroy()`. */
export type Egress = (request: EgressRequest) => Promise<IncomingMessage>;

/** It may not be asked at all; asking again will not help. */
export class EgressRefused extends Error {
  override readonly name = 'EgressRefused';
  readonly code = 'EGRESS_REFUSED';
  readonly retryable = false;
}

/** Private, shared, local, link-local, documentation, benchmark, multicast and reserved networks (RFC 6890), and those that lead to them by translation. */
const refusedNetworks = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15'],
  ...['198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
  ...['::/127', '64:ff9b::/96', '64:ff9b:1::/48', '100::/64', '2001::/23', '2001:db8::/32', '2002::/16'],
  ...['fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8'],
];

/**
 * @param allow networks (`10.1.0.0/16`) and addresses that may be asked although they are private
 * @param setting what names them, for who is refused
 * @throws InputError `BATON_INPUT_INVALID` for one that is none
 */
export function createEgress({
  allow,
  setting,
}: {
  readonly allow: readonly string[];
  readonly setting: string;
}): Egress {
  const refused = networks(refusedNetworks);
  const allowed = networks(allow);
  const mayConnect = (address: string): boolean => isIn(allowed, address) || !isIn(refused, address);
  const notAllowed = (host: string): EgressRefused =>
    new EgressRefused(`${host} is not in the public internet: ${setting} may name its network`);
  // what is checked is what is connected to: a name that changes its address in between gains nothing
  const checkedLookup: LookupFunction = (host, options, callback) =>
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '');
      const [first] = found;
      const bad = found.find(({ address }) => !mayConnect(address));
      if (first === undefined || bad) return callback(notAllowed(host), '');
      if (options.all === true) callback(null, found);
      else callback(null, first.address, first.family);
    });
  return ({ url, method, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const { protocol, hostname } = new URL(url);
      if (protocol !== 'http:' && protocol !== 'https:')
        return reject(new EgressRefused('the url is not http or https'));
      const host = hostname.replace(/^\[|\]$/g, '');
      // an address is not looked up
      if (isIP(host) !== 0 && !mayConnect(host)) return reject(notAllowed(host));
      const request = (protocol === 'https:' ? requestHttps : requestHttp)(url, {
        ...{ method, headers, agent: false, lookup: checkedLookup, signal },
      });
      request.on('error', reject).on('response', resolve);
      request.end(body);
    });
}

function networks(list: readonly string[]): BlockList {
  const result = new BlockList();
  for (const network of list) {
    const [address = '', prefix] = network.split('/');
    const family = isIP(address);
    const bits = prefix === undefined ? (family === 6 ? 128 : 32) : Number(prefix);
    if (family === 0 || !Number.isInteger(bits) || bits < 0 || bits > (family === 6 ? 128 : 32))
      throw new InputError(
        'BATON_INPUT_INVALID',
        `${JSON.stringify(network)} is no network: give one as 10.1.0.0/16, or an address`,
      );
    result.addSubnet(address, bits, family === 6 ? 'ipv6' : 'ipv4');
  }
  return result;
}

/** An IPv4 address that is written as IPv6 is in the networks of IPv4. */
function isIn(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}
