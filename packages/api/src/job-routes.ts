/** Looking at jobs, and posting them. */
import { InputError, NotFoundError } from '@baton/core';
import type { JsonValue } from '@baton/core';
import { checkedDefinition, requiredSymbols, type PostOptions, type Postable } from '@baton/client';
import { headerKey } from './command-routes.js';
import {
  atomView,
  childrenOf,
  columns,
  eventView,
  failureTree,
  header,
  listedEnded,
  listedOpen,
} from './job-view.js';
import { bodyProblems, type Asked, type Reply, type Route } from './route.js';
import * as schemas from './schemas.js';
import { atLeast } from './tokens.js';

const ok = (about: string, schema: Route['params']): Route['answers'] => ({
  200: { about, ...(schema && { schema }) },
});

export const jobRoutes: readonly Route[] = [
  {
    ...{ method: 'POST', path: '/v1/jobs', role: 'poster' },
    summary: 'Post a job. A flow that is not stored yet takes the role author.',
    ...{ headers: schemas.postHeaders, body: schemas.postBody },
    answers: {
      201: { about: 'Posted: it is stored and on the board.', schema: schemas.posted },
      200: { about: 'The same was posted before under this key.', schema: schemas.posted },
    },
    problems: [409, 422, ...bodyProblems],
    handle: post,
  },
  {
    ...{ method: 'GET', path: '/v1/jobs', role: 'viewer', query: schemas.jobsQuery },
    summary: 'Jobs by descending id, a page at a time. An id that Baton gave is newer the higher it is.',
    ...{
      answers: ok('A page; with `next` unless it is the last.', schemas.jobPage),
      problems: [],
      handle: list,
    },
  },
  {
    ...{ method: 'GET', path: '/v1/jobs/:id', role: 'viewer', params: schemas.jobParams },
    summary: 'A job: owner, states, commands. Its ETag is the sequence number of the run.',
    ...{ answers: ok('The job without its parts.', schemas.job), problems: [409] },
    handle: (asked) => ofJob(asked, header),
  },
  {
    ...{ method: 'DELETE', path: '/v1/jobs/:id', role: 'operator', params: schemas.jobParams },
    summary: 'Delete a job that has ended, and its child runs.',
    ...{ answers: { 204: { about: 'Deleted; purged, and its id free, an hour later.' } }, problems: [409] },
    handle: async ({ client, params }) => {
      await client.delete(params['id'] ?? '');
      return { status: 204 };
    },
  },
  {
    ...{ method: 'GET', path: '/v1/jobs/:id/run', role: 'viewer', params: schemas.jobParams },
    summary: 'All atoms as columns, in the order of the flow.',
    ...{ answers: ok('A snapshot.', schemas.run), problems: [409] },
    handle: (asked) =>
      ofJob(asked, ({ seq, flowState, atoms }) => ({ seq, flowState, atoms: columns(atoms) })),
  },
  {
    ...{ method: 'GET', path: '/v1/jobs/:id/atoms', role: 'viewer', params: schemas.jobParams },
    summary: 'Atoms in the order of the flow, a page at a time; pages of one `seq` fit together.',
    query: schemas.numberedQuery,
    ...{ answers: ok('A page.', schemas.atomPage), problems: [409] },
    handle: (asked) =>
      ofJob(asked, ({ seq, atoms }) => ({ seq, ...page(asked, 'atoms', atoms.map(atomView)) })),
  },
  {
    ...{ method: 'GET', path: '/v1/jobs/:id/atoms/:atom', role: 'viewer', params: schemas.atomParams },
    summary: 'One atom; of routed flows one activation (`name#2`, as `name%232`).',
    ...{ answers: ok('The atom.', schemas.atom), problems: [409], handle: oneAtom },
  },
  {
    ...{ method: 'GET', path: '/v1/jobs/:id/children', role: 'viewer', params: schemas.jobParams },
    summary: 'The jobs of its sub-flows that have begun, in the order of the flow, a page at a time.',
    query: schemas.numberedQuery,
    ...{ answers: ok('A page; each is the job of the last attempt.', schemas.childPage), problems: [409] },
    handle: (asked) =>
      ofJob(asked, ({ seq, atoms }) => ({ seq, ...page(asked, 'children', childrenOf(atoms)) })),
  },
  {
    ...{ method: 'GET', path: '/v1/jobs/:id/data', role: 'viewer', params: schemas.jobParams },
    summary: 'What the run has given so far: symbol → value.',
    ...{ answers: ok('The symbols.', schemas.data), problems: [409] },
    handle: (asked) => ofJob(asked, ({ seq, results }) => ({ seq, results })),
  },
  {
    ...{ method: 'GET', path: '/v1/jobs/:id/failures', role: 'viewer', params: schemas.jobParams },
    summary: 'What failed, with causes.',
    ...{ answers: ok('The failures.', schemas.failures), problems: [409] },
    handle: (asked) => ofJob(asked, failureTree),
  },
  {
    ...{ method: 'GET', path: '/v1/jobs/:id/events', role: 'viewer', params: schemas.jobParams },
    summary: 'The journal of the run, oldest first, a page at a time; without values.',
    ...{
      query: schemas.numberedQuery,
      answers: ok('A page.', schemas.eventPage),
      problems: [],
      handle: events,
    },
  },
  {
    ...{ method: 'POST', path: '/v1/flows/validate', role: 'viewer' },
    summary: 'All that a post checks, without one. Without `store`, symbols may be missing.',
    ...{ headers: schemas.postHeaders, body: schemas.validateBody },
    ...{ answers: ok('It can be posted.', schemas.validated), problems: [422, ...bodyProblems] },
    handle: ({ body }) => {
      const definition = checkedDefinition(body['flow'] as Postable, body['store'] as object | undefined);
      const { name } = definition.root;
      return Promise.resolve({
        status: 200,
        body: { valid: true, name, requires: requiredSymbols(definition) },
      });
    },
  },
];

