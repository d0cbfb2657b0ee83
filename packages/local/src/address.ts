import { createHash } from 'node:crypto';
import type { NetConnectOpts } from 'node:net';
import { tmpdir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { InputError } from '@baton/core';

/** The kernel keeps socket paths in a fixed field: 108 bytes on Linux, 104 on macOS, one of them for the terminator. */
const SOCKET_PATH_BYTES_MAX = 103;

/** Where a server listens: a Unix socket, or a port on the loopback interface (0 = any free one). */
export type ListenAddress = { readonly path: string } | { readonly port: number };

/**
 * The socket path that belongs to a database file: beside it (`<file>.sock`), or, where that is longer than a kernel allows,
 * a name in the temporary folder derived from it. Every process computes the same.
 */
export function socketPathFor(file: string): string {
  const beside = `${resolve(file)}.sock`;
  if (Buffer.byteLength(beside) <= SOCKET_PATH_BYTES_MAX) return beside;
  const digest = createHash('sha256').update(beside).digest('hex').slice(0, 16);
  return join(tmpdir(), `baton-${digest}.sock`);
}

/** Absolute and short enough. @throws InputError `BATON_INPUT_INVALID` */
export function checkSocketPath(path: string): string {
  const absolute = resolve(path);
  const bytes = Buffer.byteLength(absolute);
  if (bytes > SOCKET_PATH_BYTES_MAX)
    throw new InputError(
      'BATON_INPUT_INVALID',
      `socket path ${absolute} has ${bytes} bytes, the limit is ${SOCKET_PATH_BYTES_MAX}; use a shorter path, or a port`,
    );
  return absolute;
}

/** An address as the server tells it, `/path/to.sock` or `127.0.0.1:7451`. @throws InputError `BATON_INPUT_INVALID` */
export function parseAddress(address: string): NetConnectOpts {
  if (isAbsolute(address)) return { path: checkSocketPath(address) };
  const match = /^(.+):(\d{1,5})$/.exec(address);
  if (match?.[1] !== undefined && Number(match[2]) <= 65_535)
    return { host: match[1], port: Number(match[2]), noDelay: true };
  throw new InputError(
    'BATON_INPUT_INVALID',
    `address ${JSON.stringify(address)} is neither an absolute socket path nor host:port`,
  );
}
