/** Which real files the demo releases. Reads only; nothing is ever written beside them. */
import { readdir, stat } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { InputError } from '@baton/core';

/** A folder's files that one release pipeline packs. */
export interface Source {
  /** Name of the release, fit for a file name. */
  readonly name: string;
  /** Absolute. */
  readonly folder: string;
  /** Relative to `folder`, with `/`, in order. */
  readonly files: readonly string[];
  /** How many there were before the list was cut to `filesPerRelease`. */
  readonly found: number;
}

const skippedFolders = new Set(['node_modules', 'dist', 'coverage']);
const filesLookedAtMax = 20_000;
const fileBytesMax = 1024 * 1024;

/**
 * `count` sources below a folder: its subfolders with the most files where there are enough, else even parts of all of its files.
 * @throws InputError `BATON_INPUT_INVALID` when the folder is not there or holds no file.
 */
export async function chooseSources(
  given: string,
  { count, filesPerRelease }: { readonly count: number; readonly filesPerRelease: number },
): Promise<readonly Source[]> {
  const folder = resolve(given);
  const files = await filesBelow(folder);
  if (files.length === 0)
    throw new InputError('BATON_INPUT_INVALID', `${folder} holds no file to release; give another --folder`);
  const groups = new Map<string, string[]>();
  for (const file of files.filter((path) => path.includes('/'))) {
    const subfolder = file.slice(0, file.indexOf('/'));
    groups.set(subfolder, [...(groups.get(subfolder) ?? []), file]);
  }
  const largest = [...groups]
    .filter(([, members]) => members.length > 1)
    .sort(([, a], [, b]) => b.length - a.length);
  if (largest.length >= count)
    return largest.slice(0, count).map(([name, members]) => ({
      name: name.replace(/[^A-Za-z0-9_-]/g, '-'),
      folder: join(folder, name),
      files: members.slice(0, filesPerRelease).map((file) => file.slice(name.length + 1)),
      found: members.length,
    }));
  return Array.from({ length: count }, (_, part) => {
    const members = files.length < count ? files : files.filter((_file, index) => index % count === part);
    return {
      name: `part-${part + 1}`,
      folder,
      files: members.slice(0, filesPerRelease),
      found: members.length,
    };
  });
}

/** Relative paths of the files below a folder, sorted; without hidden ones, links, large ones, and what builds and installs make. */
export async function filesBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  const waiting = [folder];
  for (let at = waiting.pop(); at !== undefined && found.length < filesLookedAtMax; at = waiting.pop())
    for (const entry of await entriesOf(at)) {
      const path = join(at, entry.name);
      if (entry.name.startsWith('.')) continue;
      if (entry.isDirectory() && !skippedFolders.has(entry.name)) waiting.push(path);
      if (entry.isFile() && (await stat(path)).size <= fileBytesMax)
        found.push(relative(folder, path).split(sep).join('/'));
    }
  return found.sort();
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : 'cannot be read';
    throw new InputError('BATON_INPUT_INVALID', `folder ${folder} ${why}`, { cause });
  }
}
