import type { BoardChange } from '../history.js';

/** A registration of a worker: its epoch is the zxid that made its node. */
export interface WorkerEpoch {
  readonly joined: BoardChange;
  readonly left: BoardChange | undefined;
}

export function workerEpochs(board: readonly BoardChange[]): ReadonlyMap<string, WorkerEpoch> {
  const present = new Map<string, string>();
  const epochs = new Map<string, WorkerEpoch>();
  for (const change of board)
    for (const { type, path } of change.operations) {
      if (!path.startsWith('/members/workers/')) continue;
      if (type === 'create') {
        const epoch = change.zxid.toString(16);
        present.set(path, epoch);
        epochs.set(epoch, { joined: change, left: undefined });
      }
      const epoch = type === 'delete' ? present.get(path) : undefined;
      const known = epoch === undefined ? undefined : epochs.get(epoch);
      if (epoch !== undefined && known !== undefined) epochs.set(epoch, { ...known, left: change });
    }
  return epochs;
}
