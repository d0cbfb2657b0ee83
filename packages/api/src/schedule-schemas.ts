/** The schemas of schedules. */
import type { Schema } from './route.js';
import {
  flowOrHash,
  hash,
  headers,
  number,
  object,
  open,
  postFields,
  symbols,
  text,
  whole,
} from './schemas.js';

const id: Schema = { type: 'string', pattern: '^[A-Za-z0-9_-]{1,100}$' };
export const scheduleParams = object({ id }, ['id']);

export const changeHeaders = headers({
  'if-match': {
    type: 'string',
    pattern: '^(\\*|"\\d{1,15}"|\\d{1,15})$',
    description: 'The revision of what is to be changed (its ETag): 412 when it has been changed since.',
  },
});

const catchUp: Schema = { type: 'string', enum: ['none', 'last', 'all'] };
const overlap: Schema = { type: 'string', enum: ['allow', 'skip', 'cancel-previous'] };
const times: Readonly<Record<string, Schema>> = {
  cron: { ...text, description: 'Five fields, or six with seconds first.' },
  timeZone: { ...text, description: 'IANA name. Default UTC.' },
  startAtMs: { ...whole, description: 'The first slot; without a pattern the only one. ms since 1970.' },
  count: { type: 'integer', minimum: 1, description: 'Slots that fire, all in all.' },
};

const content: Readonly<Record<string, Schema>> = {
  ...{ flow: flowOrHash, store: symbols, ...postFields, ...times },
  catchUp: { ...catchUp, description: 'Of slots that could not be fired in time. Default none.' },
  overlap: { ...overlap, description: 'While the job before has not ended. Default allow.' },
  paused: { type: 'boolean' },
};
export const putScheduleBody = object(content, ['flow']);
export const postScheduleBody = object({ id, ...content }, ['id', 'flow']);

export const scheduleChanged = object({ id, revision: whole }, ['id', 'revision']);

const slot = open(
  {
    ...{ nominalMs: number, decision: { type: 'string', enum: ['fired', 'skipped', 'missed'] } },
    ...{ fired: whole, missed: whole, skipped: whole, jobId: text, waitsFor: text, atMs: number },
  },
  ['nominalMs', 'decision'],
);
export const schedule = open(
  {
    ...{ scheduleId: id, revision: whole, by: text, name: text, definitionHash: hash },
    ...{ store: { type: 'array', items: text }, ...times, catchUp, overlap },
    ...{ state: { type: 'string', enum: ['ACTIVE', 'PAUSED', 'OVER'] }, nextMs: number, fired: whole },
    slots: { type: 'array', items: slot },
  },
  ['scheduleId', 'revision', 'name', 'timeZone', 'catchUp', 'overlap', 'state', 'fired', 'slots'],
);
export const scheduleList = object({ schedules: { type: 'array', items: schedule } }, ['schedules']);
