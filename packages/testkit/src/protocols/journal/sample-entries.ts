import type { ClaimEntry, Fact, Fence, PostEntry, TerminalEntry, TurnEntry } from '@baton/core';
import { noFence } from '@baton/core';

/** A fence of generation 0. */
export const fenceOf = (zxid: number): Fence => ({ generation: 0, zxid: BigInt(zxid) });

interface Place {
  readonly flowId: string;
  readonly seq: number;
  readonly fence: Fence;
  /** By default made of the place and the fence, so that repeating gives the same. */
  readonly opId?: string;
  readonly facts?: readonly Fact[];
}

const common = ({ flowId, seq, fence, opId, facts = [] }: Place) => ({
  flowId,
  seq,
  fence,
  opId: opId ?? `${flowId}/${seq}/${fence.zxid}`,
  atMs: 1_800_000_000_000 + seq,
  facts,
});

export function postEntry(flowId: string, store: PostEntry['post']['store'] = {}): PostEntry {
  const post = { name: 'sample', definitionHash: 'd'.repeat(64), store };
  return { ...common({ flowId, seq: 0, fence: noFence }), kind: 'post', post };
}

export function claimEntry(place: Place, member = `member-${place.fence.zxid}`): ClaimEntry {
  const claim = { member, life: 0, replyPartition: 3, replyFrom: 17, claims: 1 };
  return { ...common(place), kind: 'claim', claim };
}

export function turnEntry(place: Place): TurnEntry {
  return { ...common(place), kind: 'turn' };
}

export function terminalEntry(place: Place, outcome: TerminalEntry['outcome'] = 'SUCCESS'): TerminalEntry {
  return { ...common(place), kind: 'terminal', outcome };
}

/** An atom that went through with a value. */
export function succeeded(atom: string, data: string | number = 'done'): Fact {
  return { fact: 'atom', atom, from: 'RUNNING', to: 'SUCCESS', value: { data } };
}
