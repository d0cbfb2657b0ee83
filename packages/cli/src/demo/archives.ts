/** Whether a published release is whole: from disk alone, trusting nothing that a task said. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { archiveName, manifestName, signatureName } from './workplace.js';
import type { Manifest } from './workplace.js';

/** What is wrong with it, nothing when it is whole: signature, files, and the content of every archive. */
export async function verifyRelease(
  published: string,
  expected: { readonly key: Uint8Array; readonly files: readonly string[] },
): Promise<readonly string[]> {
  try {
    const text = await readFile(join(published, manifestName));
    const signature = Buffer.from(await readFile(join(published, signatureName), 'utf8'), 'hex');
    const own = createHmac('sha256', expected.key).update(text).digest();
    if (signature.length !== own.length || !timingSafeEqual(signature, own))
      return [`${published}: the signature does not belong to the manifest`];
    return await compare(published, JSON.parse(text.toString('utf8')) as Manifest, expected.files);
  } catch (error) {
    return [`${published}: ${(error as Error).message}`];
  }
}

async function compare(
  published: string,
  manifest: Manifest,
  expected: readonly string[],
): Promise<readonly string[]> {
  const problems: string[] = [];
  const listed = manifest.files.map(({ file }) => file).sort();
  if (listed.join('\n') !== [...expected].sort().join('\n'))
    problems.push(`${published}: the manifest names other files`);
  const present = (await readdir(join(published, 'archives'))).sort();
  const named = listed.map(archiveName).sort();
  if (present.join('\n') !== named.join('\n'))
    problems.push(`${published}: ${present.length} archives, but ${named.length} files in the manifest`);
  for (const { file, sha256, bytes } of manifest.files) {
    const content = await promisify(gunzip)(await readFile(join(published, 'archives', archiveName(file))));
    const digest = createHash('sha256').update(content).digest('hex');
    if (digest !== sha256 || content.length !== bytes)
      problems.push(`${published}: ${file} is not what was hashed`);
  }
  return problems;
}
