import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DelegateTokens } from '@baton/client/delegate-tokens';
import { answerOfForm, delegatePage, type DescribedDelegate } from './delegate-page.js';
import { routedJob } from './fixtures/routed-job.js';
import { as, newWorld, type World } from './fixtures/world.js';

const delegateKeys = 'k'.repeat(64);
const tokens = new DelegateTokens(delegateKeys);
/** What Firefox sends. */
const accept = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
const formType = 'application/x-www-form-urlencoded';

let world: World;
const logged: unknown[] = [];
function begin(options: Parameters<typeof newWorld>[0] = {}): void {
  world = newWorld({ delegateKeys, ...options });
  logged.splice(0);
  for (const level of ['debug', 'info', 'warn', 'error'] as const)
    world.runtime.logger[level] = (...said) => void logged.push(said);
}
beforeEach(() => begin());
afterEach(() => world.close());

const expects = {
  by: 'string',
  ok: 'boolean',
  count: 'integer',
  share: 'number',
  hosts: 'list(string)',
} as const;
const filled = {
  ...{ 'string:by': 'ann', 'boolean:ok': 'true', 'integer:count': '3', 'number:share': '0.5' },
  'json:hosts': '["a","b"]',
};
const value = { by: 'ann', ok: true, count: 3, share: 0.5, hosts: ['a', 'b'] };

async function waiting(atom: object = { expects }) {
  const { requestId, take } = await routedJob(world, 'j', {
    ...{ delegate: 'change.approve', input: { vm: '<v-1>' } },
    ...atom,
  });
  return { take, token: tokens.of(requestId(1)) ?? '' };
}
const get = (token: string, headers: object = {}) =>
  world.api.app.inject({ url: `/v1/delegates/${token}`, headers: { accept, ...headers } });
const send = (path: string, fields: Readonly<Record<string, string>>, headers: object = {}) =>
  world.api.app.inject({
    ...{ method: 'POST', url: `/v1/delegates/${path}`, payload: new URLSearchParams(fields).toString() },
    // no-referrer has a browser send this
    headers: { accept, 'content-type': formType, origin: 'null', ...headers },
  });
const pending = async () => (await world.client.job('j')).pending;

