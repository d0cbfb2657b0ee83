/** The tasks of the nightly example, loaded by its worker. They only read, so there is nothing to undo. */
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { task, type } from '@baton/flow';

export interface FolderSize {
  readonly folder: string;
  readonly files: number;
  readonly bytes: number;
}

export interface NightlyReport {
  readonly folders: number;
  readonly files: number;
  readonly bytes: number;
  /** Largest first. */
  readonly largest: readonly FolderSize[];
}

const largestShown = 3;

/** What lies in a folder and the folders in it; what others installed or built there is left out. */
export const measure = task('folder.measure', {
  requires: { folder: type<string>() },
  execute: async ({ folder }): Promise<FolderSize> => {
    const found = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = found.filter(
      (entry) => entry.isFile() && !/\/(node_modules|dist)(\/|$)/.test(entry.parentPath),
    );
    const sizes = await Promise.all(
      files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size),
    );
    return {
      folder: basename(folder),
      files: files.length,
      bytes: sizes.reduce((sum, size) => sum + size, 0),
    };
  },
});

/** Adds up what was measured. */
export const report = task('report.write', {
  requires: { sizes: type<readonly FolderSize[]>() },
  execute: ({ sizes }): NightlyReport => ({
    folders: sizes.length,
    files: sizes.reduce((sum, { files }) => sum + files, 0),
    bytes: sizes.reduce((sum, { bytes }) => sum + bytes, 0),
    largest: sizes.toSorted((a, b) => b.bytes - a.bytes).slice(0, largestShown),
  }),
});