async function post({ client, principal, headers, body }: Asked): Promise<Reply> {
  const { flow, from, store, priority, name, tags, notify, env, evaluateEnv, target } = body as {
    flow?: string | object;
    from?: string;
    store?: Readonly<Record<string, JsonValue>>;
  } & Pick<PostOptions, 'priority' | 'name' | 'tags' | 'notify' | 'env' | 'evaluateEnv' | 'target'>;
  const key = keyOf(headerKey(headers), body['key'] as string | undefined);
  if ((flow === undefined) === (from === undefined))
    throw new InputError('BATON_INPUT_INVALID', 'give flow, or from: the id of a job that was posted before');
  if (typeof flow === 'object' && !atLeast(principal, 'author'))
    throw new InputError(
      'BATON_INPUT_FORBIDDEN',
      'posting a flow that is not named by its hash takes the role author',
    );
  const posted = typeof flow === 'string' ? await client.definition(flow) : flow;
  const what = posted === undefined ? { from: from ?? '' } : (posted as Postable);
  const options: Record<string, unknown> = {
    store,
    key,
    priority,
    name,
    tags,
    notify,
    env,
    ...(env !== undefined && { evaluateEnv }), // which has a default
    target,
  };
  const { jobId, isNew } = await client.postOrFind(what, options);
  return { status: isNew ? 201 : 200, headers: { location: `/v1/jobs/${jobId}` }, body: { jobId } };
}

/** One key for one thing: a retry that sends the header must find what the body named. */
function keyOf(inHeader: string | undefined, inBody: string | undefined): string | undefined {
  if (inHeader !== undefined && inBody !== undefined && inHeader !== inBody)
    throw new InputError('BATON_INPUT_INVALID', 'Idempotency-Key and key are both given, and differ');
  return inBody ?? inHeader;
}

async function list({ client, openJobs, query }: Asked): Promise<Reply> {
  const limit = Number(query['limit']);
  const after = query['after'] as string | undefined;
  const jobs = query['state'] === 'ended' ? await ended() : await onBoard();
  const last = jobs.length === limit ? (jobs.at(-1) as { readonly jobId: string }) : undefined;
  return { status: 200, body: { jobs, ...(last && { next: last.jobId }) } };

  async function ended(): Promise<object[]> {
    const page = { of: 'ended', limit, ...(after !== undefined && { before: after }) } as const;
    return (await client.flows(page)).map(listedEnded);
  }

  async function onBoard(): Promise<object[]> {
    const all = await openJobs();
    return all
      .filter(({ jobId }) => after === undefined || jobId < after)
      .toSorted((a, b) => (a.jobId < b.jobId ? 1 : -1))
      .slice(0, limit)
      .map(listedOpen);
  }
}

type Report = Awaited<ReturnType<Asked['client']['job']>>;

async function ofJob({ client, params }: Asked, view: (report: Report) => object): Promise<Reply> {
  const report = await client.job(params['id'] ?? '');
  return { status: 200, headers: { etag: `"${report.seq}"` }, body: view(report) };
}

function oneAtom(asked: Asked): Promise<Reply> {
  return ofJob(asked, ({ jobId, atoms }) => {
    const name = asked.params['atom'] ?? '';
    const atom = atoms.find((candidate) => candidate.name === name);
    if (atom === undefined)
      throw new NotFoundError('BATON_NOT_FOUND_ATOM', `job ${jobId} has no atom ${JSON.stringify(name)}`);
    return atomView(atom);
  });
}

async function events(asked: Asked): Promise<Reply> {
  const entries = await asked.client.history(asked.params['id'] ?? '');
  return { status: 200, body: page(asked, 'events', entries.map(eventView)) };
}

/** `after` counts what came before. Events only come at the end; items of a fan-out come in between: pages with another `seq` may not fit together. */
function page({ query }: Asked, name: string, all: readonly object[]): object {
  const from = Number(query['after'] ?? 0);
  const to = from + Number(query['limit']);
  return { [name]: all.slice(from, to), ...(to < all.length && { next: to }) };
}
