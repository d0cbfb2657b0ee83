/**
 * Purpose: keeps user values above the inline limit in documents of their own, by digest (E-1107).
 * States: a cache of values, bounded in bytes.
 * What is authoritative: the digest: content never changes, so copies are trusted for ever once they match it.
 * On failure: as GroupInsert and GroupGet; a payload that stays away is a NotFoundError.
 * Not here: deletion. Jobs share them, a reference may be anywhere in journals, commands, schedules and kept events, and who has one in the cache does not store
 *   it again: neither counting nor looking would make deleting one safe.
 */
import {
  InputError,
  NotFoundError,
  valueLimits,
  type DocumentStore,
  type InlineValue,
  type JsonValue,
  type PayloadRef,
  type Runtime,
  type StoredDocument,
  type Value,
} from '@baton/core';
import { BoundedCache } from './bounded-cache.js';
import { collectionNames } from './collections.js';
import { GroupGet } from './group-get.js';
import { GroupInsert } from './group-insert.js';
import { digestOf } from './parted-text.js';

const CACHE_BYTES_MAX = 32 * 1024 * 1024;
/** How long a payload that a journal refers to may stay unseen by stale reads (P-620). */
const MISSING_MS = 10_000;
const JSON_TYPE = 'application/json';
const BYTES_TYPE = 'application/octet-stream';

export interface PayloadLimits {
  readonly inlineBytesMax: number;
  readonly payloadBytesMax: number;
}

export class Payloads {
  readonly #inserts: GroupInsert;
  readonly #documents: GroupGet;
  readonly #limits: PayloadLimits;
  readonly #cache = new BoundedCache<InlineValue>(CACHE_BYTES_MAX);

  constructor(options: { store: DocumentStore; runtime: Runtime; limits?: PayloadLimits }) {
    const payloads = { ...options, collection: collectionNames.payloads };
    this.#inserts = new GroupInsert(payloads);
    this.#documents = new GroupGet(payloads);
    this.#limits = options.limits ?? valueLimits;
  }

  /**
   * The value as it belongs into a journal entry: itself up to 16 KiB encoded, above that a reference to a document that is stored when this
   * resolves. @throws InputError `BATON_INPUT_TOO_LARGE` above 512 KiB, before sending; UnavailableError
   */
  async externalise(value: InlineValue): Promise<Value> {
    const { inlineBytesMax, payloadBytesMax } = this.#limits;
    const bytes = encode(value);
    if (bytes.byteLength <= inlineBytesMax) return value;
    if (bytes.byteLength > payloadBytesMax) throw tooLarge(bytes.byteLength, payloadBytesMax);
    const digest = digestOf(bytes);
    const contentType = 'data' in value ? JSON_TYPE : BYTES_TYPE;
    const ref = { digest, sizeBytes: bytes.byteLength, contentType };
    if (this.#cache.get(keyOf(ref)) === undefined) {
      // a duplicate is the same content: the id is its digest
      await this.#inserts.insert({ _id: digest, bytes });
      this.#cache.set(keyOf(ref), value, bytes.byteLength);
    }
    return { ref };
  }

  /** The value behind a reference; inline values as they are. @throws NotFoundError `BATON_NOT_FOUND_DOCUMENT`; InputError `BATON_INPUT_MALFORMED`; UnavailableError */
  async resolve(value: Value): Promise<InlineValue> {
    if (!('ref' in value)) return value;
    const { ref } = value;
    const cached = this.#cache.get(keyOf(ref));
    if (cached !== undefined) return cached;
    const document = await this.#documents.getStored(ref.digest, MISSING_MS);
    if (document === undefined)
      throw new NotFoundError('BATON_NOT_FOUND_DOCUMENT', `payload ${ref.digest} is not in the store`);
    const resolved = decode(ref, document);
    this.#cache.set(keyOf(ref), resolved, ref.sizeBytes);
    return resolved;
  }

  close(): void {
    this.#inserts.close();
  }
}

const keyOf = (ref: PayloadRef): string => `${ref.contentType} ${ref.digest}`;

function encode(value: InlineValue): Uint8Array {
  const buffer =
    'data' in value ? Buffer.from(JSON.stringify(value.data)) : Buffer.from(value.bytes, 'base64');
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

function decode(ref: PayloadRef, document: StoredDocument): InlineValue {
  const bytes = document['bytes'];
  if (!(bytes instanceof Uint8Array) || digestOf(bytes) !== ref.digest)
    throw new InputError('BATON_INPUT_MALFORMED', `payload ${ref.digest} is not what its digest says`);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (ref.contentType === JSON_TYPE) return { data: JSON.parse(buffer.toString('utf8')) as JsonValue };
  return { bytes: buffer.toString('base64') };
}

function tooLarge(sizeBytes: number, bytesMax: number): InputError {
  return new InputError(
    'BATON_INPUT_TOO_LARGE',
    `a value has ${sizeBytes} bytes when encoded; at most ${bytesMax} are allowed: store it elsewhere and pass a reference`,
    { details: { sizeBytes, bytesMax } },
  );
}
