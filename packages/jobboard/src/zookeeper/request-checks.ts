/** What ZooKeeper would answer by cutting the connection, or not at all, is refused on our side (P-303). */
import { InputError, type NodeOperation } from '@baton/core';

/** Below ZooKeeper's jute.maxbuffer, 1 MiB less one. */
const requestBytesMax = 1_000_000;
const operationBytes = 64;

/** What ZooKeeper takes for a path: no `.` or `..`, no control characters, surrogates or private letters. */
const pathShape = /^\/$|^(\/(?!\.{1,2}(\/|$))[^/\u0000-\u001f\u007f-\u009f\ud800-\uf8ff\ufff0-\uffff]+)+$/;

/** @throws InputError `BATON_INPUT_INVALID` */
export function checkPath(path: string): void {
  if (!pathShape.test(path))
    throw new InputError('BATON_INPUT_INVALID', `${JSON.stringify(path)} is not the path of a node`);
}

/** @throws InputError `BATON_INPUT_INVALID` for a path, `BATON_INPUT_TOO_LARGE` for all of it. */
export function checkOperations(operations: readonly NodeOperation[]): void {
  let size = 0;
  for (const { type, path, ...rest } of operations) {
    checkPath(path);
    if (type === 'delete' && path === '/')
      throw new InputError('BATON_INPUT_INVALID', 'the root cannot be deleted from below');
    size += operationBytes + Buffer.byteLength(path) + ('data' in rest ? rest.data.length : 0);
  }
  if (size > requestBytesMax)
    throw new InputError(
      'BATON_INPUT_TOO_LARGE',
      `${operations[0]?.path ?? ''}: a request of ${size} bytes, ZooKeeper takes ${requestBytesMax}`,
      { details: { size, requestBytesMax } },
    );
}
