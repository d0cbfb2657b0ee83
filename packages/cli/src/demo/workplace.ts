/** Where things are in the demo's temporary folder; every process of the demo computes the same. */
import { join } from 'node:path';

export interface Workplace {
  /** Effects as they happened (ledger.ts). */
  readonly ledger: string;
  /** Releases under way, one folder each. */
  readonly work: string;
  /** Published releases, one folder each. */
  readonly output: string;
  /** One small file per atom of the fan-out. */
  readonly effects: string;
  /** The key manifests are signed with, made for this run. */
  readonly key: string;
}

export function workplaceIn(folder: string): Workplace {
  return {
    ledger: join(folder, 'ledger.jsonl'),
    work: join(folder, 'work'),
    output: join(folder, 'output'),
    effects: join(folder, 'effects'),
    key: join(folder, 'signing-key'),
  };
}

/** What a release under way consists of. `out` becomes the published folder in one rename. */
export function stagingOf({ work }: Workplace, release: string) {
  const folder = join(work, release);
  const out = join(folder, 'out');
  return { folder, out, archives: join(out, 'archives'), hashes: join(folder, 'hashes') };
}

export const manifestName = 'manifest.json';
export const signatureName = 'manifest.sig';

/** The name of a file's archive: flat, and different for different paths. */
export function archiveName(file: string): string {
  return `${encodeURIComponent(file)}.gz`;
}

export interface Manifest {
  readonly release: string;
  /** SHA-256 of the list of files. */
  readonly listing: string;
  readonly files: readonly ManifestFile[];
}

export interface ManifestFile {
  readonly file: string;
  readonly bytes: number;
  /** SHA-256 of the content, hexadecimal. */
  readonly sha256: string;
}
