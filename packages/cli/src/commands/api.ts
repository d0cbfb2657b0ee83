/** `baton api …`: the HTTP API as a daemon, and tokens for it. It owns nothing that others wait for, so it needs no guard. */
import { readinessOf } from '@baton/core';
import type { Command } from 'commander';
import { exitCodes } from '../exit-codes.js';
import { HealthServer } from '../health-server.js';
import type { Invocation } from '../invocation.js';
import type { Run } from '../run.js';
import { stopSignals } from '../stop-signals.js';
import { version } from '../version.js';

export function addApiCommands(program: Command, run: Run): void {
  const api = program.command('api').description('the HTTP API');
  api
    .command('run')
    .description('answer HTTP until SIGTERM (answers what was asked) or a second one (at once)')
    .option('--listen <host:port>', 'where; another host than this one takes tokens and TLS')
    .option('--insecure', 'tokens may go in plain text: something in front of it does TLS')
    .action(run(runApi));
  api
    .command('token <name>')
    .description('make a token: prints it, and the line for http.tokens')
    .option('--role <role>', 'viewer, poster, author or operator', 'viewer')
    .option('--until <date>', 'the day it ends, for example 2027-01-31; default: never')
    .action(run(makeToken));
}

async function runApi(
  invocation: Invocation,
  _: readonly string[],
  { insecure = false }: { readonly insecure?: boolean },
): Promise<number> {
  const { settings } = invocation;
  const logger = invocation.logger('daemon', { kind: 'api', pid: process.pid });
  const runtime = invocation.runtime(logger);
  const { ApiServer } = await import('@baton/api');
  const [cert, key] = [settings.maybe('http.tls_cert'), settings.maybe('http.tls_key')];
  const client = await invocation.client({ clientId: `api-${process.pid}`, logger });
  const tokens = settings.maybe('http.tokens');
  const server = new ApiServer({
    ...{ client, runtime, version, rate: settings.get('http.rate') },
    ...(tokens !== undefined && { tokens }),
    delegateKeys: settings.maybe('delegate.keys'),
    delegateWaitMaxMs: settings.get('delegate.wait_max'),
    tls: cert === undefined || key === undefined ? undefined : { cert, key },
  });
  const stop = stopSignals(runtime);
  const stopped = new Promise<void>((resolve) =>
    stop.signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  const address = await server.listen({ ...settings.get('http.listen'), insecure });
  logger.info('api.listening', { address });
  const listenOn = settings.maybe('health.listen');
  const health = listenOn && (await HealthServer.listen(listenOn));
  if (health) health.readiness = () => readinessOf({ api: stop.signal.aborted ? 'stops' : undefined });
  try {
    await stopped;
    await server.close({ withinMs: settings.get('drain.timeout') });
  } finally {
    stop.dispose();
    health?.close();
  }
  return exitCodes.ok;
}

async function makeToken(
  invocation: Invocation,
  [name = '']: readonly string[],
  { role, until }: { readonly role: string; readonly until?: string },
): Promise<number> {
  const { newToken } = await import('@baton/api');
  const made = newToken(name, role, until);
  invocation.output.one(made, {
    text: `token  ${made.token}\nline   ${made.line}`,
    name: made.token,
    cells: [
      ['token', made.token],
      ['line', made.line],
    ],
  });
  return exitCodes.ok;
}
