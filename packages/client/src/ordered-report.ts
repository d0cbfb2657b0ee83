/** Ordered flows as people see them: tasks and retry controllers, in document order. */
import { type AtomNode, type AtomRun, isOpenDelegate, resolveArguments, type RunState } from '@baton/engine';
import { waitingReport, type Surroundings } from './activation-report.js';
import type { AtomReport } from './atom-report.js';

export function orderedReports(
  run: RunState,
  { dueTimes, progress, standing, requestReport }: Surroundings<AtomNode>,
): AtomReport[] {
  return [...run.compiled.atoms.values()].map((node): AtomReport => {
    const atom = run.runs[node.id];
    const state = atom?.state ?? 'PENDING';
    const isActive = state === 'RUNNING' || state === 'REVERTING';
    const isAsked = isActive && (!run.waiting.has(node.id) || run.outstanding.has(node.id));
    const { requestId } = atom ?? {};
    const isOpen = standing !== 'over' && requestId !== undefined && isOpenDelegate(run, requestId);
    const failure = atom?.undo.failure ?? atom?.failure;
    return {
      name: node.name,
      kind: node.kind,
      state: run.paused.has(node.id) ? 'SUSPENDED' : state,
      ...numbersOf(atom),
      ...(isAsked && requestReport(node)),
      ...(isOpen && { ...delegateReport(run, node, dueTimes), ...progress.get(requestId) }),
      ...(failure === undefined ? {} : { failure }),
    };
  });
}

function delegateReport(
  run: RunState,
  node: AtomNode,
  dueTimes: Surroundings<AtomNode>['dueTimes'],
): ReturnType<typeof waitingReport> {
  const { task = node.name, ...definition } = node.kind === 'task' ? node.task : {};
  const resolved = resolveArguments(run, node, 'execute');
  const args = 'args' in resolved ? resolved.args : {};
  return waitingReport(
    { ...definition, task },
    { args, dueAtMs: dueTimes.get(run.runs[node.id]?.timer ?? '') },
  );
}

function numbersOf(atom: Readonly<AtomRun> | undefined): Pick<AtomReport, 'attempt' | 'round'> {
  if (atom === undefined) return {};
  // its own number counts in the rounds of the controller around it, and is another one for its revert
  if (atom.retry) return atom.retry.executions === 0 ? {} : { round: atom.retry.executions };
  const { attempt, round } = atom.state.startsWith('REVERT') ? atom.revert : atom.execute;
  return attempt === 0 ? {} : { attempt, round };
}
