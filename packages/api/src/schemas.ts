/** The schemas of what is asked and answered. */
import { eventLimits, flowOutcomes } from '@baton/core';
import type { ObjectSchema, Schema } from './route.js';

export const pageMax = 1_000;
const pageDefault = 100;

export const text: Schema = { type: 'string' };
export const number: Schema = { type: 'number' };
export const whole: Schema = { type: 'integer', minimum: 0 };
const whole1: Schema = { type: 'integer', minimum: 1 };
const anyObject: Schema = { type: 'object' };
export const jobId: Schema = { type: 'string', pattern: '^[A-Za-z0-9_-]{1,128}$' };
export const environmentName: Schema = jobId;
export const hash: Schema = { type: 'string', pattern: '^[0-9a-f]{64}$' };

/** Nothing else than these. */
export function object(
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[] = [],
): ObjectSchema {
  return { type: 'object', properties, required, additionalProperties: false };
}

/** At least these, of what may grow. */
export function open(
  properties: Readonly<Record<string, Schema>>,
  required: readonly string[],
): ObjectSchema {
  return { type: 'object', properties, required };
}

export const jobParams = object({ id: jobId }, ['id']);
export const atomParams = object({ id: jobId, atom: { type: 'string', minLength: 1, maxLength: 256 } }, [
  'id',
  'atom',
]);

const limit: Schema = { type: 'integer', minimum: 1, maximum: pageMax, default: pageDefault };

export const jobsQuery = object({
  state: {
    type: 'string',
    enum: ['open', 'ended'],
    default: 'open',
    description: 'open: on the board now. ended: of all boards, from the read model, which may lag.',
  },
  after: { ...jobId, description: 'The `next` of the page before.' },
  limit,
});
/** Pages of what is numbered. */
export const numberedQuery = object({
  after: { ...whole, description: 'The `next` of the page before.' },
  limit,
});

export const headers = (properties: Readonly<Record<string, Schema>>): ObjectSchema => ({
  type: 'object',
  properties,
});

const idempotencyKey: Schema = {
  type: 'string',
  pattern: '^("[A-Za-z0-9_-]{1,128}"|[A-Za-z0-9_-]{1,128})$',
  description: 'The same request under the same key is carried out once.',
};
export const postHeaders = headers({ 'idempotency-key': idempotencyKey });
export const commandHeaders = headers({
  'idempotency-key': idempotencyKey,
  'if-match': {
    type: 'string',
    pattern: '^(\\*|"\\d{1,15}"|\\d{1,15})$',
    description:
      'The sequence number of the run (the ETag of the job): 412 when it has moved on before the command is stored.',
  },
});
export const jobStreamHeaders = headers({ 'last-event-id': { type: 'string', pattern: '^\\d{1,15}$' } });
export const boardStreamHeaders = headers({ 'last-event-id': { type: 'string', maxLength: 64 } });

const flow: Schema = { ...anyObject, description: 'Flow JSON; its schema is in the README of @baton/flow.' };
export const symbols: Schema = { ...anyObject, description: 'Values of the symbols the flow requires.' };

export const flowOrHash: Schema = {
  anyOf: [flow, { ...hash, description: 'The definitionHash of a flow that was posted before.' }],
};

export const postFields: Readonly<Record<string, Schema>> = {
  priority: { type: 'string', enum: ['VERY_HIGH', 'HIGH', 'NORMAL', 'LOW', 'VERY_LOW'] },
  name: { type: 'string', maxLength: 256 },
  tags: { type: 'object', additionalProperties: text },
  env: {
    anyOf: [anyObject, environmentName],
    description:
      'What the expressions of a routed flow read as env: up to 16 KiB, with ${…} in its texts; or the name of an environment, as it is when the job is posted.',
  },
  evaluateEnv: {
    type: 'boolean',
    default: true,
    description: 'Evaluate ${…} in env, once, when the run starts; or take it as text.',
  },
  target: { ...text, description: 'Of an ordered flow only what this atom needs, and itself.' },
  notify: {
    type: 'array',
    maxItems: 10,
    items: object(
      {
        url: { ...text, description: 'http or https.' },
        headers: { type: 'object', additionalProperties: text },
        events: { type: 'array', items: text, description: 'run.*, atom.failed, *. Default run.*' },
      },
      ['url'],
    ),
    description: 'Web hooks that are told how it goes on.',
  },
};

export const postBody = object({
  flow: flowOrHash,
  from: { ...jobId, description: 'Instead of flow, store, env and target: those of this job.' },
  store: symbols,
  key: {
    ...jobId,
    description: 'Idempotency key and id of the job. Default: Idempotency-Key, else a new id.',
  },
  ...postFields,
  namespace: { type: 'string', const: 'default' },
});
export const validateBody = object({ flow, store: symbols }, ['flow']);

