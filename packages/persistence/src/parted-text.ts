import { createHash } from 'node:crypto';
import type { StoredDocument } from '@baton/core';

/**
 * Texts that may grow beyond one document (definitions, snapshots) lie in several: part 0 under the id itself, part n under
 * `<id>:<n>`, each with the SHA-256 of the whole, so that parts of different writers never mix unnoticed.
 */
const PART_BYTES = 512 * 1024;

export const digestOf = (content: string | Uint8Array): string =>
  createHash('sha256').update(content).digest('hex');

export const partIdOf = (id: string, part: number): string => (part === 0 ? id : `${id}:${part}`);

/** The documents of a text; `fields` are repeated on each. */
export function partsOf(
  id: string,
  text: string,
  fields: Readonly<Record<string, string | number>> = {},
): readonly StoredDocument[] {
  const bytes = Buffer.from(text);
  const digest = digestOf(bytes);
  const count = Math.max(1, Math.ceil(bytes.byteLength / PART_BYTES));
  return Array.from({ length: count }, (_, part) => ({
    ...fields,
    _id: partIdOf(id, part),
    digest,
    part,
    parts: count,
    bytes: new Uint8Array(bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES)),
  }));
}

/** How many parts the text of this first part has. */
export const partCountOf = (first: StoredDocument): number =>
  typeof first['parts'] === 'number' ? first['parts'] : 1;

/** The text, or undefined when a part is missing or the whole is not what its digest says. Parts in order. */
export function joinParts(parts: readonly (StoredDocument | undefined)[]): string | undefined {
  const first = parts[0];
  if (first === undefined || partCountOf(first) !== parts.length) return undefined;
  const chunks: Uint8Array[] = [];
  for (const part of parts) {
    const bytes = part?.['bytes'];
    if (!(bytes instanceof Uint8Array)) return undefined;
    chunks.push(bytes);
  }
  const whole = Buffer.concat(chunks);
  return digestOf(whole) === first['digest'] ? whole.toString('utf8') : undefined;
}
