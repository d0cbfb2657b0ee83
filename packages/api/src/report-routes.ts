/** A run and its child runs as one tree, with figures (C-1604). */
import { runReport, type RunReport } from '@baton/client';
import { atomView } from './job-view.js';
import type { Route } from './route.js';
import { jobParams, number, object, open, text, whole } from './schemas.js';

const atoms = {
  type: 'array',
  items: open({ name: text, kind: text, state: text }, ['name', 'kind', 'state']),
};
const figures = object(
  {
    ...{ jobs: whole, redelivered: whole },
    atoms: { type: 'object', additionalProperties: whole, description: 'State → atoms in it.' },
    leftOut: { ...whole, description: 'Child runs that were not read: too deep, or 200 jobs were read.' },
  },
  ['jobs', 'atoms', 'redelivered', 'leftOut'],
);
const report = open(
  {
    ...{ jobId: text, name: text, flowState: text, outcome: text, postedAtMs: number, durationMs: number },
    ...{ figures, atoms: { ...atoms, description: 'Each with the report of its child run, as `child`.' } },
  },
  ['jobId', 'name', 'flowState', 'postedAtMs', 'durationMs', 'figures', 'atoms'],
);

export const reportRoutes: readonly Route[] = [
  {
    ...{ method: 'GET', path: '/v1/jobs/:id/report', role: 'viewer', params: jobParams },
    summary: 'A run and its child runs as one tree: what took how long, how often it was tried, what failed.',
    query: object({
      errorsOnly: {
        ...{ type: 'string', enum: ['', 'true', 'false'], default: 'false' },
        description: 'Only what failed; the figures are those of all.',
      },
      maxDepth: { ...whole, description: 'How many levels of child runs. Default: all.' },
    }),
    ...{ answers: { 200: { about: 'The report.', schema: report } }, problems: [409] },
    handle: async ({ client, params, query: { errorsOnly, maxDepth } }) => {
      const options = {
        errorsOnly: errorsOnly !== 'false',
        ...(maxDepth !== undefined && { maxDepth: Number(maxDepth) }),
      };
      return { status: 200, body: view(await runReport(client, params['id'] ?? '', options)) };
    },
  },
];

function view({ atoms: all, ...rest }: RunReport): object {
  return {
    ...rest,
    atoms: all.map(({ child, ...atom }) => ({ ...atomView(atom), ...(child && { child: view(child) }) })),
  };
}