export const delegatesQuery = object({
  after: {
    ...text,
    pattern: '^[A-Za-z0-9_-]{1,128}/.{1,512}$',
    description: 'The `next` of the page before.',
  },
  limit,
});
export const delegateParams = object(
  {
    delegate: {
      ...text,
      pattern: '^([A-Za-z0-9_-]{1,2048}|[A-Za-z0-9_-]{1,128}/.{1,512})$',
      description:
        'Its token, which takes no other credential; or the id of the job, / and the atom, as JOB%2FATOM.',
    },
  },
  ['delegate'],
);
export const delegateQuery = object({
  attempt: {
    ...whole1,
    description:
      'By id: which attempt is meant. Default: the last one. Only an answer that names its attempt, and of an ordered flow its round, can be repeated safely.',
  },
  round: { ...whole, description: 'Of that attempt, as listed. Needed from the second round on.' },
});

const reason: Schema = { type: 'string', maxLength: 1024 };
export const cancelBody = object({
  revert: { type: 'boolean', default: true, description: 'Undo what ran, or leave it as it is.' },
  reason,
});
export const reasonBody = object({ reason });
const envPatch: Schema = { ...anyObject, description: 'Keys of env that are as they are here from now on.' };
export const resumeBody = object({ env: envPatch, reason });
const rerunFields = {
  reset: { type: 'boolean', description: 'Of a fan-out: all items, not only those that did not succeed.' },
  input: { ...anyObject, description: 'Of an activation: parameters that are given as they are here.' },
  env: envPatch,
  reason,
} as const;
export const rerunBody = object({
  from: { ...text, description: 'An ordered flow from this atom on; of a routed one this activation.' },
  ...rerunFields,
});
export const rerunAtomBody = object(rerunFields);
export const skipBody = object({
  depth: {
    ...{ type: 'string', enum: ['all', 'atom', 'flow', 'neighbors'] },
    description: 'Of an ordered flow: what else is left out. Default: atom.',
  },
  reason,
});

export const completeBody = object({
  value: { description: 'What it gives, as the delegate expects it. Default: null.' },
  reason,
});
export const failBody = object(
  {
    type: { type: 'string', minLength: 1, maxLength: 255, description: 'For retry-on and stop-on.' },
    message: { type: 'string', maxLength: 4096 },
    data: { description: 'For expressions: self.failure.data.' },
  },
  ['message'],
);

export const progressBody = object({
  fraction: { type: 'number', minimum: 0, maximum: 1 },
  note: { type: 'string', maxLength: 1024 },
});
export const duration: Schema = { type: 'string', pattern: '^[0-9]{1,9}(ms|s|m|h|d)$' };
export const extendBody = object(
  {
    for: {
      ...duration,
      description: 'By how much longer it is waited for: 30m, 2h, 3d.',
    },
    reason,
  },
  ['for'],
);

export const eventHeaders = headers({
  'idempotency-key': {
    ...idempotencyKey,
    description: 'Its id. The same event sent again under the same id reaches no job twice.',
  },
});
export const eventBody = object(
  {
    name: { type: 'string', minLength: 1, maxLength: eventLimits.nameMax },
    key: {
      ...{ type: 'string', maxLength: eventLimits.keyMax, default: '' },
      description:
        'Tells events of one name apart: an order, a customer. Waits without a key wait for those without one.',
    },
    data: { description: 'Result of the atoms that wait. Default: null.' },
    keep: {
      ...duration,
      description:
        'How long atoms that begin to wait later have it too, of each job once: 30m, 2d. Default: not at all; at most 30d.',
    },
  },
  ['name'],
);
export const eventSent = object(
  {
    eventId: text,
    jobs: { ...whole, description: 'How many waited for it, and have been told.' },
    keptUntilMs: number,
  },
  ['eventId', 'jobs'],
);

export const posted = object({ jobId }, ['jobId']);
export const validated = object(
  { valid: { type: 'boolean', const: true }, name: text, requires: { type: 'array', items: text } },
  ['valid', 'name', 'requires'],
);
export const accepted = object({ commandId: { ...whole, description: 'Its number in the job.' } }, [
  'commandId',
]);

const flowState: Schema = { ...text, description: 'A state of flows.' };
export const outcome: Schema = { type: 'string', enum: [...flowOutcomes] };
export const unchanged = object({ outcome }, ['outcome']);
const atomState: Schema = { ...text, description: 'A state of tasks, retry controllers or activations.' };
const jobState: Schema = {
  type: 'string',
  enum: ['UNCLAIMED', 'CLAIMED', 'COMPLETE', 'TRASHED', 'DORMANT'],
};
export const failure = open({ message: text, code: text }, ['message']);

