/**
 * Makes the evidence that the checker of the simulation reads from what a run on real services left behind: the journal from the store and when each
 * entry came there from the tap, the board and the replies from the files of ZooKeeper and Kafka, calls from the ledger. All clocks are that of one
 * machine; within one millisecond causes come before what they cause.
 */
import { compile } from '@baton/engine';
import type { NodeOperation } from '@baton/core';
import type { Evidence } from '../simulation/checker/evidence.js';
import type { Asked, BoardChange, Call, Happened, Reply } from '../simulation/history.js';
import { journalsOf } from '../support/cluster/journals.js';
import { World } from '../simulation/world-task.js';
import { topicsOf } from '@baton/transport';
import { decodeReply, decodeRequest } from '@baton/wire';
import { chroot, prefix, type ChaosCluster } from './chaos-cluster.js';
import { StoredEntries } from './stored-entries.js';
import type { Attempt } from './journal-tap.js';
import { ledgerOf, type CallLine } from './ledger.js';
import { recordsOf } from './kafka-log.js';
import { Registrations } from './registrations.js';
import type { PostedJob } from './users.js';
import { transactionsOf } from './zookeeper-log.js';

type Unordered<T extends Happened> = Omit<T, 'order'> & { order: number };

/** What the checker has to allow for, as the simulation calls it: anybody may be slow at any moment. Takes P-803 out (answer-rules.ts). */
const slowing: ReadonlySet<string> = new Set(['pause worker', 'log slow']);

/** From the stamp of a record to the moment from which readers see it. */
const appendMsMax = 100;

export interface Gathered {
  readonly evidence: Evidence;
  readonly attempts: readonly Attempt[];
  /** Calls of user code that were begun, and effects: calls that went well. */
  readonly lines: readonly CallLine[];
  /** What cannot be judged, because a piece of evidence is not there. */
  readonly gaps: readonly string[];
}

export async function gather(cluster: ChaosCluster, jobs: readonly PostedJob[]): Promise<Gathered> {
  const { attempts } = cluster.tap;
  const ids = jobs.map(({ job }) => job.jobId);
  const journals = await journalsOf(ids, cluster);
  const timed = new StoredEntries(attempts);
  const entries = journals.map((journal) => timed.of(journal));
  const board = boardOf(cluster.zookeeperFolders);
  const registrations = new Registrations(board, 'workers');
  const ledger = ledgerOf(cluster.ledgerFile);
  const lines = ledger.filter((line) => line.phase !== 'odd').sort((a, b) => a.atMs - b.atMs);
  const calls = callsOf(lines, registrations);
  const replies = repliesOf(cluster, registrations);
  const asked = recordsOf(cluster.kafkaFolder, topicsOf(prefix).request).map(
    ({ partition, atMs, value }): Unordered<Asked> => ({
      order: 0,
      atMs,
      partition,
      message: decodeRequest(value).message,
    }),
  );
  const acknowledged = jobs.flatMap(({ job: { jobId }, acknowledgedAtMs: atMs }) =>
    atMs === undefined ? [] : [{ order: 0, atMs, jobId }],
  );
  putInOrder([replies, asked, entries.flat(), board, calls, acknowledged]);
  const world = new World();
  for (const line of lines) if (line.phase === 'end') world.take(line);
  for (const line of ledger) if (line.phase === 'odd') world.oddities.push(line.what);
  return {
    attempts,
    lines,
    gaps: timed.gaps,
    evidence: {
      history: {
        board,
        asked,
        replies,
        calls,
        // when a worker reads what it is told is seen by nobody
        told: new Map(),
        acknowledged: new Map(acknowledged.map((each) => [each.jobId, each])),
        // a member is who comes by its links
        sessions: new Registrations(board, 'conductors').sessions,
      },
      world,
      // an answer about the time tells it to within 50 ms; timers of Node and the times of the tap are whole ms
      clocks: { startMs: 0, slackMs: 103, drift: 1 },
      struck: slowing,
      jobs: jobs.map(({ job, told }, index) => ({
        job,
        compiled: compile(job.definition),
        entries: entries[index] ?? [],
        told: told?.outcome,
      })),
    },
  };
}

/** With the versions that deletes found: a log of transactions does not say what they asked for. */
function boardOf(folders: readonly string[]): Unordered<BoardChange>[] {
  const versions = new Map<string, number>();
  const seen = (operation: NodeOperation): NodeOperation => {
    const path = operation.path.slice(chroot.length);
    if (operation.type === 'delete') return { type: 'delete', path, version: versions.get(path) ?? 0 };
    versions.set(path, operation.type === 'set' ? (operation.version ?? -1) + 1 : 0);
    return { ...operation, path };
  };
  return transactionsOf(folders).flatMap(({ operations, ...common }) => {
    const own = operations.filter(({ path }) => path.startsWith(`${chroot}/`)).map(seen);
    return own.length === 0 ? [] : [{ order: 0, ...common, operations: own }];
  });
}

function repliesOf({ kafkaFolder }: ChaosCluster, registrations: Registrations): Unordered<Reply>[] {
  return recordsOf(kafkaFolder, topicsOf(prefix).reply).map(({ partition, atMs, value }) => {
    const { message } = decodeReply(value);
    const { worker, workerEpoch } = message;
    const isRegistered = registrations.holds(worker, workerEpoch, atMs + appendMsMax);
    return { order: 0, atMs, partition, message, isRegistered };
  });
}

function callsOf(lines: readonly CallLine[], registrations: Registrations): Unordered<Call>[] {
  const calls: Unordered<Call>[] = [];
  const open = new Map<string, Unordered<Call>>();
  for (const line of lines) {
    const { atMs, action, flowId, atom, key, requestId, delivery, worker, pid } = line;
    const id = `${requestId} ${delivery} ${pid}`;
    if (line.phase !== 'start') {
      const call = open.get(id);
      if (call) call.ended = { order: 0, atMs, failed: line.phase === 'fail' };
      continue;
    }
    const { round = 0, attempt = 0 } = line;
    const epoch = registrations.epochOf({ worker, pid, atMs });
    const process = `${worker} ${pid}`;
    const common = { flowId, atom, action, round, attempt, key, requestId, delivery, process, epoch };
    const call: Unordered<Call> = { order: 0, atMs, ...common, ended: undefined };
    calls.push(call);
    open.set(id, call);
  }
  return calls;
}

/** `kinds`: within one millisecond those of the first come first. Each of them is sorted in place, by time. */
function putInOrder(kinds: readonly (readonly { readonly atMs: number; order: number }[])[]): void {
  const all = kinds.flatMap((items, rank) => items.map((item, index) => ({ item, rank, index })));
  all.sort((a, b) => a.item.atMs - b.item.atMs || a.rank - b.rank || a.index - b.index);
  for (const [order, { item }] of all.entries()) item.order = order;
}
