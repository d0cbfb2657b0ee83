import { describe, expect, it } from '@jest/globals';
import { files, isTest, read, typescript } from './sources.js';

const unique = (values: readonly string[]): string[] => [...new Set(values)].sort();
const packageNames = unique(
  files.flatMap((path) => /^packages\/([^/]+)\/package\.json$/.exec(path)?.slice(1) ?? []),
);

describe('the repository', () => {
  it('has exactly this top level (and dotfiles)', () => {
    const top = unique(files.map((path) => path.split('/')[0] ?? '')).filter((name) => !name.startsWith('.'));
    expect(top).toEqual([
      'LICENSE',
      'README.md',
      'deploy',
      'package-lock.json',
      'package.json',
      'packages',
      'proto',
      'test',
      'tsconfig.json',
    ]);
  });

  it('has no script beyond the agreed ten', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const agreed = [
      'start',
      'example',
      'build',
      'test',
      'test:unit',
      'services',
      'simulate',
      'chaos',
      'bench',
      'fix',
    ];
    expect(Object.keys(scripts).filter((name) => !agreed.includes(name))).toEqual([]);
  });

  it('names files in kebab-case', () => {
    const odd = typescript.filter(
      (path) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*\.ts$/.test(path.split('/').at(-1) ?? ''),
    );
    expect(odd).toEqual([]);
  });

  it('has no file that is named after nothing', () => {
    expect(
      typescript.filter((path) => /(^|[/-])(utils?|helpers?|common|misc|manager)(-|\.ts$|\/)/.test(path)),
    ).toEqual([]);
  });

  it('keeps files short: 400 lines, tests 600', () => {
    const long = typescript.filter((path) => read(path).split('\n').length - 1 > (isTest(path) ? 600 : 400));
    expect(long).toEqual([]);
  });
});

describe('each package', () => {
  it.each(packageNames)('%s holds something and says what, on a page at most', (name) => {
    // the dictionary of @baton/flow is a page of its own
    const [text = ''] = read(`packages/${name}/README.md`).split('\n## For those who know TaskFlow');
    const page = text.trim().split('\n');
    expect(page[0]).toMatch(/^# @baton\//);
    expect(page.length).toBeGreaterThan(3);
    expect(page.length).toBeLessThanOrEqual(80);
    expect(read(`packages/${name}/src/index.ts`)).toMatch(/^export (?!\{\})/m);
  });
});
