/**
 * Purpose: child runs of owned flows as jobs of their own (C-1206), which any conductor may claim: posts and cancels them for their parents,
 *   and tells a parent how its child ended.
 * States of a child, in this order: its start is in the parent's journal → it is posted under the id that follows from the request → its
 *   terminal entry is stored → that is a command of its parent → its job leaves the board.
 * What is authoritative: the two journals. Each step is repeated by the next owner of the parent, up to the post, or of the child, from then
 *   on; repeating one changes nothing.
 * On failure: a store or board that is away is the caller's; what can never be posted fails its activation.
 * Not here: what a child is given and what becomes of its end (@baton/engine).
 */
import {
  type Argument,
  atomNameOf,
  codeOf,
  familyOf,
  InputError,
  type Lineage,
  type Runtime,
  toFailure,
  type Value,
} from '@baton/core';
import {
  type CancelChildCommand,
  type ChildEnd,
  childFailure,
  hasBegun,
  openChildrenOf,
  type Outcome,
  type OrderChildCommand,
  partOf,
  resultsOfAny,
  type RevertChildCommand,
  type StartChildCommand,
} from '@baton/engine';
import { canonicalFlowJson, decodeUserValue, encodeUserValue } from '@baton/flow';
import { type Claim, type JobBoard, type Posting, postingVersion, postingWith } from '@baton/jobboard';
import { type JobPost, type OperatorCommand, type Persistence, placeJob, putBack } from '@baton/persistence';
import { limits } from './options.js';
import type { CommandWatch } from './command-watch.js';
import type { JobRunner } from './job-runner.js';
import type { FlowChange, OwnedState } from './owned-state.js';
import { Turnstile } from './turnstile.js';

type Store = Pick<
  Persistence,
  'commands' | 'definitions' | 'jobs' | 'journal' | 'notifications' | 'payloads'
>;

export type ChildCommand = StartChildCommand | CancelChildCommand | OrderChildCommand | RevertChildCommand;

/** What a parent is told of a child that goes on or does not; `order`: the last of the parent's that it obeyed. */
export interface ChildChange extends FlowChange {
  readonly order: number;
}

/** A run that is over, and is about to leave the board. */
export interface EndedRun {
  readonly claim: Pick<Claim, 'jobId' | 'posting'>;
  /** Of this end: the same whoever tells it, another when the run has gone on and ended again, be it in one life on the board. */
  readonly key: string;
  readonly end: Pick<ChildEnd, 'outcome' | 'failures'>;
  /** As its journal tells it; undefined when nobody can read it. */
  readonly state: Pick<OwnedState, 'run' | 'cancelled' | 'undo'> | undefined;
}

export class ChildJobs {
  readonly #owner: { readonly runtime: Runtime; readonly board: JobBoard };
  readonly #store: Store;
  readonly #turnstile = new Turnstile(limits.childPostsMax);
  /** By child: what it is being told. */
  readonly #last = new Map<string, Promise<void>>();

  readonly #kept = new WeakMap<StartChildCommand['definition'], Promise<string>>();
  readonly #owned: ReadonlyMap<string, JobRunner>;
  readonly #commands: CommandWatch;

  /** `owned`: jobs whose commands are looked for here. */
  constructor(
    owner: { readonly runtime: Runtime; readonly board: JobBoard },
    store: Store,
    owned: ReadonlyMap<string, JobRunner>,
    commands: CommandWatch,
  ) {
    this.#owner = owner;
    this.#store = store;
    this.#owned = owned;
    this.#commands = commands;
  }

  /**
   * Carries out what a turn of the parent asked for, once that is stored. Gives what is known by that: why a child can never be started, what became of
   * undoing. @throws UnavailableError
   */
  async carryOut(command: ChildCommand, parent: Posting): Promise<Outcome | undefined> {
    return this.#inTurn(command.flowId, async () => {
      if (command.type === 'revertChild') return this.#undo(command);
      if (command.type === 'cancelChild') return void (await this.#cancel(command));
      if (command.type !== 'startChild') return void (await this.#order(command));
      try {
        await this.#start(command, parent);
      } catch (error) {
        const isFull = codeOf(error) === 'BATON_UNAVAILABLE_BOARD_FULL';
        if (familyOf(error) === 'unavailable' && !isFull) throw error;
        return { failure: { ...toFailure(error), code: 'CHILD_NOT_STARTED', retryable: isFull } };
      }
      return undefined;
    });
  }

