/** Who is to be told how a job goes on, as programs give it: checked before anything is stored. */
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { InputError } from '@baton/core';
import type { NotifyTarget } from '@baton/core';

const TARGETS_MAX = 10;
const HEADERS_MAX = 20;
const TEXT_MAX = 2_048;
const EVENTS_MAX = 50;
/** `run.*`, `atom.failed`, `command.cancel`, `*`. */
const EVENT = /^(\*|(run|atom|command)\.(\*|[a-z-]+))$/;
/** They say what is sent, and how: not the poster's. */
const ownHeaders = new Set([
  ...['host', 'connection', 'content-length', 'content-type', 'transfer-encoding', 'expect', 'upgrade'],
  ...['te', 'trailer', 'keep-alive', 'proxy-connection', 'user-agent', 'idempotency-key'],
]);

/** @throws InputError `BATON_INPUT_INVALID` that names the place; headers are not in its text */
export function checkNotify(targets: readonly NotifyTarget[]): void {
  if (!Array.isArray(targets) || targets.length > TARGETS_MAX)
    throw invalid(`notify must be a list of at most ${TARGETS_MAX}`);
  for (const [index, target] of targets.entries()) checkTarget(target as unknown, `notify[${index}]`);
}

function checkTarget(target: unknown, at: string): void {
  if (!isObject(target)) throw invalid(`${at} must be an object with a url`);
  const { url, headers = {}, events = [], ...rest } = target;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw invalid(`${at} has no ${unknown}: it has url, headers and events`);
  checkUrl(url, `${at}.url`);
  if (!isObject(headers) || Object.keys(headers).length > HEADERS_MAX)
    throw invalid(`${at}.headers must be an object of at most ${HEADERS_MAX} texts`);
  for (const [name, value] of Object.entries(headers)) checkHeader(name, value, `${at}.headers`);
  if (
    !Array.isArray(events) ||
    events.length > EVENTS_MAX ||
    !events.every((event) => EVENT.test(String(event)))
  )
    throw invalid(`${at}.events must be types of events: run.*, atom.failed, command.cancel, *`);
}

function checkUrl(url: unknown, at: string): void {
  const parsed =
    typeof url === 'string' && url.length <= TEXT_MAX && URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !['http:', 'https:'].includes(parsed.protocol))
    throw invalid(`${at} must be an http or https url of at most ${TEXT_MAX} characters`);
  if (parsed.username !== '' || parsed.password !== '')
    throw invalid(`${at} must not hold a user or password: send them in a header`);
}

function checkHeader(name: string, value: unknown, at: string): void {
  if (ownHeaders.has(name.toLowerCase())) throw invalid(`${at}: ${name} is set by Baton`);
  try {
    if (typeof value !== 'string' || value.length > TEXT_MAX) throw new Error('no text');
    validateHeaderName(name);
    validateHeaderValue(name, value);
  } catch {
    throw invalid(`${at}: ${JSON.stringify(name)} is no header, or its value is none`);
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(message: string): InputError {
  return new InputError('BATON_INPUT_INVALID', message);
}
