import { createHash, createHmac } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { verifyRelease } from './archives.js';
import { chooseSources } from './source-files.js';
import { archiveName, manifestName, signatureName } from './workplace.js';

const key = Buffer.from('key');
const files = ['a.txt', 'deep/b.txt'];
const contentOf = (file: string): string => `content of ${file}`;

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'archives-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a published release', () => {
  beforeEach(() => {
    mkdirSync(join(folder, 'archives'));
    for (const file of files) writeFileSync(archiveOf(file), gzipSync(contentOf(file)));
    const lines = files.map((file) => ({
      file,
      bytes: contentOf(file).length,
      sha256: createHash('sha256').update(contentOf(file)).digest('hex'),
    }));
    const text = JSON.stringify({ release: 'r', listing: '', files: lines });
    writeFileSync(join(folder, manifestName), text);
    writeFileSync(join(folder, signatureName), createHmac('sha256', key).update(text).digest('hex'));
  });

  const archiveOf = (file: string): string => join(folder, 'archives', archiveName(file));

  it('is found whole', async () => {
    expect(await verifyRelease(folder, { key, files })).toEqual([]);
  });

  it.each([
    [
      'another content',
      () => writeFileSync(archiveOf('a.txt'), gzipSync('other')),
      /a\.txt is not what was hashed/,
    ],
    ['an archive that is none', () => writeFileSync(archiveOf('a.txt'), 'no gzip'), /incorrect header/],
    ['a missing archive', () => rmSync(archiveOf('a.txt')), /ENOENT.*a\.txt\.gz/],
    ['an archive too many', () => writeFileSync(archiveOf('c.txt'), gzipSync('')), /3 archives, but 2 files/],
    [
      'another manifest',
      () => writeFileSync(join(folder, manifestName), '{"files":[]}'),
      /signature does not belong/,
    ],
    ['no manifest', () => rmSync(join(folder, manifestName)), /ENOENT/],
  ])('with %s is not', async (_, tamper, problem) => {
    tamper();
    expect((await verifyRelease(folder, { key, files }))[0]).toMatch(problem);
  });

  it('of other files, or signed with another key, is not', async () => {
    expect((await verifyRelease(folder, { key, files: ['a.txt'] }))[0]).toMatch(/names other files/);
    expect((await verifyRelease(folder, { key: Buffer.from('x'), files }))[0]).toMatch(/signature/);
  });
});

describe('the files that are released', () => {
  const write = (path: string): void => {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), path);
  };

  it('are those of the largest subfolders, cut to a number, without what is built or hidden', async () => {
    for (const path of [
      'big/1',
      'big/2',
      'big/sub/3',
      'small/1',
      'small/2',
      'one/1',
      'big/dist/x',
      'big/.git/x',
      'top',
    ])
      write(path);
    expect(await chooseSources(folder, { count: 2, filesPerRelease: 2 })).toEqual([
      { name: 'big', folder: join(folder, 'big'), files: ['1', '2'], found: 3 },
      { name: 'small', folder: join(folder, 'small'), files: ['1', '2'], found: 2 },
    ]);
  });

  it('are parts of all of them where there are not enough subfolders', async () => {
    for (const path of ['1', '2', '3']) write(path);
    const sources = await chooseSources(folder, { count: 2, filesPerRelease: 9 });
    expect(sources.map(({ name, files: part }) => [name, part])).toEqual([
      ['part-1', ['1', '3']],
      ['part-2', ['2']],
    ]);
  });

  it('must be there', async () => {
    await expect(chooseSources(folder, { count: 2, filesPerRelease: 2 })).rejects.toMatchObject({
      code: 'BATON_INPUT_INVALID',
    });
    await expect(chooseSources(join(folder, 'no'), { count: 2, filesPerRelease: 2 })).rejects.toMatchObject({
      code: 'BATON_INPUT_INVALID',
    });
  });
});
