/**
 * Purpose: writes server-sent events: as they come, with a comment now and then so that nobody between takes the connection for dead.
 * States: open → ended (the events are over, whoever reads has gone or reads too slowly, or the server stops).
 * On failure: of the events, the stream ends with an event `problem`: whoever reads comes again with the id of the last one.
 */
import type { ServerResponse } from 'node:http';
import type { Clock } from '@baton/core';
import type { StreamEvent } from './route.js';

const HEARTBEAT_MS = 15_000;
/** Whoever lets more pile up is cut off, and may come again. */
const UNREAD_BYTES_MAX = 1024 * 1024;
const RETRY_MS = 1_000;

export interface StreamOptions {
  readonly raw: ServerResponse;
  readonly headers: Readonly<Record<string, string>>;
  readonly events: AsyncIterable<StreamEvent>;
  readonly clock: Clock;
  /** Ends the events. */
  readonly abort: () => void;
  /** What whoever reads is told of an error of the events; undefined: nothing, it is how they were ended. */
  readonly failed: (error: unknown) => object | undefined;
}

/** Resolves when the stream has ended. */
export async function writeStream({
  raw,
  headers,
  events,
  clock,
  abort,
  failed,
}: StreamOptions): Promise<void> {
  // kept alive, it would outlive the stream and hold up a server that stops
  const own = { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no', connection: 'close' };
  raw.writeHead(200, { ...headers, ...own });
  raw.write(`retry: ${RETRY_MS}\n\n`);
  let cancelBeat = (): void => undefined;
  const beat = (): void => {
    cancelBeat = clock.setTimer(HEARTBEAT_MS, () => {
      send(': \n\n');
      beat();
    });
  };
  const send = (text: string): void => {
    raw.write(text);
    if (raw.writableLength > UNREAD_BYTES_MAX) raw.destroy();
    if (raw.destroyed) abort();
  };
  beat();
  try {
    for await (const { id, event, data } of events)
      send(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  } catch (error) {
    const problem = failed(error);
    // without an id: whoever comes again names the last event before it
    if (problem !== undefined) send(`event: problem\ndata: ${JSON.stringify(problem)}\n\n`);
  } finally {
    cancelBeat();
    raw.end();
  }
}
