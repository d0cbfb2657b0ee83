/** Which members of one kind were registered when, under which epoch and session and from which process, by the transactions of the board. */
import type { BoardChange } from '../simulation/history.js';

interface Registration {
  readonly epoch: string;
  readonly sessionId: bigint;
  readonly pid: number;
  readonly fromMs: number;
  untilMs: number;
}

export class Registrations {
  readonly #of = new Map<string, Registration[]>();

  constructor(board: readonly Omit<BoardChange, 'order'>[], kind: 'conductors' | 'workers') {
    const folder = `/members/${kind}/`;
    for (const { zxid, sessionId, atMs, operations } of board)
      for (const operation of operations) {
        if (!operation.path.startsWith(folder)) continue;
        const known = this.#of.get(operation.path.slice(folder.length)) ?? [];
        this.#of.set(operation.path.slice(folder.length), known);
        const last = known.at(-1);
        if (operation.type === 'create') {
          const { pid } = JSON.parse(Buffer.from(operation.data).toString('utf8')) as {
            readonly pid: number;
          };
          known.push({ epoch: zxid.toString(16), sessionId, pid, fromMs: atMs, untilMs: Infinity });
        } else if (operation.type === 'delete' && last !== undefined) last.untilMs = atMs;
      }
  }

  holds(member: string, epoch: string, atMs: number): boolean {
    const found = this.#of.get(member)?.find((each) => each.epoch === epoch);
    return found !== undefined && atMs < found.untilMs;
  }

  /** Session → member, of all that ever were. */
  get sessions(): Map<bigint, string> {
    const found = new Map<bigint, string>();
    for (const [member, all] of this.#of) for (const { sessionId } of all) found.set(sessionId, member);
    return found;
  }

  /** Of the process that had this session. */
  pidOf(member: string, sessionId: bigint): number | undefined {
    return this.#of.get(member)?.find((each) => each.sessionId === sessionId)?.pid;
  }

  /** Of that process, at that moment; undefined: its session was over already. */
  epochOf(call: {
    readonly worker: string;
    readonly pid: number;
    readonly atMs: number;
  }): string | undefined {
    return this.#of
      .get(call.worker)
      ?.find(({ pid, fromMs, untilMs }) => pid === call.pid && fromMs <= call.atMs && call.atMs < untilMs)
      ?.epoch;
  }
}
