import { InputError } from '@baton/core';

/** ZooKeeper's rules: no empty, `.` or `..` names, no control characters, surrogates or private characters. */
const PATH = /^(\/(?!\.{1,2}(\/|$))[^/\u0000-\u001f\u007f-\u009f\ud800-\uf8ff\ufff0-\uffff]+)+$/;

/** @throws InputError `BATON_INPUT_INVALID` */
export function checkNodePath(path: string): string {
  if (path === '/' || PATH.test(path)) return path;
  throw new InputError(
    'BATON_INPUT_INVALID',
    `node path ${JSON.stringify(path)} must be / or /names separated by single slashes`,
  );
}

/** `/a` for `/a/b`, `/` for `/a`. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** `b` for `/a/b`. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** `/a`, `/a/b` for `/a/b`; nothing for `/`. */
export function ancestry(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '');
  return names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`);
}
