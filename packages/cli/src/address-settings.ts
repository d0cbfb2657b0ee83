/** Settings that say where something is, and who may know of it: checked when they are read. Each throws InputError `BATON_INPUT_INVALID`. */
import { DelegateTokens } from '@baton/client/delegate-tokens';
import { InputError } from '@baton/core';

/** The client library would take a name without a port for a defect of its own. */
export function brokers(value: string, name: string): string {
  const isBroker = (broker: string): boolean => {
    const port = Number(/^(?:[^\s:/@]+|\[[0-9a-f:.]+\]):(\d{1,5})$/i.exec(broker.trim())?.[1]);
    return port >= 1 && port <= 65_535;
  };
  if (value.split(',').every(isBroker)) return value;
  throw new InputError(
    'BATON_INPUT_INVALID',
    `${name} must look like host:port,host:port, got ${JSON.stringify(value)}`,
  );
}

/** Without a slash at its end. */
export function baseUrl(value: string, name: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const isBase =
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    url.username === '' &&
    url.search + url.hash === '';
  if (isBase) return url.href.replace(/\/$/, '');
  throw new InputError(
    'BATON_INPUT_INVALID',
    `${name} must look like https://baton.example, got ${JSON.stringify(value)}`,
  );
}

export function delegateKeys(value: string): string {
  return new DelegateTokens(value) && value;
}

export function listenOn(value: string, name: string): { readonly host: string; readonly port: number } {
  const [, host, port] =
    /^(?:\[([0-9a-f:.]+)\]|([^\s:/@[\]]+)):(\d{1,5})$/i.exec(value)?.filter(Boolean) ?? [];
  if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) };
  throw new InputError(
    'BATON_INPUT_INVALID',
    `${name} must look like 127.0.0.1:9010, got ${JSON.stringify(value)}`,
  );
}
