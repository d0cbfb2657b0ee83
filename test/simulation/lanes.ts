/**
 * Purpose: runs many plans on as many processes as the machine has cores, each process one plan at a time.
 * States: the processes live as long as the lanes; whoever is free takes the next plan.
 * On failure: a process that dies has its plan counted as failed, and another one takes its place.
 * Not here: what a plan is (simulation.ts), what results mean (main.ts).
 */
import { fork, type ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { LaneRequest } from './lane.js';
import { noResult } from './no-result.js';
import type { RunPlan, SimulationResult } from './simulation.js';

const laneFile = fileURLToPath(new URL('lane.mjs', import.meta.url));

export interface LanesOptions {
  readonly trace?: boolean;
  /** Processes at the same time. Default: one a core. */
  readonly count?: number | undefined;
  /** A planted bug, as JSON (see sabotage/). */
  readonly sabotage?: string;
}

/** What is wrong with a run whose process has died. */
export const hasDied = 'the process that ran it died';

interface Lane {
  readonly child: ChildProcess;
  isReady: boolean;
}

export class Lanes {
  readonly #options: LanesOptions;
  readonly #idle: Lane[] = [];
  readonly #all = new Set<ChildProcess>();

  constructor(options: LanesOptions = {}) {
    this.#options = options;
  }

  /** Runs all plans; `onResult` is told of each as it ends, in any order, and says whether to go on. */
  async run(plans: Iterable<RunPlan>, onResult: (result: SimulationResult) => boolean): Promise<void> {
    const iterator = plans[Symbol.iterator]();
    let goesOn = true;
    const work = async (): Promise<void> => {
      let lane = this.#idle.pop() ?? this.#start();
      while (goesOn) {
        const next = iterator.next();
        if (next.done === true) break;
        const result = await this.#runOn(lane, next.value);
        if (!onResult(result)) goesOn = false;
        if (!lane.child.connected) lane = this.#start();
      }
      this.#idle.push(lane);
    };
    const count = this.#options.count ?? availableParallelism();
    await Promise.all(Array.from({ length: count }, work));
  }

  async runOne(plan: RunPlan): Promise<SimulationResult> {
    let found: SimulationResult | undefined;
    await this.run([plan], (result) => {
      found = result;
      return false;
    });
    return found as SimulationResult;
  }

  close(): void {
    for (const child of this.#all) if (child.connected) child.disconnect();
  }

  #start(): Lane {
    const { sabotage } = this.#options;
    const child = fork(laneFile, {
      execArgv: ['--conditions=source', '--allow-natives-syntax', '--enable-source-maps'],
      env: { ...process.env, ...(sabotage === undefined ? {} : { BATON_SIMULATION_SABOTAGE: sabotage }) },
      serialization: 'advanced',
    });
    this.#all.add(child);
    child.once('exit', () => this.#all.delete(child));
    return { child, isReady: false };
  }

  async #runOn(lane: Lane, plan: RunPlan): Promise<SimulationResult> {
    const { child } = lane;
    const answer = new Promise<SimulationResult>((resolve) => {
      const ended = (): void => resolve(died(plan));
      const heard = (message: 'ready' | SimulationResult): void => {
        if (message === 'ready') return send();
        child.off('exit', ended);
        child.off('message', heard);
        resolve(message);
      };
      const send = (): void => {
        lane.isReady = true;
        const request: LaneRequest = { plan, trace: this.#options.trace ?? false };
        child.send(request);
      };
      child.once('exit', ended);
      child.on('message', heard);
      if (lane.isReady) send();
    });
    return answer;
  }
}

function died(plan: RunPlan): SimulationResult {
  return { ...noResult(plan), violations: [hasDied] };
}
