import { InputError, type NodeOperation } from '@baton/core';

/** A watch sees data and existence of the node itself, or its set of children. */
export type WatchKind = 'data' | 'children';

/** What a session can ask of the service. Paths are absolute in the whole tree. */
export type CoordinationRequest =
  | { readonly type: 'write'; readonly operation: WriteName; readonly operations: readonly NodeOperation[] }
  | {
      readonly type: 'read';
      readonly operation: 'get' | 'exists' | 'children';
      readonly path: string;
      readonly kind: WatchKind;
      readonly watched: boolean;
    }
  | { readonly type: 'barrier'; readonly operation: 'barrier' }
  | { readonly type: 'close'; readonly operation: 'close' };

export type WriteName = 'create' | 'set' | 'delete' | 'multi';
export type CoordinationOperation = CoordinationRequest['operation'];

/**
 * `lose-request`: never applied, outcome unknown. `lose-reply`: applied, outcome unknown. `land-late`: outcome unknown, applied
 * after `delayMs`, at the latest before the session's next write or barrier; never when the session ends before. All three
 * cut the connection, as they do in reality. `refuse`: not applied, the service says so.
 */
export type CoordinationFault = 'lose-request' | 'lose-reply' | 'land-late' | 'refuse';

/** One watch per kind and path, however many watchers wait for it. */
export function watchKey({ kind, path }: { readonly kind: WatchKind; readonly path: string }): string {
  return `${kind} ${path}`;
}

/** Only `exists` can watch a node that is not there. */
export function setsWatch(
  request: { readonly operation: CoordinationOperation },
  node: object | undefined,
): boolean {
  return node !== undefined || request.operation === 'exists';
}

/** Below ZooKeeper's packet limit of 1,048,575 bytes, overhead included. */
const REQUEST_BYTES_MAX = 1_000_000;
const OPERATION_OVERHEAD_BYTES = 64;

const PATH = /^\/$|^(\/(?!\.{1,2}(\/|$))[^/\u0000-\u001f\u007f-\u009f\ud800-\uf8ff\ufff0-\uffff]+)+$/;

/** @throws InputError `BATON_INPUT_INVALID` for a path the service would refuse. */
export function checkNodePath(path: string): void {
  if (!PATH.test(path))
    throw new InputError('BATON_INPUT_INVALID', `node path ${JSON.stringify(path)} is not a valid path`);
}

/** @throws InputError for a bad path, for removing the root, or for more bytes than one request may have. */
export function checkOperations(operations: readonly NodeOperation[]): void {
  let sizeBytes = 0;
  for (const operation of operations) {
    checkNodePath(operation.path);
    if (operation.type === 'delete' && operation.path === '/')
      throw new InputError('BATON_INPUT_INVALID', 'the root node cannot be deleted');
    sizeBytes += OPERATION_OVERHEAD_BYTES + new TextEncoder().encode(operation.path).length;
    if ('data' in operation) sizeBytes += operation.data.length;
  }
  if (sizeBytes > REQUEST_BYTES_MAX)
    throw new InputError(
      'BATON_INPUT_TOO_LARGE',
      `request of ${sizeBytes} bytes for ${operations[0]?.path} is larger than ${REQUEST_BYTES_MAX}`,
      { details: { sizeBytes, maxBytes: REQUEST_BYTES_MAX } },
    );
}