  /** What is to be stored elsewhere before an ended run leaves the board: nobody looks at it afterwards. @throws UnavailableError */
  async settle(ended: EndedRun): Promise<void> {
    const { state, claim } = ended;
    const open = state === undefined ? [] : openChildrenOf(state.run);
    await Promise.all(open.map((child) => this.#inTurn(child.flowId, () => this.#cancel(child))));
    const { lineage } = claim.posting;
    if (lineage) await this.#tell(lineage, ended);
  }

  /** A child run was suspended, or goes on: so does its parent (C-1303). @throws UnavailableError */
  async changed({ parentId, requestId }: Lineage, { state, seq, order }: ChildChange): Promise<void> {
    const command = { command: 'child-changed', arguments: { requestId, state, order } };
    await this.#give(parentId, command, `child ${requestId} ${seq}`);
  }

  /** What one child is told, in order. */
  async #inTurn<T>(flowId: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(flowId) ?? Promise.resolve();
    const done = before.then(() => this.#turnstile.pass(work));
    const settled = done.then(ignore, ignore);
    this.#last.set(flowId, settled);
    try {
      return await done;
    } finally {
      if (this.#last.get(flowId) === settled) this.#last.delete(flowId);
    }
  }

  async #order({ type, flowId, requestId, order, isShared, env }: OrderChildCommand): Promise<void> {
    if ((await this.#isOver(flowId)) || (await this.#isOther(flowId, requestId))) return;
    await this.#give(flowId, {
      command: type === 'suspendChild' ? 'suspend' : 'resume',
      arguments: { order, ...(isShared && { isShared }), ...(env && { env }) },
    });
  }

  /** Undone at its parent's word, it says so when it has ended; one that never came to be has nothing to undo. */
  async #undo({ flowId, childRequestId, attempt }: RevertChildCommand): Promise<Outcome | undefined> {
    const { board, runtime } = this.#owner;
    const { commands, jobs, journal } = this.#store;
    const record = await jobs.getStored(flowId);
    const isThere = record && (record.state !== 'POSTING' || (await journal.head(flowId)) !== undefined);
    // it could not be started because another poster's job has its id
    if (!isThere || record.contentHash !== contentOf(childRequestId)) return {};
    const given = { order: attempt, ...(attempt > 1 && { again: true }) };
    const command = { command: 'revert', arguments: given, reason: 'its parent is undone' };
    await commands.append(flowId, command, `undo ${attempt}`);
    // whoever finishes its post puts it on the board
    if (record.state === 'POSTING') await board.announce(flowId);
    else {
      await jobs.markReopening(record);
      const services = { board, persistence: { commands, jobs, journal }, clock: runtime.clock };
      await putBack(services, record).catch((error: unknown) => {
        // whoever finishes posts tells of one whose journal is damaged, and takes up one that leaves the board late
        const isLate = codeOf(error) === 'BATON_UNAVAILABLE_DEADLINE';
        if (familyOf(error) === 'unavailable' && !isLate) throw error;
      });
    }
    return undefined;
  }

  /** Another poster's job has the id: it is no child of anybody. */
  async #isOther(flowId: string, childRequestId: string): Promise<boolean> {
    const record = await this.#store.jobs.get(flowId);
    return record !== undefined && record.contentHash !== contentOf(childRequestId);
  }

  async #isOver(jobId: string): Promise<boolean> {
    return (await this.#store.journal.head(jobId))?.entry.kind === 'terminal';
  }

