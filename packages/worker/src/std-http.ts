/**
 * Purpose: `std.http` (C-1512), a task that a worker offers when its operator says so: one HTTP exchange, under the egress rules (T10).
 * States: none.
 * On failure: an answer of any status is a result, as only the flow knows which it wants (`fail-on`). Failures are: no answer, which may be tried again; and
 *   what would be the same again: arguments that are none, an address that is not allowed, an answer that is too large.
 */
import type { IncomingMessage } from 'node:http';
import { valueLimits } from '@baton/core';
import type { TaskContext } from '@baton/flow';
import type { Egress } from '@baton/transport';
import type { Arguments, RegisteredTask } from './registered-task.js';
import { checkParameters, given, isRecord, misfit, textOf } from './std-arguments.js';
import { StdTaskError } from './std-task-error.js';

/** Of an attempt without a time limit of its own. */
const TIMEOUT_MS = 60_000;
const REDIRECTS_MAX = 10;
const BODY_BYTES_MAX = valueLimits.payloadBytesMax;
/** Kept when another origin is asked: all others may be credentials. */
const harmless = /^(accept(-.*)?|content-type|user-agent)$/;

/** Not for those who ask: what is sent, and where, is said by the rest. */
const ofConnection =
  /^(content-length|host|connection|keep-alive|upgrade|expect|te|trailer|transfer-encoding|proxy-.*)$/i;

interface Exchange {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** What a flow gets: names of headers in lower case; the body as JSON has it, as text, or `{ base64 }`; null when there is none. */
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: unknown;
}

const name = 'std.http';
const requires = { url: given };
const optional = { method: given, query: given, headers: given, body: given, redirects: given };

export function httpTask(egress: Egress): RegisteredTask {
  return {
    ...{ name, version: '1.0', requires, optional, provides: {} },
    execute: (args, context) => exchange(egress, args, context),
  };
}

async function exchange(egress: Egress, args: Arguments, context: TaskContext): Promise<Answer> {
  checkParameters(name, args, { ...requires, ...optional });
  const { redirects = 5 } = args;
  if (typeof redirects !== 'number' || !(redirects >= 0 && redirects <= REDIRECTS_MAX))
    throw misfit(name, `redirects must be a number from 0 to ${REDIRECTS_MAX}`);
  const limit = context.deadline === undefined ? [AbortSignal.timeout(TIMEOUT_MS)] : [];
  const signal = AbortSignal.any([context.signal, ...limit]);
  let asked = exchangeOf(args, context);
  for (let followed = 0; ; followed++) {
    const { host } = new URL(asked.url);
    try {
      const answer = await egress({ ...asked, signal });
      const next = followed < redirects ? redirected(asked, answer) : undefined;
      if (next === undefined) return await answerOf(answer, host);
      answer.destroy();
      asked = next;
    } catch (error) {
      if (context.signal.aborted) throw context.signal.reason;
      if (signal.aborted)
        throw new StdTaskError('HTTP_TIMEOUT', `${host} did not answer within ${TIMEOUT_MS / 1000} s`);
      if ((error as { retryable?: boolean }).retryable !== undefined) throw error;
      const { code = '', message } = error as NodeJS.ErrnoException;
      throw new StdTaskError('HTTP_NO_ANSWER', `${host} gave no answer: ${code || message}`, {
        cause: error,
      });
    }
  }
}

function exchangeOf(args: Arguments, { idempotencyKey }: TaskContext): Exchange {
  const { method = 'GET', headers = {}, query = {}, body } = args;
  if (typeof method !== 'string' || !/^[A-Za-z]{1,20}$/.test(method) || /^(connect|trace)$/i.test(method))
    throw misfit(name, 'method must be one of HTTP, such as GET or POST');
  const url = urlOf(args['url'], query);
  const own: Record<string, string> = { 'user-agent': 'baton', 'accept-encoding': 'identity' };
  if (!/^(get|head)$/i.test(method)) own['idempotency-key'] = idempotencyKey;
  const bytes = bodyOf(body);
  if (bytes !== undefined) {
    own['content-type'] = typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json';
    if (body instanceof Uint8Array) own['content-type'] = 'application/octet-stream';
  }
  const all = { ...own, ...headersOf(headers) };
  // whatever was given: the length is what it is
  if (bytes !== undefined) all['content-length'] = String(Buffer.byteLength(bytes));
  return { url, method: method.toUpperCase(), headers: all, ...(bytes !== undefined && { body: bytes }) };
}

function urlOf(url: unknown, query: unknown): string {
  if (typeof url !== 'string' || !URL.canParse(url))
    throw misfit(name, 'url must be whole, such as https://host/path');
  const whole = new URL(url);
  if (!isRecord(query)) throw misfit(name, 'query must be a map of names to texts');
  for (const [key, value] of Object.entries(query))
    for (const one of [value].flat())
      if (one !== null) whole.searchParams.append(key, textOf(name, one, 'query'));
  return whole.href;
}

function headersOf(headers: unknown): Record<string, string> {
  if (!isRecord(headers)) throw misfit(name, 'headers must be a map of names to texts');
  const found: Record<string, string> = {};
  for (const [header, value] of Object.entries(headers)) {
    const text = textOf(name, value, 'headers');
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(header) || /[^\t\x20-\x7e\x80-\xff]/.test(text))
      throw misfit(name, `headers: ${JSON.stringify(header.slice(0, 60))} is no header of HTTP`);
    if (!ofConnection.test(header)) found[header.toLowerCase()] = text;
  }
  return found;
}

function bodyOf(body: unknown): string | Uint8Array | undefined {
  if (body === undefined || body === null) return undefined;
  return typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
}

/** As browsers do: 307 and 308 repeat the request, the others ask for the other page. */
function redirected({ url, method, headers, body }: Exchange, answer: IncomingMessage): Exchange | undefined {
  const { statusCode = 0 } = answer;
  const { location } = answer.headers;
  if (![301, 302, 303, 307, 308].includes(statusCode) || location === undefined) return undefined;
  if (!URL.canParse(location, url)) return undefined;
  const to = new URL(location, url);
  const repeats = statusCode >= 307 || method === 'GET' || method === 'HEAD';
  const isSame = to.origin === new URL(url).origin;
  const kept = Object.entries(headers).filter(
    ([header]) => (isSame || harmless.test(header)) && (repeats || !/^(content-|idempotency-)/.test(header)),
  );
  const length = repeats && body !== undefined ? { 'content-length': String(Buffer.byteLength(body)) } : {};
  return {
    ...{ url: to.href, method: repeats ? method : 'GET' },
    headers: { ...Object.fromEntries(kept), ...length },
    ...(repeats && body !== undefined && { body }),
  };
}

async function answerOf(answer: IncomingMessage, host: string): Promise<Answer> {
  const { statusCode: status = 0, headers } = answer;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > BODY_BYTES_MAX) {
      answer.destroy();
      const message = `the answer of ${host} has more than ${BODY_BYTES_MAX} bytes: ask for less of it`;
      throw new StdTaskError('HTTP_TOO_LARGE', message, { retryable: false });
    }
    chunks.push(chunk);
  }
  const shown = Object.entries(headers).filter(
    (header): header is [string, string | string[]] => header[1] !== undefined,
  );
  return {
    status,
    headers: Object.fromEntries(shown),
    body: contentOf(Buffer.concat(chunks), headers['content-type'] ?? ''),
  };
}

function contentOf(bytes: Buffer, type: string): unknown {
  if (bytes.byteLength === 0) return null;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { base64: bytes.toString('base64') };
  }
  if (!/^[^;]*[/+]json\s*(;|$)/i.test(type)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
