import type { StoredDocument } from '@baton/core';
import { isOutcome, type FlowDetail } from './flow-view.js';

type Folded = Pick<FlowDetail, 'name' | 'counts' | 'failures' | 'delegates'>;

/** What tools may filter by stands in fields of its own; what holds user text is one JSON text. */
export function encodeFlowDetail(detail: FlowDetail): StoredDocument {
  const { name, counts, failures, delegates } = detail;
  return {
    _id: detail.flowId,
    definitionHash: detail.definitionHash,
    state: detail.state,
    outcome: detail.outcome ?? null,
    owner: detail.owner ?? null,
    fence: detail.fence,
    seq: detail.seq,
    claims: detail.claims,
    postedAt: detail.postedAtMs ?? null,
    waitsFor: delegates ? 'delegate' : null,
    updatedAt: detail.updatedAtMs,
    body: JSON.stringify({ name, counts, failures, ...(delegates && { delegates }) } satisfies Folded),
  };
}

export function decodeFlowDetail(document: StoredDocument): FlowDetail {
  const { owner, outcome, postedAt } = document;
  return {
    ...(JSON.parse(String(document['body'])) as Folded),
    flowId: document._id,
    definitionHash: String(document['definitionHash']),
    state: String(document['state']) as FlowDetail['state'],
    fence: String(document['fence']),
    seq: Number(document['seq']),
    claims: Number(document['claims']),
    updatedAtMs: Number(document['updatedAt']),
    ...(typeof owner === 'string' ? { owner } : {}),
    ...(typeof outcome === 'string' && isOutcome(outcome) ? { outcome } : {}),
    ...(typeof postedAt === 'number' ? { postedAtMs: postedAt } : {}),
  };
}
