import { InputError, UnavailableError, type RequestMessage, type TaskRequest } from '@baton/core';
import { fakeRuntime } from '@baton/testkit';
import { expect, it } from '@jest/globals';
import { Dispatcher, type UnsentRequest } from './dispatcher.js';
import type { LiveWorker } from './worker-roster.js';

/** Requests whose arguments and forgotten ids together have more characters are refused. */
const ROOM = 100;

function world(keys = ['key']) {
  const runtime = fakeRuntime();
  const sent: RequestMessage[] = [];
  const outbox = {
    full: false,
    sendRequest(_partition: number, message: RequestMessage): void {
      if (outbox.full) throw new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'overfull');
      if (message.kind === 'request' && JSON.stringify([message.args, message.forget]).length > ROOM)
        throw new InputError('BATON_INPUT_TOO_LARGE', 'more than a message may have');
      sent.push(message);
    },
  };
  const dispatcher = new Dispatcher({
    outbox,
    runtime,
    replyPartition: 3,
    linkTo: (requestId) =>
      keys.length === 0 ? undefined : { token: `t-${requestId}`, url: `u/t-${requestId}` },
    workers: { get: (epoch) => ({ epoch, requestPartition: 7 }) as LiveWorker },
  });
  const request = (size: number): void => {
    const message: Partial<TaskRequest> = {
      workerEpoch: 'e',
      requestId: 'r',
      args: { x: { data: 'x'.repeat(size) } },
    };
    dispatcher.request(message as TaskRequest);
  };
  const forgotten = () =>
    sent.flatMap((message) =>
      message.kind === 'request' ? message.forget : message.kind === 'forget' ? message.requestIds : [],
    );
  return { runtime, outbox, dispatcher, sent, request, forgotten };
}

it('what a worker may forget rides on the next request to it', async () => {
  const { runtime, dispatcher, sent, request, forgotten } = world();
  dispatcher.forget('e', 'stored');
  request(10);
  await runtime.clock.advance(1_000);
  expect(sent).toMatchObject([{ kind: 'request', forget: ['stored'] }]);
  expect(forgotten()).toEqual(['stored']);
});

it('a request that fits alone is sent alone, and what the worker may forget leaves by itself', async () => {
  const { runtime, dispatcher, sent, request, forgotten } = world();
  for (const id of ['first', 'second', 'third']) dispatcher.forget('e', id);
  request(ROOM - 30);
  await runtime.clock.advance(1_000);
  expect(sent).toMatchObject([{ kind: 'request', forget: [] }, { kind: 'forget' }]);
  expect(forgotten()).toEqual(['first', 'second', 'third']);
});

it('a request that does not fit even alone, or finds the outbox overfull, costs no id', async () => {
  const { runtime, outbox, dispatcher, request, forgotten } = world();
  dispatcher.forget('e', 'stored');
  expect(() => request(ROOM)).toThrow(expect.objectContaining({ code: 'BATON_INPUT_TOO_LARGE' }));
  outbox.full = true;
  expect(() => request(1)).toThrow(expect.objectContaining({ code: 'BATON_UNAVAILABLE_DISCONNECTED' }));
  outbox.full = false;
  await runtime.clock.advance(1_000);
  expect(forgotten()).toEqual(['stored']);
});

const open: Partial<UnsentRequest> = {
  workerEpoch: 'e',
  requestId: 'f/a/open/0.1',
  opens: 'f/a/execute/0.1',
  args: {},
};

it('a task that asks for the answer of a delegate is given a link to it (C-1104)', () => {
  const { dispatcher, sent } = world();
  dispatcher.request(open as UnsentRequest);
  expect(sent).toMatchObject([{ link: { token: 't-f/a/execute/0.1', url: 'u/t-f/a/execute/0.1' } }]);
  expect(sent[0]).not.toHaveProperty('opens');
});

it('without a key it is not sent, and whoever wanted it is told why', () => {
  const { dispatcher, sent } = world([]);
  const send = (): void => dispatcher.request(open as UnsentRequest);
  expect(send).toThrow(expect.objectContaining({ code: 'BATON_INPUT_NO_DELEGATE_KEYS' }));
  expect(sent).toEqual([]);
});
