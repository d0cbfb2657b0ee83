/** Options as programs give them: no compiler has looked at those in JavaScript, nor at what objects bring along that are spread. */
import { InputError, closest } from '@baton/core';
import { catchUps, overlaps } from '@baton/persistence';

/** What a value must be, in words. */
interface Kind {
  readonly words: string;
  readonly is: (value: unknown) => boolean;
  readonly isRequired?: true;
}

/** Looked at by whoever uses it. */
const unchecked = kind('anything', () => true);
const text = kind('text', (value) => typeof value === 'string');
const texts = kind(
  'an object of texts',
  (value) => isObject(value) && Object.values(value).every((each) => typeof each === 'string'),
);
const map = kind('an object', isObject);
const flag = kind('true or false', (value) => typeof value === 'boolean');
const milliseconds = kind(
  'a number of milliseconds from 0 on',
  (value) => typeof value === 'number' && value >= 0,
);
const signal = kind('an AbortSignal', (value) => value instanceof AbortSignal);
const failureLike = kind(
  'an object with a message',
  (value) => isObject(value) && typeof value['message'] === 'string',
);
const progressLike = kind(
  'an object with a fraction, a note, or both',
  (value) =>
    isObject(value) &&
    ['number', 'undefined'].includes(typeof value['fraction']) &&
    ['string', 'undefined'].includes(typeof value['note']),
);
const callback = kind('a function', (value) => typeof value === 'function');

const listener = { onOutage: callback, onRecovery: callback };
const limit = required(wholeNumber(1));
const who = { by: text, reason: text, key: text, ifSeq: wholeNumber(0) };

const post = {
  ...{ store: unchecked, priority: unchecked, name: text, tags: texts, notify: unchecked },
  ...{ env: unchecked, evaluateEnv: flag, target: text },
};

const optionsOf = {
  openClient: {
    ...{ zookeeper: unchecked, mongodb: unchecked, local: unchecked },
    ...{ database: text, board: text, clientId: text, logger: unchecked },
  },
  post: { key: unchecked, ...post },
  runTask: { version: text, key: text, waitMs: milliseconds, signal },
  'schedules.put': {
    ...post,
    ...{ cron: text, timeZone: text, startAtMs: wholeNumber(0), count: wholeNumber(1), paused: flag },
    ...{ catchUp: oneOf(...catchUps), overlap: oneOf(...overlaps), by: text, ifRevision: wholeNumber(0) },
  },
  'schedules.change': { by: text, ifRevision: wholeNumber(1) },
  'environments.set': { by: text, ifRevision: wholeNumber(0) },
  'environments.delete': { by: text, ifRevision: wholeNumber(1) },
  wait: { timeoutMs: milliseconds, signal, ...listener },
  watch: { fromSeq: wholeNumber(0), signal, ...listener },
  changes: { signal, ...listener },
  flows: { of: required(oneOf('running', 'ended')), before: text, limit },
  ended: { limit },
  delegates: { after: text, limit },
  delegate: { atom: required(text), attempt: wholeNumber(1), round: wholeNumber(0) },
  suspend: who,
  resume: { env: map, ...who },
  cancel: { revert: flag, ...who },
  stop: {
    state: required(oneOf('SUCCESS', 'FAILURE')),
    ...{ message: text, by: text, key: text, ifSeq: wholeNumber(0) },
  },
  rerun: { from: text, reset: flag, input: map, env: map, ...who },
  skip: { atom: required(text), depth: text, ...who },
  revert: who,
  decideRevert: { atom: required(text), decision: required(oneOf('retry', 'accept')), ...who },
  answerDelegate: {
    atom: required(text),
    attempt: wholeNumber(1),
    round: wholeNumber(0),
    value: unchecked,
    failure: failureLike,
    cancelled: flag,
    by: text,
    reason: text,
  },
  extendDelegate: {
    ...{ atom: required(text), attempt: wholeNumber(1), round: wholeNumber(0), by: text, reason: text },
    ...{ byMs: required(milliseconds), mostMs: required(milliseconds) },
  },
  updateDelegate: {
    ...{ atom: required(text), attempt: wholeNumber(1), round: wholeNumber(0), by: text, reason: text },
    ...{ paused: flag, progress: progressLike },
  },
  sendEvent: { key: text, data: unchecked, keepMs: milliseconds, id: text, by: text },
  decideParked: { atom: required(text), decision: required(oneOf('rerun', 'fail')), ...who },
} satisfies Readonly<Record<string, Readonly<Record<string, Kind>>>>;

/**
 * Of the options of a call; what is undefined is not given.
 * @throws InputError `BATON_INPUT_INVALID` that names the option
 */
export function checkOptions(call: keyof typeof optionsOf, options: unknown): void {
  if (!isObject(options)) throw invalid(`options of ${call} must be an object, got ${shown(options)}`);
  const known: Readonly<Record<string, Kind>> = optionsOf[call];
  for (const [name, value] of Object.entries(options))
    if (value !== undefined && !Object.hasOwn(known, name))
      throw unknownOption(call, name, Object.keys(known));
  for (const [name, { is, words, isRequired }] of Object.entries(known)) {
    const value = options[name];
    if ((value !== undefined || isRequired) && !is(value))
      throw invalid(`${name} must be ${words}, got ${shown(value)}`);
  }
}

function unknownOption(call: string, name: string, known: readonly string[]): InputError {
  const near = closest(name, known);
  const hint = near === undefined ? '.' : `, did you mean ${near}?`;
  return invalid(`${call} has no option ${name}${hint} It has ${known.join(', ')}`);
}

function invalid(message: string): InputError {
  return new InputError('BATON_INPUT_INVALID', message);
}

function kind(words: string, is: Kind['is']): Kind {
  return { words, is };
}

function wholeNumber(min: number): Kind {
  return kind(`a whole number from ${min} on`, (value) => Number.isInteger(value) && Number(value) >= min);
}

function oneOf(...words: readonly string[]): Kind {
  return kind(words.join(' or '), (value) => words.includes(value as string));
}

function required(of: Kind): Kind {
  return { ...of, isRequired: true };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 100));
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}
