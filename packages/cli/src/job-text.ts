/** A job in the words of the command line: what `job get` and `job watch` tell people. */
import type { AtomReport, JobReport } from '@baton/client';
import type { Failure, JournalEntry } from '@baton/core';
import { waitEventTask } from '@baton/flow';
import { atomGlyphs, flowGlyphs, jobGlyphs } from './glyphs.js';
import { clean } from './output.js';

/** One job, for people who look at `board`. */
export function reportText(report: JobReport, board: string): string {
  const counts = new Map<AtomReport['state'], number>();
  for (const atom of report.atoms) counts.set(atom.state, (counts.get(atom.state) ?? 0) + 1);
  const shown = report.atoms
    .filter((atom) => report.atoms.length <= 40 || atom.state !== 'PENDING')
    .slice(0, 200);
  const elsewhere = report.board === board ? '' : ` on board ${report.board}`;
  const lines = [
    `${report.name}  ${report.jobId}`,
    `job    ${jobGlyphs[report.jobState]} ${report.jobState}${elsewhere}${report.owner === undefined ? '' : `, owned by ${report.owner}`}`,
    `flow   ${flowGlyphs[report.flowState]} ${report.flowState}${report.reason === undefined ? suspensionText(report) : `: ${report.reason.message}`}`,
    `atoms  ${[...counts].map(([state, count]) => `${atomGlyphs[state]} ${state} ${count}`).join('  ')}`,
    `owners ${ownersText(report) || 'none yet'}${report.redelivered > 0 ? `, ${counted(report.redelivered, 'request')} sent again` : ''}`,
    ...report.commands.map((applied) => `! ${commandText(applied)}`),
    ...report.pending.map(
      ({ command, ...who }) => `! ${commandText({ command: `${command} asked`, ...who })}, not applied yet`,
    ),
    ...report.notifications.flatMap(notificationLines),
    ...shown.flatMap((atom) => {
      const where = whereIs(atom);
      const { failure } = atom;
      const why = failure === undefined ? '' : `  ${failureText(failure)}`;
      const root = failure && rootCause(failure);
      return [
        `  ${atomGlyphs[atom.state]} ${atom.name.padEnd(24)} ${atom.state}${repeats(atom)}${where}${why}`,
        ...(root === undefined || root === failure ? [] : [`      root cause: ${failureText(root)}`]),
      ];
    }),
    ...(shown.length < report.atoms.length ? [`  … ${report.atoms.length - shown.length} more`] : []),
  ];
  return lines.map(clean).join('\n');
}

/** In their order; one that had it several times on end once. */
function ownersText({ owners }: JobReport): string {
  const runs: { readonly member: string; times: number }[] = [];
  for (const { member } of owners) {
    const last = runs.at(-1);
    if (last?.member === member) last.times++;
    else runs.push({ member, times: 1 });
  }
  return runs.map(({ member, times }) => (times === 1 ? member : `${member} (${times} times)`)).join(' → ');
}

/** Only what is not as it should be. */
function notificationLines({
  target,
  problem,
  dead,
  lastDead,
}: JobReport['notifications'][number]): string[] {
  return [
    ...(problem === undefined ? [] : [`! ${target} has not been told yet: ${problem}`]),
    ...(dead === 0
      ? []
      : [`! ${target} was not told ${counted(dead, 'notification')}: ${lastDead?.reason ?? ''}`]),
  ];
}

function suspensionText({ flowState, jobId }: JobReport): string {
  if (flowState === 'SUSPENDING') return ': what runs is finished, nothing is begun';
  return flowState === 'SUSPENDED' ? `: goes on with \`baton job resume ${jobId}\`` : '';
}

function failureText({ types, message }: Failure): string {
  return `${types[0] ?? 'Error'}: ${message}`;
}

/** The deepest of its causes; itself where it has none. */
function rootCause(failure: Failure): Failure {
  const [cause] = failure.causes ?? [];
  return cause === undefined ? failure : rootCause(cause);
}

function whereIs(atom: AtomReport): string {
  if (atom.parked === true)
    return `  parked: ${atom.worker} was lost with it; decide with \`baton task rerun\` or \`baton task fail\``;
  if (atom.delegate === waitEventTask) return `  waits for the event ${eventOf(atom)}`;
  if (atom.delegate !== undefined)
    return `  waits for ${atom.delegate}${progressText(atom)}: answer with \`baton delegate complete\` or \`baton delegate fail\``;
  if (atom.child !== undefined) return `  runs as job ${atom.child}`;
  if (atom.worker !== undefined) return `  on ${atom.worker}, delivery ${atom.delivery}`;
  if (atom.heldBack === true) return '  held back: no worker has it before the job is resumed';
  if (atom.waitingForWorker === true) return '  waits: no worker offers or has room for its task';
  return atom.abandoned === true ? ' when the run was ended; nobody waits for it' : '';
}

function progressText({ progress }: AtomReport): string {
  const { fraction, note } = progress ?? {};
  const parts = [fraction === undefined ? '' : `${Math.round(fraction * 100)} %`, note ?? ''].filter(Boolean);
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

function eventOf({ args: { name, key = '' } = {} }: AtomReport): string {
  return `${clean(String(name))}${key === '' ? '' : `, key ${clean(String(key))}`}: send it with \`baton event send\``;
}

/** What one journal entry says, a line for each change, with the time of the entry (UTC). */
export function entryLines(entry: JournalEntry): string[] {
  const lines: string[] = [];
  if (entry.kind === 'post') lines.push(`posted ${entry.post.name}`);
  if (entry.kind === 'claim') lines.push(`◐ claimed by ${entry.claim.member}`);
  if (entry.kind === 'reopen') lines.push('◐ reopened');
  for (const fact of entry.facts) {
    if (fact.fact === 'atom')
      lines.push(
        `${atomGlyphs[fact.to]} ${fact.atom} ${fact.to}${fact.failure === undefined ? '' : `: ${fact.failure.message}`}`,
      );
    if (fact.fact === 'activation')
      lines.push(
        `${atomGlyphs[fact.to]} ${fact.activation} ${fact.to}${fact.failure === undefined ? '' : `: ${fact.failure.message}`}`,
      );
    if (fact.fact === 'flow') lines.push(`${flowGlyphs[fact.to]} flow ${fact.to}`);
    if (fact.fact === 'request' && fact.delivery > 1)
      lines.push(`  ${fact.atom} sent again to ${fact.worker}, delivery ${fact.delivery}`);
    if (fact.fact === 'command') lines.push(`  command ${commandText(fact)}`);
  }
  if (entry.kind === 'terminal')
    lines.push(`● ${entry.outcome}${entry.reason === undefined ? '' : `: ${entry.reason.message}`}`);
  const time = new Date(entry.atMs).toISOString().slice(11, 23);
  return lines.map((line) => `${time}  ${line}`);
}

/** Nothing of a first attempt in a first round. */
function repeats({ round = 0, attempt = 0 }: AtomReport): string {
  const numbers = [...(round > 1 ? [`round ${round}`] : []), ...(attempt > 1 ? [`attempt ${attempt}`] : [])];
  return numbers.length === 0 ? '' : `  ${numbers.join(', ')}`;
}

function commandText(given: {
  readonly command: string;
  readonly by?: string;
  readonly reason?: string;
  readonly refused?: string;
}): string {
  const { command, by, reason, refused } = given;
  const who = `${by === undefined ? '' : ` by ${by}`}${reason === undefined ? '' : ` (${reason})`}`;
  return `${command}${who}${refused === undefined ? '' : `, refused: ${refused}`}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