  async #start(
    { flowId: jobId, definition, args, env, lineage, isAgain }: StartChildCommand,
    parent: Posting,
  ): Promise<void> {
    const { board, runtime } = this.#owner;
    const persistence = this.#store;
    if (isAgain && (await persistence.jobs.get(jobId))?.state === 'POSTED') return;
    await board.admit(jobId, { isChild: true });
    const [definitionHash, store] = await Promise.all([this.#keep(definition), this.#storeOf(args)]);
    const { name } = definition.root;
    const posting: Posting = {
      ...{ name, definitionHash, lineage, tags: {}, protocolVersion: postingVersion },
      ...{ priority: parent.priority, namespace: parent.namespace, board: board.name },
      createdAtMs: runtime.clock.wallMs(),
    };
    const post: JobPost = {
      jobId,
      definitionHash,
      contentHash: contentOf(lineage.requestId),
      posting: JSON.stringify(postingWith(posting, { store, env })),
      postedAtMs: posting.createdAtMs,
      rootId: lineage.rootId,
    };
    const { record } = await persistence.jobs.insertOrFind(post);
    await placeJob(persistence, { record, store, env }, ({ posting: standing }) =>
      board.post(jobId, JSON.parse(standing) as Posting),
    );
  }

  /** Gives its hash; once for all children of one fan-out. */
  #keep(definition: StartChildCommand['definition']): Promise<string> {
    const kept = this.#kept.get(definition) ?? this.#store.definitions.put(canonicalFlowJson(definition));
    this.#kept.set(definition, kept);
    kept.catch(() => this.#kept.delete(definition));
    return kept;
  }

  async #storeOf(args: Readonly<Record<string, Argument>>): Promise<Readonly<Record<string, Value>>> {
    const { payloads } = this.#store;
    const given = Object.entries(args).map(async ([name, { value, path }]) => {
      if (path === undefined) return [name, value] as const;
      const whole = await payloads.resolve(value);
      const part = 'data' in whole ? { data: partOf(whole.data, path) ?? null } : whole;
      return [name, await payloads.externalise(part)] as const;
    });
    return Object.fromEntries(await Promise.all(given));
  }

  /** Also where there is no such child: whoever starts it late, a former owner of the parent, starts one that is cancelled. */
  async #cancel({ flowId, requestId, revert }: CancelChildCommand): Promise<void> {
    if ((await this.#isOver(flowId)) || (await this.#isOther(flowId, requestId))) return;
    const command = { command: 'cancel', arguments: { revert }, reason: 'its parent waits no more' };
    await this.#give(flowId, command, 'its parent waits no more');
  }

  async #tell({ parentId, requestId }: Lineage, ended: EndedRun): Promise<void> {
    const outcome = await this.#outcomeFor(requestId, ended);
    const told = { command: 'child-settled', arguments: { requestId, ...outcome } };
    const command = JSON.parse(JSON.stringify(told)) as OperatorCommand;
    await this.#give(parentId, command, `child ${requestId} ${ended.key}`);
  }

  async #outcomeFor(
    requestId: string,
    { claim: { jobId: flowId, posting }, end, state }: EndedRun,
  ): Promise<Readonly<Record<string, unknown>>> {
    const { outcome } = end;
    const { run, cancelled: isCancelled = false, undo = 0 } = state ?? {};
    const child = { atom: atomNameOf(requestId), flowId, name: posting.name };
    if (undo > 0) {
      // one that was cancelled before it began, or is left as it is: an ordered run that was cancelled is not undone later (E-1323)
      const isUndone = outcome === 'REVERTED' || (outcome === 'CANCELLED' && !(run && hasBegun(run)));
      return { undo, ...(!isUndone && { failure: childFailure(child, end, 'revert') }) };
    }
    if (outcome === 'CANCELLED' || (outcome === 'REVERTED' && isCancelled)) return { cancelled: true };
    const failed = (why: ChildEnd) => ({ failure: childFailure(child, why) });
    if (outcome !== 'SUCCESS' || run === undefined) return failed(end);
    try {
      return { value: await this.#outputOf(run) };
    } catch (error) {
      // too large for one value, or of a record that is not whole
      if (!['input', 'not-found'].includes(familyOf(error) ?? '')) throw error;
      return failed({ outcome: 'FAILURE', failures: [toFailure(error)] });
    }
  }

  /** One map, as the result of a task would be kept. @throws InputError when it cannot be */
  async #outputOf(run: OwnedState['run']): Promise<Value> {
    const { payloads } = this.#store;
    const output = Object.entries(resultsOfAny(run, (argument) => argument)).map(
      async ([name, { value, path }]) => {
        const whole = await payloads.resolve(value);
        const part =
          path !== undefined && 'data' in whole ? { data: partOf(whole.data, path) ?? null } : whole;
        return [name, decodeUserValue(part)] as const;
      },
    );
    const encoded = encodeUserValue(Object.fromEntries(await Promise.all(output)), 'output');
    if ('problem' in encoded) throw new InputError('BATON_INPUT_INVALID', encoded.problem);
    return payloads.externalise(encoded.value);
  }

  /** Under a key it is stored once; whoever repeats it may say it otherwise. */
  async #give(jobId: string, command: OperatorCommand, key?: string): Promise<void> {
    try {
      await this.#store.commands.append(jobId, command, key);
    } catch (error) {
      if (codeOf(error) !== 'BATON_CONFLICT_KEY_REUSED') throw error;
    }
    const runner = this.#owned.get(jobId);
    await (runner ? this.#commands.look([runner]) : this.#owner.board.announce(jobId));
  }
}

/** The id alone says all that a child is about; a job of another poster has another text there. */
function contentOf(childRequestId: string): string {
  return `child ${childRequestId}`;
}

/** Of an end that is in its journal. */
export function endKey(seq: number): string {
  return `ended ${seq}`;
}

function ignore(): void {
  // told to who waits for it
}
