/**
 * `baton conductor run` and `baton worker run`: the daemons. The process that was started becomes the guard; the member itself is its child,
 * started with the same arguments and a hidden flag, so that both resolve the same settings.
 */
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import {
  InputError,
  type Logger,
  type MemberKind,
  type Readiness,
  type Runtime,
  type SessionToken,
} from '@baton/core';
import type { RetentionOptions } from '@baton/conductor';
import { GuardLink, runGuarded } from '@baton/guard';
import { headHintWords } from '@baton/jobboard';
import { Option, type Command } from 'commander';
import { delegateLinks } from '../delegate-links.js';
import { exitCodes } from '../exit-codes.js';
import { HealthServer } from '../health-server.js';
import type { Invocation } from '../invocation.js';
import { loadUnlessStopped } from '../load-unless-stopped.js';
import type { Run } from '../run.js';
import { defaultMemberId, type Settings } from '../settings.js';
import { startTaskHost } from '../start-task-host.js';
import { stopSignals } from '../stop-signals.js';
import { openCoordination, openSubstrates } from '../substrates.js';
import { systemRandom } from '@baton/client/runtime';
import { version } from '../version.js';

interface MemberFlags {
  /** Set by the guard for its child. */
  readonly guarded?: boolean;
  readonly guard: boolean;
  readonly restart?: boolean;
}

interface WorkerFlags extends MemberFlags {
  readonly tasks?: string;
}

/** How long a guard tries to end the session of its dead child, each time. */
const END_SESSION_TIMEOUT_MS = 2_000;

export function addMemberCommands(program: Command, run: Run): void {
  const conductor = program
    .command('conductor')
    .description('claim jobs and run their flows; needs no user code');
  withGuardFlags(
    conductor
      .command('run')
      .description('run a conductor until SIGTERM (hands over) or a second one (at once)'),
  )
    .option('--id <id>', 'name of this conductor')
    .option('--max-jobs <n>', 'jobs owned at most')
    .action(run(runConductor));
  const worker = program.command('worker').description('run tasks');
  withGuardFlags(
    worker
      .command('run')
      .description('run a worker until SIGTERM (finishes what runs) or a second one (at once)'),
  )
    .option('--tasks <module>', 'module that exports the tasks')
    .option('--std <names>', 'tasks of Baton that it offers too: std.http, std.shell')
    .option('--id <id>', 'name of this worker')
    .option('--concurrency <n>', 'tasks run at the same time')
    .action(run(runWorker));
}

function withGuardFlags(command: Command): Command {
  return command
    .option('--no-guard', 'without a guard: a crash is then seen only after the session timeout')
    .option('--restart', 'the guard starts a new child when one crashes')
    .addOption(new Option('--guarded').hideHelp());
}

async function runConductor(
  invocation: Invocation,
  _: readonly string[],
  flags: MemberFlags,
): Promise<number> {
  return runMember(invocation, 'conductor', flags, async (member) => {
    const { createConductor, createWebhook } = await import('@baton/conductor');
    const { settings } = invocation;
    const conductor = createConductor({
      ...member.deps,
      ...(member.link && { heads: member.link.heads }),
      notifications: {
        targets: settings.maybe('notify.targets') ?? [],
        send: createWebhook({ allow: settings.get('notify.allow') }),
      },
      linkTo: delegateLinks(settings),
      retention: retentionOf(settings),
      options: {
        maxJobs: settings.get('conductor.max_jobs'),
        sessionTimeoutMs: settings.get('jobboard.session_timeout'),
        requestSlots: settings.get('transport.kafka.request_slots'),
        replySlots: settings.get('transport.kafka.reply_slots'),
        poisonClaimsMax: settings.get('poison.claims'),
        drainTimeoutMs: settings.get('drain.timeout'),
      },
    });
    member.readyWhen(() => conductor.readiness);
    const { left } = await conductor.run({ signal: member.signal });
    return left > 0 ? exitCodes.drainedWithWork : exitCodes.ok;
  });
}

function retentionOf(settings: Settings): RetentionOptions {
  const [ageMs, count] = [settings.get('retention.jobs'), settings.get('retention.count')];
  return { ...(ageMs > 0 && { ageMs }), ...(count > 0 && { count }) };
}

async function runWorker(invocation: Invocation, _: readonly string[], flags: WorkerFlags): Promise<number> {
  return runMember(invocation, 'worker', flags, async (member) => {
    const { createWorker, loadTasks, stdTasks } = await import('@baton/worker');
    const { settings } = invocation;
    const std = stdTasks(settings.get('worker.std'), {
      egressAllow: settings.get('worker.http_allow'),
      setting: 'worker.http_allow',
      environment: invocation.environment.forChildren,
      clock: member.deps.runtime.clock,
    });
    const module = flags.tasks === undefined ? undefined : resolve(flags.tasks);
    if (module === undefined && std.length === 0)
      throw new InputError(
        'BATON_INPUT_INVALID',
        'a worker needs tasks: give --tasks MODULE, or --std std.http',
      );
    const tasks =
      module === undefined
        ? []
        : await loadUnlessStopped(loadTasks(module), {
            module,
            signal: member.signal,
            runtime: member.deps.runtime,
          });
    if (tasks === undefined) return exitCodes.ok;
    const worker = createWorker({
      ...member.deps,
      tasks: [...tasks, ...std],
      startHost: startTaskHost,
      options: {
        concurrency: settings.get('worker.concurrency'),
        sessionTimeoutMs: settings.get('jobboard.session_timeout'),
        requestSlots: settings.get('transport.kafka.request_slots'),
        replySlots: settings.get('transport.kafka.reply_slots'),
        drainTimeoutMs: settings.get('drain.timeout'),
      },
    });
    member.readyWhen(() => worker.readiness);
    const { drained, handedBack } = await worker.run({ signal: member.signal });
    return drained && handedBack === 0 ? exitCodes.ok : exitCodes.drainedWithWork;
  });
}

