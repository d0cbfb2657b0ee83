import type { Transition } from '@baton/engine';

/** What happened in a run, in order: changes as they were stored, calls of the functions of tasks, and crashes. */
export type TraceEvent =
  | Transition
  | {
      readonly of: 'call';
      readonly action: 'execute' | 'revert';
      readonly atom: string;
      /** Equal for a call that is repeated after a crash; another one in another attempt or round. */
      readonly requestId: string;
    }
  /** `stored`: how many entries the journal had at that moment. */
  | { readonly of: 'crash'; readonly stored: number };

export type Trace = readonly TraceEvent[];

/** A trace, or something that has one. */
export type Traced = Trace | { readonly trace: Trace };

export function traceOf(traced: Traced): Trace {
  return 'trace' in traced ? traced.trace : traced;
}

/** Atoms whose `execute` was called, one for each call. */
export function executed(traced: Traced): readonly string[] {
  return calls(traced, 'execute').map(({ atom }) => atom);
}

/** Atoms that were undone, in order. */
export function reverted(traced: Traced): readonly string[] {
  return traceOf(traced).flatMap((event) =>
    (event.of === 'task' || event.of === 'retry') && event.to === 'REVERTED' ? [event.atom] : [],
  );
}

/** Atoms of which one and the same execution was called again, because its answer was lost; each once, sorted. */
export function reexecuted(traced: Traced): readonly string[] {
  const seen = new Set<string>();
  const again = new Set<string>();
  for (const { atom, requestId } of calls(traced, 'execute')) {
    if (seen.has(requestId)) again.add(atom);
    seen.add(requestId);
  }
  return [...again].toSorted();
}

/** One line for each event, for people. */
export function traceText(traced: Traced): string {
  return traceOf(traced).map(lineOf).join('\n');
}

function lineOf(event: TraceEvent): string {
  switch (event.of) {
    case 'call':
      return `    ${event.atom}.${event.action}()`;
    case 'crash':
      return `--- crash, ${event.stored} entries stored ---`;
    case 'flow':
      return `flow ${event.from} → ${event.to}`;
    case 'task':
    case 'activation':
    case 'retry':
      return `${event.atom} ${event.from} → ${event.to}`;
  }
}

function calls(traced: Traced, action: 'execute' | 'revert') {
  return traceOf(traced).flatMap((event) => (event.of === 'call' && event.action === action ? [event] : []));
}
