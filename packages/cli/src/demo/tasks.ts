/**
 * The tasks of the demo, loaded by its workers: a release pipeline over real files, and one small effect for the fan-out. Each can be
 * repeated: what it leaves behind depends on its arguments only, and appears in one rename. Each reverts to exactly nothing: folders
 * are removed with `rmdir`, which fails if anything was left in them.
 */
import { createHash, createHmac } from 'node:crypto';
import { mkdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Action } from '@baton/core';
import { task, type } from '@baton/flow';
import type { TaskContext } from '@baton/flow';
import { verifyRelease } from './archives.js';
import { appendLine } from './ledger.js';
import { archiveName, manifestName, signatureName, stagingOf } from './workplace.js';
import type { Manifest, ManifestFile, Workplace } from './workplace.js';

/** What every task of one job is given. */
export interface Order {
  readonly place: Workplace;
  readonly release: string;
  readonly folder: string;
  readonly files: readonly string[];
}

/** Checks the files against the plan and makes room. Provides the checksum of the list. */
export const list = task('list', {
  requires: { order: type<Order>(), pauseMs: type<number>() },
  provides: 'listing',
  execute: ({ order, pauseMs }, context) =>
    effect('execute', order.place, context, pauseMs, async () => {
      const lines = await Promise.all(
        order.files.map(async (file) => `${file} ${(await stat(join(order.folder, file))).size}\n`),
      );
      const { archives, hashes } = stagingOf(order.place, order.release);
      await mkdir(archives, { recursive: true });
      await mkdir(hashes, { recursive: true });
      return sha256(lines.join(''));
    }),
  revert: ({ order }, context) =>
    effect('revert', order.place, context, 0, async () => {
      const { folder, out, archives, hashes } = stagingOf(order.place, order.release);
      for (const emptied of [archives, out, hashes, folder]) await unlessGone(rmdir(emptied));
    }),
});

/** Notes size and checksum of one file. */
export const hash = task('hash', {
  requires: { order: type<Order>(), file: type<string>(), pauseMs: type<number>() },
  execute: ({ order, file, pauseMs }, context) =>
    effect('execute', order.place, context, pauseMs, async () => {
      const content = await readFile(join(order.folder, file));
      const line: ManifestFile = { file, bytes: content.length, sha256: sha256(content) };
      await writeWhole(hashOf(order, file), JSON.stringify(line));
    }),
  revert: ({ order, file }, context) =>
    effect('revert', order.place, context, 0, () => rm(hashOf(order, file), { force: true })),
});

/** Compresses one file. */
export const compress = task('compress', {
  requires: { order: type<Order>(), file: type<string>(), pauseMs: type<number>() },
  execute: ({ order, file, pauseMs }, context) =>
    effect('execute', order.place, context, pauseMs, async () => {
      const content = await readFile(join(order.folder, file));
      await writeWhole(archiveOf(order, file), await promisify(gzip)(content));
    }),
  revert: ({ order, file }, context) =>
    effect('revert', order.place, context, 0, () => rm(archiveOf(order, file), { force: true })),
});

/** Puts the notes of all files together. Provides the digest of the manifest. */
export const manifest = task('manifest', {
  requires: { order: type<Order>(), listing: type<string>(), pauseMs: type<number>() },
  provides: 'digest',
  execute: ({ order, listing, pauseMs }, context) =>
    effect('execute', order.place, context, pauseMs, async () => {
      const files = await Promise.all(
        order.files.map(
          async (file) => JSON.parse(await readFile(hashOf(order, file), 'utf8')) as ManifestFile,
        ),
      );
      const text = JSON.stringify(
        { release: order.release, listing, files } satisfies Manifest,
        undefined,
        2,
      );
      await writeWhole(join(stagingOf(order.place, order.release).out, manifestName), text);
      return sha256(text);
    }),
  revert: ({ order }, context) =>
    effect('revert', order.place, context, 0, () =>
      rm(join(stagingOf(order.place, order.release).out, manifestName), { force: true }),
    ),
});

