/** What users give to their tasks goes through the services, and into no log (I19). */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const mark = 'pin-of-';
const beforeMax = 120;

/** A value that nobody but the tasks of this job should meet again. */
export function pinOf(jobId: string): string {
  return `${mark}${jobId}-${'0123456789'.repeat(2)}`;
}

/** Where one stands in the logs of members; `folder` holds nothing else. */
export function exposedIn(folder: string): string[] {
  return readdirSync(folder).flatMap((file) =>
    readFileSync(join(folder, file), 'utf8')
      .split('\n')
      .flatMap((line) => {
        const at = line.indexOf(mark);
        return at < 0 ? [] : [`value of a user in ${file}: ${line.slice(Math.max(0, at - beforeMax), at)}…`];
      }),
  );
}