describe('the link of a delegate in a browser (C-1105)', () => {
  it('is a form with a field for each thing expected; looking at it answers nothing', async () => {
    const { token } = await waiting();
    const { statusCode, body, headers } = await get(token);
    expect([statusCode, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(headers).toMatchObject({
      ...{
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
      },
      'content-security-policy': expect.stringMatching(
        /^default-src 'none'; style-src 'sha256-\S+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
      ) as unknown,
    });
    const named = [...body.matchAll(/<(\w+) id="\w+" name="([^"]+)"([^>]*)>/g)].map((found) =>
      found.slice(1),
    );
    expect(named).toEqual([
      ['input', 'string:by', ' required'],
      ['input', 'integer:count', ' type="number" required'],
      ['textarea', 'json:hosts', ' rows="4" required'],
      ['select', 'boolean:ok', ' required'],
      ['input', 'number:share', ' type="number" step="any" required'],
      ['input', 'reason', ' maxlength="1024"'],
      ['input', 'message', ' maxlength="4096" required'],
    ]);
    expect(body.match(/ (action|href|src)="[^"]*"/g)).toEqual([
      ` action="${token}/complete"`,
      ` action="${token}/fail"`,
    ]);
    expect(body).toContain('&#60;v-1&#62;');
    const style = /<style>([^]*)<\/style>/.exec(body)?.[1] ?? '';
    const allowed = createHash('sha256').update(style).digest('base64');
    expect(headers['content-security-policy']).toContain(`'sha256-${allowed}'`);
    expect(body).not.toContain('<script');
    expect(await pending()).toEqual([]);
  });

  it('takes what the form says as it takes JSON: once, and the same again', async () => {
    const { token, take } = await waiting();
    const answered = await send(`${token}/complete`, { ...filled, reason: 'fine' });
    expect([answered.statusCode, answered.body]).toEqual([
      200,
      expect.stringContaining('Your answer is stored'),
    ]);
    expect(await pending()).toMatchObject([
      { command: 'answer-delegate', by: 'link', reason: 'fine', arguments: { value: { data: value } } },
    ]);
    await take({ type: 'completed', requestId: 'j/approve/execute/0.1', value: { data: value } });
    expect((await send(`${token}/complete`, { ...filled, reason: 'fine' })).statusCode).toBe(200);
    const other = await send(`${token}/fail`, { message: 'no' });
    expect([other.statusCode, other.body]).toEqual([
      409,
      expect.stringContaining('Another answer has been given'),
    ]);
    expect((await get(token)).statusCode).toBe(410);
  });

  it('takes a refusal with its reason', async () => {
    const { token } = await waiting();
    expect((await send(`${token}/fail`, { message: 'too <late>' })).statusCode).toBe(200);
    expect(await pending()).toMatchObject([{ arguments: { failure: { message: 'too <late>' } } }]);
  });

  it('has one field where nothing is expected', async () => {
    const { token } = await waiting({});
    expect((await get(token)).body).toContain('name="answer"');
    expect((await send(`${token}/complete`, { answer: '{"n":1}' })).statusCode).toBe(200);
    expect(await pending()).toMatchObject([{ arguments: { value: { data: { n: 1 } } } }]);
  });

  it.each<[string, Readonly<Record<string, string>>, string]>([
    ['nothing', {}, 'the answer: it must'],
    ['a field too few', { 'string:by': 'ann' }, 'the answer: '],
    ['no choice', { ...filled, 'boolean:ok': '' }, 'ok must be a boolean'],
    ['no number', { ...filled, 'number:share': 'half' }, 'share must be a number'],
    ['an empty number', { ...filled, 'number:share': ' ' }, 'share must be a number'],
    [
      'an integer that would be another',
      { ...filled, 'integer:count': '12345678901234567890' },
      'an integer',
    ],
    ['no JSON', { ...filled, 'json:hosts': 'a, b' }, 'hosts is not JSON'],
    [
      'JSON that is something else',
      { ...filled, 'json:hosts': '{"__proto__":{"ok":true}}' },
      'hosts must be',
    ],
    ['another field', { ...filled, 'string:more': '<b>' }, 'more'],
    ['no field of the form', { ...filled, '<b>': '1' }, '&#60;b&#62;'],
  ])('refuses %s, and goes on waiting', async (_, fields, message) => {
    const { token } = await waiting();
    const refused = await send(`${token}/complete`, fields);
    expect([refused.statusCode, refused.headers['content-type']]).toEqual([400, 'text/html; charset=utf-8']);
    expect(refused.body).toContain(message);
    expect(refused.body).toContain(` href="../${token}"`);
    expect(await pending()).toEqual([]);
  });

  it('tells in words of a link that is none, or over', async () => {
    const { token, take } = await waiting();
    const unknown = await get(`${token}x`);
    expect([unknown.statusCode, unknown.body]).toEqual([
      404,
      expect.stringContaining('Nothing waits under this link'),
    ]);
    expect(unknown.headers['referrer-policy']).toBe('no-referrer');
    await take({ type: 'cancel', revert: false });
    for (const over of [await get(token), await send(`${token}/complete`, filled)])
      expect([over.statusCode, over.body]).toEqual([410, expect.stringContaining('Nobody waits')]);
  });

  it('is JSON for programs, whose forms are not taken for answers', async () => {
    const { token } = await waiting({});
    for (const accepted of ['*/*', 'application/json'])
      expect((await get(token, { accept: accepted })).headers['content-type']).toMatch('application/json');
    const curl = await send(`${token}/complete`, { '{"value":{"ok":false}}': '' }, { accept: '*/*' });
    expect([curl.statusCode, curl.json()]).toMatchObject([415, { error: { code: 'BATON_INPUT_MALFORMED' } }]);
    const byId = await send('j%2Fapprove/complete', { answer: '1' }, { ...as('operator') });
    expect(byId.statusCode).toBe(415);
    for (const url of [`/v1/delegates/${token}/cancel`, '/v1/events'])
      expect(
        (
          await world.api.app.inject({
            ...{ method: 'POST', url, payload: 'reason=x' },
            headers: { ...as('operator'), accept, 'content-type': formType },
          })
        ).statusCode,
      ).toBe(415);
    expect(await pending()).toEqual([]);
  });

  it('answers a browser of this machine where there are no tokens, and no page that only knows the job', async () => {
    await world.close();
    begin({ isOpen: true });
    const { token } = await waiting({});
    expect((await send('j%2Fapprove/complete', { answer: '1' })).statusCode).toBe(403);
    const elsewhere = await send(`${token}/complete`, { answer: '1' }, { host: 'evil.example' });
    expect(elsewhere.statusCode).toBe(403);
    expect((await send(`${token}/complete`, { answer: '1' }, { host: 'localhost:7450' })).statusCode).toBe(
      200,
    );
  });

  it('has its token in no log', async () => {
    const { token } = await waiting();
    await get(token);
    await get(`${token}x`);
    await send(`${token}/complete`, {});
    await send(`${token}/complete`, filled);
    expect(logged.length).toBeGreaterThan(3);
    expect(JSON.stringify(logged)).not.toContain(token);
  });
});

const hostile = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onfocus=alert(1) autofocus='",
  '</title></style><b>',
  '&#60;b&#62;',
  '`--><svg/onload=1>',
  'javascript:alert(1)',
  '\u0000<\u2028b>',
];

it.each(hostile)('says %j as text wherever it comes from', (text) => {
  const delegate = (name: string): DescribedDelegate => ({
    ...{
      jobId: 'j',
      name,
      atom: name,
      attempt: 2,
      delegate: name,
      args: { [name]: name, o: { [name]: [name] } },
    },
    expects: {
      type: 'object',
      properties: { [name]: { type: 'string' }, [`${name}2`]: { type: 'boolean' }, [`${name}3`]: {} },
    },
  });
  const tagsOf = (name: string) =>
    (delegatePage(delegate(name), 't').match(/<[^>]*>/g) ?? []).map((tag) =>
      tag.replaceAll(/name="[^"]*"/g, 'name'),
    );
  expect(tagsOf(text)).toEqual(tagsOf('x'));
});

it('a form may have a field of any name', () => {
  const fields = { 'string:__proto__': 'x', 'string:': 'y', 'string:a:b\n': 'z' };
  const { value: made } = answerOfForm(new URLSearchParams(fields).toString()) as { readonly value: object };
  expect(Object.entries(made)).toEqual([
    ['__proto__', 'x'],
    ['', 'y'],
    ['a:b\n', 'z'],
  ]);
});
