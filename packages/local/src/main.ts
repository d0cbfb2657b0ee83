/**
 * The embedded server as a process: `node main.js (--socket PATH | --port N) --file PATH [--die-with-parent]`.
 * Prints `{"ready":true,"address":"…"}` as one line when it listens, warnings and errors as JSON lines on stderr. Ends with
 * code 0 on SIGTERM, SIGINT and, with `--die-with-parent`, when its stdin closes; with 1 when storage failed; with 2 or 6 when it
 * cannot start (bad arguments, another server runs).
 */
import { parseArgs } from 'node:util';
import { codeOf, familyOf, InputError, type LogFields, type Logger } from '@baton/core';
import type { ListenAddress } from './address.js';
import { startLocalServer } from './local-server.js';

const exitCodes: Readonly<Record<string, number>> = { input: 2, conflict: 6, unavailable: 7 };

const toStderr = (level: string) => (message: string, fields?: LogFields) =>
  void process.stderr.write(`${JSON.stringify({ level, message, ...fields })}\n`);
const ignore = () => undefined;
const logger: Logger = { debug: ignore, info: ignore, warn: toStderr('warn'), error: toStderr('error') };

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      socket: { type: 'string' },
      port: { type: 'string' },
      file: { type: 'string' },
      'die-with-parent': { type: 'boolean', default: false },
    },
  });
  if (values.file === undefined) throw new InputError('BATON_INPUT_INVALID', '--file PATH is missing');
  const server = await startLocalServer({ listen: listenOf(values), file: values.file, logger });
  const stop = () => void server.close();
  process.once('SIGTERM', stop).once('SIGINT', stop);
  if (values['die-with-parent']) process.stdin.resume().once('end', stop).once('close', stop);
  process.stdout.on('error', ignore); // nobody has to read it
  process.stdout.write(`${JSON.stringify({ ready: true, address: server.address })}\n`);
  const failure = await server.ended;
  process.exit(failure === undefined ? 0 : 1);
}

function listenOf({
  socket,
  port,
}: {
  readonly socket?: string | undefined;
  readonly port?: string | undefined;
}): ListenAddress {
  if (socket !== undefined && port === undefined) return { path: socket };
  if (port !== undefined && socket === undefined && /^\d{1,5}$/.test(port)) return { port: Number(port) };
  throw new InputError('BATON_INPUT_INVALID', 'give either --socket PATH or --port NUMBER');
}

main().catch((error: unknown) => {
  toStderr('error')(error instanceof Error ? error.message : String(error), { code: codeOf(error) });
  process.exitCode = exitCodes[familyOf(error) ?? 'input'] ?? 1;
});