/** Signs the manifest with the key of this run. Provides the signature. */
export const sign = task('sign', {
  requires: { order: type<Order>(), digest: type<string>(), pauseMs: type<number>() },
  provides: 'signature',
  execute: ({ order, digest, pauseMs }, context) =>
    effect('execute', order.place, context, pauseMs, async () => {
      const { out } = stagingOf(order.place, order.release);
      const text = await readFile(join(out, manifestName));
      if (sha256(text) !== digest)
        throw new Error(`the manifest of ${order.release} is not the one that was made`);
      const signature = createHmac('sha256', await readFile(order.place.key))
        .update(text)
        .digest('hex');
      await writeWhole(join(out, signatureName), signature);
      return signature;
    }),
  revert: ({ order }, context) =>
    effect('revert', order.place, context, 0, () =>
      rm(join(stagingOf(order.place, order.release).out, signatureName), { force: true }),
    ),
});

/** Makes the whole release visible in one rename. */
export const publish = task('publish', {
  requires: { order: type<Order>(), signature: type<string>(), pauseMs: type<number>() },
  provides: 'published',
  execute: ({ order, pauseMs }, context) =>
    effect('execute', order.place, context, pauseMs, async () => {
      const published = join(order.place.output, order.release);
      // not there: an earlier delivery has moved it
      await unlessGone(rename(stagingOf(order.place, order.release).out, published));
      return published;
    }),
  revert: ({ order }, context) =>
    effect('revert', order.place, context, 0, () =>
      unlessGone(rename(join(order.place.output, order.release), stagingOf(order.place, order.release).out)),
    ),
});

/** Reads what was published back: every archive, checksum, and the signature. Then nothing of the work is left. */
export const verify = task('verify', {
  requires: { order: type<Order>(), published: type<string>(), pauseMs: type<number>() },
  execute: ({ order, published, pauseMs }, context) =>
    effect('execute', order.place, context, pauseMs, async () => {
      const problems = await verifyRelease(published, {
        key: await readFile(order.place.key),
        files: order.files,
      });
      if (problems.length > 0) throw new Error(problems.join('; '));
      await rm(stagingOf(order.place, order.release).folder, { recursive: true, force: true });
    }),
});

/** The last word on a release: refuses it. */
export const gate = task('gate', {
  requires: { order: type<Order>(), published: type<string>(), pauseMs: type<number>() },
  execute: ({ order, pauseMs }, context) =>
    effect('execute', order.place, context, pauseMs, () => {
      throw new Error(`release ${order.release} is refused at the gate, as the demo means it to be`);
    }),
});

/** One of the 1,000: a file of its own. */
export const touch = task('touch', {
  requires: { place: type<Workplace>(), number: type<number>(), pauseMs: type<number>() },
  execute: ({ place, number, pauseMs }, context) =>
    effect('execute', place, context, pauseMs, () =>
      writeWhole(join(place.effects, String(number)), `${context.idempotencyKey}\n`),
    ),
  revert: ({ place, number }, context) =>
    effect('revert', place, context, 0, () => rm(join(place.effects, String(number)), { force: true })),
});

/** Notes beginning and end in the ledger. The pause stands for work that takes its time, so that kills meet running tasks. */
async function effect<T>(
  action: Action,
  place: Workplace,
  context: TaskContext,
  pauseMs: number,
  act: () => T | Promise<T>,
): Promise<T> {
  const { flowId, atom, requestId, delivery, idempotencyKey, worker } = context;
  const line = { action, flowId, atom, requestId, delivery, idempotencyKey, worker, pid: process.pid };
  appendLine(place.ledger, { event: 'start', ...line });
  if (pauseMs > 0) await pause(pauseMs, undefined, { signal: context.signal });
  const result = await act();
  appendLine(place.ledger, { event: 'end', ...line });
  return result;
}

/** Whole or not at all. The hidden name is the same for every delivery, so that nothing of a killed one stays. */
async function writeWhole(path: string, content: string | Uint8Array): Promise<void> {
  const hidden = join(dirname(path), `.${basename(path)}`);
  await writeFile(hidden, content);
  await rename(hidden, path);
}

async function unlessGone(action: Promise<unknown>): Promise<void> {
  await action.catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

function hashOf(order: Order, file: string): string {
  return join(stagingOf(order.place, order.release).hashes, `${encodeURIComponent(file)}.json`);
}

function archiveOf(order: Order, file: string): string {
  return join(stagingOf(order.place, order.release).archives, archiveName(file));
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
