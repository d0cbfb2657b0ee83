/**
 * Purpose: starts the threads and processes in which a worker runs isolated tasks. Both run `task-host-main.ts`.
 * What is authoritative: the end that Node tells, which is the kernel's for a process.
 * On failure: one that cannot be started has ended. A worker that dies takes its threads with it; its processes notice within a second. A thread
 *   in a native call goes on after its kill: a worker that leaves with one is ended by SIGKILL.
 * Not here: what they do (@baton/worker `serveTasks`), when they are killed (@baton/worker).
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { FromHost, HostPort, StartHost, ToHost } from '@baton/worker';

// by way of dist, so that it is found from the sources too
const entry = fileURLToPath(new URL('../dist/task-host-main.js', import.meta.url));

export const startTaskHost: StartHost = ({ isolation, module }, onMessage) =>
  isolation === 'thread' ? startThread(module, onMessage) : startProcess(module, onMessage);

/** Those that have not ended. */
const threads = new Set<Worker>();
// Node ends no process before its threads, and waits without end for one that is in a native call; its event loop turns no more by then, so only the
// guard would notice, if there is one
process.on('exit', () => {
  if (threads.size > 0) process.kill(process.pid, 'SIGKILL');
});

function startThread(module: string, onMessage: (message: FromHost) => void): HostPort {
  const thread = new Worker(entry, { workerData: module });
  thread.unref();
  threads.add(thread);
  let error: string | undefined;
  const ended = new Promise<string>((resolve) => {
    // out of memory, or an error while the entry was loaded: 'exit' follows
    thread.on('error', (thrown: Error) => (error = thrown.message));
    thread.once('exit', (code) => {
      threads.delete(thread);
      resolve(error ?? `exit code ${code}`);
    });
  });
  thread.on('message', onMessage);
  return {
    ended,
    send: (message) => thread.postMessage(message),
    kill: () => void thread.terminate(),
  };
}

function startProcess(module: string, onMessage: (message: FromHost) => void): HostPort {
  const child = fork(entry, [module], {
    serialization: 'advanced', // keeps bigints and bytes
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  child.unref();
  child.channel?.unref();
  const ended = new Promise<string>((resolve) => {
    child.on('error', ({ message }) => child.pid === undefined && resolve(message));
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
  child.on('message', onMessage as (message: unknown) => void);
  return {
    ended,
    send: (message: ToHost) => void child.send(message, () => undefined),
    kill: () => void child.kill('SIGKILL'),
  };
}