export const jobPage = object(
  {
    jobs: {
      type: 'array',
      items: open(
        { jobId, name: text, definitionHash: text, jobState, owner: text, flowState, postedAtMs: number },
        ['jobId', 'name', 'definitionHash', 'jobState'],
      ),
    },
    next: jobId,
  },
  ['jobs'],
);

export const job = open(
  {
    ...{ jobId, name: text, definitionHash: text, board: text, jobState, flowState, outcome },
    ...{ reason: failure, owner: text, postedAtMs: number, updatedAtMs: number, seq: whole },
    owners: {
      type: 'array',
      items: open({ member: text, fence: text, seq: whole, atMs: number }, ['member']),
    },
    commands: { type: 'array', items: open({ n: whole, command: text, atMs: number }, ['n', 'command']) },
    pending: { type: 'array', items: open({ n: whole, command: text, atMs: number }, ['n', 'command']) },
    redelivered: whole,
    notifications: {
      type: 'array',
      items: open({ target: text, problem: text, dead: whole }, ['target', 'dead']),
    },
  },
  ['jobId', 'name', 'definitionHash', 'board', 'jobState', 'flowState', 'postedAtMs', 'updatedAtMs', 'seq'],
);

export const atom = open(
  {
    ...{ name: text, kind: { type: 'string', enum: ['task', 'retry', 'activation'] }, state: atomState },
    ...{ attempt: whole, round: whole, worker: text, delivery: whole, failure },
  },
  ['name', 'kind', 'state'],
);
export const atomPage = object({ seq: whole, atoms: { type: 'array', items: atom }, next: whole }, [
  'seq',
  'atoms',
]);

const child = object({ jobId, atom: text, state: atomState, attempt: whole }, ['jobId', 'atom', 'state']);
export const childPage = object({ seq: whole, children: { type: 'array', items: child }, next: whole }, [
  'seq',
  'children',
]);

const column = (items: Schema): Schema => ({ type: 'array', items });
const orNull = (schema: Schema): Schema => ({ anyOf: [schema, { type: 'null' }] });
export const run = object(
  {
    ...{ seq: whole, flowState },
    atoms: object(
      {
        ...{ name: column(text), kind: column(text), state: column(atomState) },
        ...{ attempt: column(orNull(whole)), round: column(orNull(whole)), worker: column(orNull(text)) },
      },
      ['name', 'kind', 'state', 'attempt', 'round', 'worker'],
    ),
  },
  ['seq', 'flowState', 'atoms'],
);

export const extended = object({ commandId: whole, dueAtMs: number }, ['commandId', 'dueAtMs']);
const waiting = {
  ...{ jobId, name: text, atom: text, round: whole, attempt: whole1, delegate: text },
  dueAtMs: number,
};
export const delegatePage = object(
  {
    delegates: {
      type: 'array',
      items: object({ ...waiting, sinceMs: number }, ['jobId', 'atom', 'attempt', 'delegate', 'sinceMs']),
    },
    next: text,
  },
  ['delegates'],
);
export const delegate = object(
  {
    ...waiting,
    args: { ...anyObject, description: 'What the atom was given.' },
    expects: { ...anyObject, description: 'JSON Schema of the answer; absent: anything.' },
  },
  ['jobId', 'atom', 'attempt', 'delegate', 'args'],
);

export const data = object({ seq: whole, results: anyObject }, ['seq', 'results']);
export const failures = object(
  {
    seq: whole,
    reason: failure,
    failures: {
      type: 'array',
      items: object({ atom: text, state: atomState, failure }, ['atom', 'failure']),
    },
  },
  ['seq', 'failures'],
);

export const event = open(
  {
    ...{
      seq: whole,
      kind: { type: 'string', enum: ['post', 'claim', 'turn', 'terminal', 'reopen'] },
      atMs: number,
    },
    ...{ member: text, fence: text, outcome, reason: failure },
    facts: { type: 'array', items: open({ fact: text }, ['fact']) },
  },
  ['seq', 'kind', 'atMs', 'facts'],
);
export const eventPage = object({ events: { type: 'array', items: event }, next: whole }, ['events']);

export const problem = object(
  {
    error: object(
      {
        code: { type: 'string', pattern: '^BATON_' },
        message: text,
        hint: text,
        docs: text,
        details: anyObject,
      },
      ['code', 'message', 'hint', 'docs', 'details'],
    ),
  },
  ['error'],
);
