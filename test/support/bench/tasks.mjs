/** Tasks of the benches. Times are CLOCK_MONOTONIC in ms, comparable between processes of one machine. */
import { appendFileSync, openSync, writeSync } from 'node:fs';
import { task, type } from '@baton/flow';

const ledger = process.env.BENCH_LEDGER;
const file = openSync(ledger, 'a');
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;
const line = (fields) => `${JSON.stringify(fields)}\n`;

/** Nothing but the way there and back. */
export const noop = task('noop', { requires: { text: type() }, execute: () => null });

let stamps = '';
/** A noop that says when it was started; written later, so that the step costs what a noop costs. */
export const stamp = task('stamp', {
  requires: { text: type() },
  execute(_, { flowId, atom, requestId, delivery, worker }) {
    if (stamps === '') setTimeout(flush, 20).unref();
    stamps += line({ phase: 'start', flowId, atom, requestId, delivery, worker, atMs: nowMs() });
    return null;
  },
});

function flush() {
  appendFileSync(file, stamps);
  stamps = '';
}

/** Gives 256 KiB. */
export const blob = task('blob', {
  requires: { text: type() },
  provides: 'blob',
  execute: () => new Uint8Array(256 * 1024).fill(7),
});

/** Takes two of them. */
export const weigh = task('weigh', {
  requires: { one: type(), other: type() },
  provides: 'bytes',
  execute: ({ one, other }) => one.byteLength + other.byteLength,
});

/** Takes its time, and leaves no trace. */
export const nap = task('nap', {
  requires: { text: type(), ms: type() },
  execute: ({ ms }) => new Promise((resolve) => setTimeout(resolve, ms, null)),
});

/** Takes its time; its start is on the disk before anything else happens, so that no kill can hide it. */
export const sleep = task('sleep', {
  requires: { text: type(), ms: type() },
  async execute({ ms }, { flowId, atom, requestId, delivery, worker }) {
    const effect = { flowId, atom, requestId, delivery, worker };
    writeSync(file, line({ phase: 'start', ...effect, atMs: nowMs() }));
    await new Promise((resolve) => setTimeout(resolve, ms));
    writeSync(file, line({ phase: 'end', ...effect, atMs: nowMs() }));
    return null;
  },
});