interface MemberRun {
  readonly signal: AbortSignal;
  readonly deps: Awaited<ReturnType<typeof memberDeps>>;
  /** Undefined without a guard. */
  readonly link: GuardLink | undefined;
  /** Who knows whether it can do its work. */
  readonly readyWhen: (readiness: () => Readiness) => void;
}

async function runMember(
  invocation: Invocation,
  kind: MemberKind,
  flags: MemberFlags,
  service: (member: MemberRun) => Promise<number>,
): Promise<number> {
  const { settings } = invocation;
  if (flags.guard && flags.guarded !== true && settings.get('guard.enabled'))
    return guard(invocation, kind, flags);
  const id = settings.maybe('member.id') ?? defaultMemberId(kind, process.pid, systemRandom.nonce());
  const logger = invocation.logger('daemon', { kind, memberId: id, pid: process.pid });
  const runtime = invocation.runtime(logger);
  const stop = stopSignals(runtime);
  const link =
    flags.guarded === true
      ? GuardLink.open({ clock: runtime.clock, progressMs: settings.get('jobboard.session_timeout') / 4 })
      : undefined;
  link?.onGuardGone(() => {
    logger.warn('guard.gone', {});
    stop.now();
  });
  const listenOn = settings.maybe('health.listen');
  const health = listenOn && (await HealthServer.listen(listenOn));
  if (health) logger.info('health.listening', { port: health.port });
  const substrates = await openSubstrates(settings, `baton-${kind}/${id}`, logger);
  reportStrayErrors(kind, logger);
  // timers and idle sockets may not keep the process alive: it lives until its service ends
  const alive = setInterval(() => undefined, 60_000);
  try {
    const deps = memberDeps(invocation, id, runtime, substrates, (token) => link?.announce(token));
    const readyWhen = (readiness: () => Readiness): void => {
      if (health) health.readiness = readiness;
    };
    return await service({ signal: stop.signal, deps, link, readyWhen });
  } finally {
    clearInterval(alive);
    stop.dispose();
    await substrates.close();
    health?.close();
    link?.announce(undefined);
    link?.close();
  }
}

function memberDeps(
  { settings }: Invocation,
  id: string,
  runtime: Runtime,
  substrates: Awaited<ReturnType<typeof openSubstrates>>,
  onSession: (token: SessionToken) => void,
) {
  return {
    runtime,
    coordination: substrates.coordination,
    log: substrates.log,
    store: substrates.store,
    prefix: settings.get('transport.kafka.prefix'),
    board: settings.get('jobboard.board'),
    member: { id, host: hostname(), pid: process.pid, version },
    onSession,
  };
}

async function guard(invocation: Invocation, kind: MemberKind, flags: MemberFlags): Promise<number> {
  const { settings, environment } = invocation;
  const logger = invocation.logger('daemon', {
    kind: `${kind}-guard`,
    memberId: settings.maybe('member.id'),
  });
  const runtime = invocation.runtime(logger);
  const coordination = await openCoordination(settings, logger);
  return runGuarded({
    runtime,
    command: process.execPath,
    args: [...process.execArgv, ...process.argv.slice(1), '--guarded'],
    env: environment.forChildren,
    hangMs: settings.maybe('guard.hang') ?? settings.get('jobboard.session_timeout') * 2,
    restart: flags.restart === true,
    endSession: (token, heads) => {
      const lastWords = headHintWords(settings.get('jobboard.board'), heads);
      return coordination.endSession(token, {
        timeoutMs: END_SESSION_TIMEOUT_MS,
        ...(lastWords && { lastWords }),
      });
    },
    // the first session of a process costs several ms more than the second
    warm: async () => {
      const session = await coordination.connect({ timeoutMs: settings.get('jobboard.session_timeout') });
      await session.close();
    },
  });
}

/**
 * An error that nobody caught. In a worker it may come from user code that went on after its attempt, which must not take the others down; in a
 * conductor it is a defect: the process ends, and another takes its jobs over.
 */
function reportStrayErrors(kind: MemberKind, logger: Logger): void {
  const report = (error: unknown): void => {
    logger.error('stray-error', { error });
    if (kind === 'conductor') process.exit(exitCodes.invariant);
  };
  process.on('uncaughtException', report).on('unhandledRejection', report);
}
