/** I17, P-508, P-605, P-934, P-1108, C-1305: how long what has to follow may take, judged where nothing else is in the way. */
import type { Choices } from '../choices.js';
import type { History } from '../history.js';
import { orphanRules } from './child-rules.js';
import { commandRules } from './command-rules.js';
import type { JobEvidence, Violations } from './evidence.js';
import { freeJobRules } from './free-job-rules.js';
import { pauseRules } from './pause-rules.js';
import { takeoverRules, takeovers, type Takeover } from './takeover-rules.js';
import { workerLosses, workerLossRules, type WorkerLoss } from './worker-loss-rules.js';

interface Run {
  readonly history: History;
  readonly jobs: readonly JobEvidence[];
}

/** What a run that was calm measured; empty for the others. */
export interface Figures {
  readonly isCalm: boolean;
  readonly isLogCalm: boolean;
  readonly takenOver: readonly Takeover[];
  readonly workersLost: readonly WorkerLoss[];
}

/** Whoever is killed is missed by others that see the board, can read and write, and have room. */
const troubles = /session|coordination|transaction|lock|stor|reads differ|link|pause|drain conductor/;
/** Then a worker that is lost is missed only by an owner that hears all of its log, and others take its requests. */
const workerTroubles = /^log |drain/;
/** Who cannot send requests claims nothing. */
const claimTroubles = /^log /;

/** Without a nudge an owner looks for commands so often, by its own clock. */
const commandPollMs = 5_000;
/** When the faults are over, those that were hit have to come back: they wait for sessions of the dead, and for what did not answer. */
const pauseBoundMs = 60_000;
/** A child run that is not wanted any more: it is found asleep within half a minute, and has a few things to undo. */
const orphanBoundMs = 90_000;
/** A read of the log waits so long when there is nothing, and simulated ones are answered in order. */
const logReadMs = 500;

export function figuresOf(run: Run, choices: Choices, struck: ReadonlySet<string>): Figures {
  const { maxJobs, tripMs } = choices;
  const isStruckBy = (kinds: RegExp): boolean => [...struck].some((kind) => kinds.test(kind));
  const isCalm = tripMs.coordination <= 5 && tripMs.store <= 5 && maxJobs > 100 && !isStruckBy(troubles);
  const isWorkerMissed = isCalm && tripMs.log <= 5 && !isStruckBy(workerTroubles);
  return {
    isCalm,
    isLogCalm: isCalm && !isStruckBy(claimTroubles),
    takenOver: isCalm ? [...takeovers(run)] : [],
    workersLost: isWorkerMissed ? [...workerLosses(run, choices)] : [],
  };
}

export function* timeRules(
  { history, jobs }: Run,
  { isCalm, isLogCalm, takenOver, workersLost }: Figures,
  { sessionTimeoutMs, drift, maxJobs, faultsUntilMs }: Choices,
): Violations {
  yield* takeoverRules(takenOver, { guarded: 250, unguarded: sessionTimeoutMs + 450 });
  yield* workerLossRules(workersLost, { boundMs: (logReadMs + 250) * drift });
  if (isLogCalm) yield* freeJobRules({ history }, { boundMs: 500 * drift });
  if (maxJobs > 100) yield* pauseRules({ history }, { fromMs: faultsUntilMs, drift, boundMs: pauseBoundMs });
  yield* orphanRules(jobs, { fromMs: faultsUntilMs, boundMs: orphanBoundMs * drift });
  const commandMs = commandPollMs * drift + sessionTimeoutMs + 1_000;
  yield* commandRules({ history, jobs }, { boundMs: isCalm ? commandMs : undefined });
}
