/** Limits of the HTTP server, and what it says where no route is reached yet. */
import type { Socket } from 'node:net';
import { STATUS_CODES } from 'node:http';
import type { FastifyReply, FastifySchemaValidationError } from 'fastify';
import { InputError } from '@baton/core';
import { problemOf } from './problem.js';

/** What nobody is meant to come near. Bytes; milliseconds. */
export const limits = Object.freeze({
  /** Two values of the largest size (`payloadBytesMax`), or one flow of about 5,000 atoms. */
  bodyBytesMax: 1024 * 1024,
  /** To send a request, all of it. */
  receiveTimeoutMs: 10_000,
  /** To answer it. */
  answerTimeoutMs: 30_000,
  /** Without a byte in either direction; streams have heartbeats. */
  silenceTimeoutMs: 60_000,
  keepAliveTimeoutMs: 30_000,
  connectionsMax: 2_000,
  streamsMax: 500,
  /** Of one principal, so that the others have some left. */
  streamsOfOneMax: 100,
  delegateWaitMaxMs: 30 * 24 * 3_600_000,
  /** Requests a second of one principal. */
  rate: 500,
});

/** Every answer has them: nothing of it is a page, nor to be kept. */
export const answerHeaders: Readonly<Record<string, string>> = Object.freeze({
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
});

/** PEM texts. */
export interface TlsOptions {
  readonly cert: string;
  readonly key: string;
}

/** Node closes a connection without a word otherwise. */
const statusByCode: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
};

export function serverOptions({
  tls,
  receiveTimeoutMs = limits.receiveTimeoutMs,
}: {
  readonly tls?: TlsOptions | undefined;
  readonly receiveTimeoutMs?: number;
}) {
  const node = {
    headersTimeout: receiveTimeoutMs,
    connectionsCheckingInterval: Math.min(1_000, receiveTimeoutMs / 2),
    maxHeaderSize: 16 * 1024,
  };
  return {
    logger: false,
    bodyLimit: limits.bodyBytesMax,
    requestTimeout: receiveTimeoutMs,
    handlerTimeout: limits.answerTimeoutMs,
    connectionTimeout: limits.silenceTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    forceCloseConnections: 'idle' as const,
    return503OnClosing: false,
    exposeHeadRoutes: false,
    // the longest id or name of an atom, each character percent-encoded
    routerOptions: { maxParamLength: 256 * 9 },
    // nothing is bent until it fits: null is not false
    ajv: {
      customOptions: { coerceTypes: false as const, removeAdditional: false as const, useDefaults: true },
    },
    schemaErrorFormatter: (faults: FastifySchemaValidationError[], where: string) =>
      new InputError('BATON_INPUT_INVALID', faults.map((fault) => faultText(fault, where)).join('; ')),
    frameworkErrors: (error: { readonly statusCode?: number }, _: unknown, reply: FastifyReply) =>
      refusePath(error, reply),
    clientErrorHandler: (error: Error & { readonly code?: string }, socket: Socket) =>
      refuseSocket(error, socket),
    ...(tls === undefined ? { http: node } : { https: { ...node, ...tls } }),
  };
}

/** `body/atoms: must be array`; with what is allowed, and the name of what is not. */
function faultText(
  { instancePath, message = 'is invalid', params }: FastifySchemaValidationError,
  where: string,
): string {
  const { allowedValues, additionalProperty } = params;
  const named = Array.isArray(allowedValues) ? allowedValues : [additionalProperty];
  const list = named.filter((value) => value !== undefined).map((value) => JSON.stringify(value));
  return `${where}${instancePath}: ${message}${list.length === 0 ? '' : `: ${list.join(', ')}`}`;
}

/** A path that cannot be read, or is too long, reaches no route and no hook. */
function refusePath({ statusCode }: { readonly statusCode?: number }, reply: FastifyReply): void {
  const { status, body } = problemOf(
    statusCode === 414
      ? { statusCode, message: 'the path is too long' }
      : new InputError('BATON_INPUT_MALFORMED', 'the path cannot be read'),
    '',
  );
  void reply.code(status).headers(answerHeaders).send(body);
}

function refuseSocket({ code = '' }: { readonly code?: string }, socket: Socket): void {
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const statusCode = statusByCode[code] ?? 400;
  const message = statusCode === 408 ? 'the request did not come in time' : 'this is not an HTTP request';
  const { body } = problemOf(
    statusCode === 400 ? new InputError('BATON_INPUT_MALFORMED', message) : { statusCode, message },
    '',
  );
  const text = JSON.stringify(body);
  socket.end(
    [
      `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode] ?? ''}`,
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(text)}`,
      'connection: close',
      '',
      text,
    ].join('\r\n'),
  );
}
