/** Server-sent streams: a run as its journal grows, and the board. `Last-Event-ID` goes on where a stream was cut off. */
import { eventView } from './job-view.js';
import type { Asked, Reply, Route, StreamEvent } from './route.js';
import * as schemas from './schemas.js';

const stream = (about: string): Route['answers'][number] => ({
  about,
  type: 'text/event-stream',
  schema: schemas.text,
});

export const streamRoutes: readonly Route[] = [
  {
    ...{ method: 'GET', path: '/v1/jobs/:id/stream', role: 'viewer', params: schemas.jobParams },
    summary:
      'The journal of a run as it grows; ends with the run. The id of an event is its sequence number.',
    headers: schemas.jobStreamHeaders,
    answers: {
      200: stream('Events post, claim, turn, terminal; their data are those of /events.'),
      204: { about: 'The run has ended, and Last-Event-ID was its last event.' },
    },
    ...{ problems: [], handle: ofRun },
  },
  {
    ...{ method: 'GET', path: '/v1/stream', role: 'viewer', headers: schemas.boardStreamHeaders },
    summary: 'What changes on the board. `reset`: changes may be missing before it, list the jobs again.',
    answers: { 200: stream('Events reset, posted, claimed, released, gone; data: jobId.') },
    problems: [],
    handle: ({ feed, headers, signal }) =>
      Promise.resolve({ stream: feed.events(headers['last-event-id'], signal) }),
  },
];

async function ofRun({ client, params, headers, signal }: Asked): Promise<Reply> {
  const jobId = params['id'] ?? '';
  const lastEventId = headers['last-event-id'];
  const fromSeq = lastEventId === undefined ? 0 : Number(lastEventId) + 1;
  const head = await client.head(jobId);
  if (head.outcome !== undefined && fromSeq > head.seq) return { status: 204 };
  return { stream: events() };

  async function* events(): AsyncGenerator<StreamEvent, void> {
    for await (const entry of client.watch(jobId, { fromSeq, signal }))
      yield { id: String(entry.seq), event: entry.kind, data: eventView(entry) };
  }
}
