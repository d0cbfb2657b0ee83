/** The picture of the demo: state in, at most 23 lines of at most 80 characters out. Pure; glyphs carry the state, not colours. */
import type { MemberKind } from '@baton/core';
import { atomGlyphs, flowGlyphs } from '../glyphs.js';
import { clean } from '../output.js';
import type { Failover } from './failovers.js';
import { countOf, ownerOf, type JobModel } from './run-model.js';

export interface ViewState {
  readonly title: string;
  readonly elapsedMs: number;
  readonly members: readonly ViewMember[];
  readonly jobs: readonly JobModel[];
  readonly failovers: readonly Failover[];
  /** What happened, newest last. */
  readonly events: readonly string[];
}

export interface ViewMember {
  readonly id: string;
  readonly kind: MemberKind;
  readonly state: 'starting' | 'up' | 'lost';
  /** How long it has been gone. */
  readonly lostMs?: number;
}

/** Of a terminal of 24: the last is the cursor's. */
export const viewLines = 23;
export const viewColumns = 80;
/** Tasks a bar shows at most; the number beside it tells the rest. */
const barMax = 10;
const failoversMax = 4;
/** Wide enough for `c2 ✖ LOST 12.3s jobs 6`. */
const conductorColumn = 24;
const workerColumn = 33;

export function renderView(state: ViewState): readonly string[] {
  const failovers = state.failovers.slice(-failoversMax).map(failoverLine);
  const lines = [
    beside(` baton demo   ${state.title}`, `[k]ill [q]uit  ${clock(state.elapsedMs)}`),
    '',
    ...memberLines(state),
    '',
    ...state.jobs.map(jobLine),
    '',
    rule('failovers: SIGKILL → work goes on'),
    ...(failovers.length === 0 ? [' none yet'] : failovers),
    rule('what happens'),
  ];
  const room = viewLines - lines.length;
  const events = room > 0 ? state.events.slice(-room) : [];
  return [...lines, ...events.map((event) => ` ${event}`)].slice(0, viewLines).map(fit);
}

/** Conductors at the left, workers at the right, totals beside them. */
function memberLines({ members, jobs }: ViewState): string[] {
  const of = (kind: MemberKind): readonly ViewMember[] => members.filter((member) => member.kind === kind);
  const left = of('conductor').map((member) => conductorCell(member, jobs));
  const right = of('worker').map((member) => workerCell(member, jobs));
  const totals = totalCells(jobs);
  return Array.from({ length: Math.max(left.length, right.length, totals.length) }, (_, row) =>
    ` ${column(left[row], conductorColumn)}${column(right[row], workerColumn)}${totals[row] ?? ''}`.trimEnd(),
  );
}

/** Cut where it is too long: what stands beside it keeps its place. */
function column(text = '', width: number): string {
  return [...text]
    .slice(0, width - 1)
    .join('')
    .padEnd(width);
}

function conductorCell(member: ViewMember, jobs: readonly JobModel[]): string {
  const owned = jobs.filter((job) => ownerOf(job) === member.id).length;
  return `${headOf(member)} jobs ${owned}`;
}

function workerCell(member: ViewMember, jobs: readonly JobModel[]): string {
  const tasks = new Map<string, number>();
  let count = 0;
  for (const job of jobs)
    for (const request of job.open.values()) {
      if (request.worker !== member.id) continue;
      count++;
      const name = request.atom.replace(/-\d+$/, '');
      tasks.set(name, (tasks.get(name) ?? 0) + 1);
    }
  const [first] = [...tasks].sort(([, a], [, b]) => b - a);
  const most = first === undefined ? '' : ` ${first[0]}×${first[1]}${tasks.size > 1 ? ' …' : ''}`;
  // gone: what it had says more than how full it was
  if (member.state === 'lost') return `${headOf(member)}${most}`;
  return `${headOf(member)} ${'▮'.repeat(Math.min(count, barMax)).padEnd(barMax, '▯')}${most}`;
}

function headOf({ id, state, lostMs = 0 }: ViewMember): string {
  if (state === 'lost') return `${id} ✖ LOST ${(lostMs / 1_000).toFixed(1)}s`;
  return `${id} ${state === 'up' ? '▶' : '…'}`;
}

function totalCells(jobs: readonly JobModel[]): string[] {
  const ended = jobs.filter(({ outcome }) => outcome !== undefined).length;
  const done = jobs.reduce((sum, job) => sum + countOf(job, 'SUCCESS', 'REVERTED'), 0);
  const running = jobs.reduce((sum, job) => sum + job.open.size, 0);
  const all = jobs.reduce((sum, { atomCount }) => sum + atomCount, 0);
  return [
    `jobs  ● ${ended} of ${jobs.length}`,
    `atoms ✔ ${done}`,
    `      ▶ ${running}  · ${Math.max(0, all - done - running)}`,
  ];
}

function jobLine(job: JobModel): string {
  const done = countOf(job, 'SUCCESS');
  const barLength = 12;
  const bar = '█'.repeat(Math.round((done / Math.max(1, job.atomCount)) * barLength)).padEnd(barLength, '░');
  const state =
    job.outcome ?? (job.reverting ? 'REVERTING' : job.owners.length === 0 ? 'PENDING' : 'RUNNING');
  const glyph = state === 'REVERTING' ? atomGlyphs.REVERTING : flowGlyphs[state];
  const owners = collapsed(job.owners).join(' → ');
  const last =
    job.outcome === undefined && job.last !== undefined ? `${atomGlyphs[job.last.to]} ${job.last.atom}` : '';
  return ` ${glyph} ${job.name.slice(0, 22).padEnd(22)} ${bar} ${String(done).padStart(4)}/${String(job.atomCount).padEnd(4)} ${owners.padEnd(14)} ${last}`.trimEnd();
}

function collapsed(owners: readonly string[]): readonly string[] {
  return owners.filter((owner, index) => owner !== owners[index - 1]).slice(-3);
}

function failoverLine(failover: Failover): string {
  const { kind, member, detectMs, claimMs, resumeMs, totalMs, requests } = failover;
  const went =
    kind === 'conductor'
      ? `claimed +${claimMs}  resumed +${resumeMs}  ⇒ ${totalMs} ms, ${requests} tasks adopted`
      : `sent again +${resumeMs}  ⇒ ${totalMs} ms, ${requests} tasks`;
  return ` ${member} ✖ seen ${detectMs}  ${went}`;
}

function beside(left: string, right: string): string {
  return `${left.padEnd(viewColumns - right.length - 1)}${right}`;
}

function rule(title: string): string {
  return ` ── ${title} `.padEnd(viewColumns - 1, '─');
}

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
}

/** Cut, not wrapped: a wrapped line would move all below it. */
function fit(line: string): string {
  const characters = [...clean(line)];
  return characters.length <= viewColumns
    ? characters.join('')
    : `${characters.slice(0, viewColumns - 1).join('')}…`;
}
