import { describe, expect, it } from '@jest/globals';
import { fakeRuntime } from '@baton/testkit';
import { headsPerMessageMax, type HeadChange } from './guard-message.js';
import { HeadNews } from './head-news.js';
import { RecentHeads, recentHeadsMax } from './recent-heads.js';

const numbered = (count: number): HeadChange[] => Array.from({ length: count }, (_, n) => [`j${n}`, n]);

function makeNews() {
  const { clock } = fakeRuntime();
  const said: (readonly HeadChange[])[] = [];
  const pipe = { takesMore: true };
  const news = new HeadNews({ clock, send: (heads) => (said.push(heads), pipe.takesMore) });
  return { clock, news, said, pipe };
}

describe('news of heads', () => {
  it('are one message for all that changed in a period, the newest of each job', async () => {
    const { clock, news, said } = makeNews();
    news.changed('a', 1);
    news.changed('b', 4);
    news.changed('a', 2);
    news.changed('c', 1);
    news.gone('c');
    expect(said).toEqual([]);
    await clock.advance(10);
    expect(said).toEqual([
      [
        ['a', 2],
        ['b', 4],
        ['c', null],
      ],
    ]);
  });

  it('are not said again, and cost nothing while nothing changes', async () => {
    const { clock, news, said } = makeNews();
    news.changed('a', 1);
    await clock.advance(1_000);
    expect(said).toHaveLength(1);
    news.changed('a', 2);
    await clock.advance(1_000);
    expect(said.slice(1)).toEqual([[['a', 2]]]);
  });

  it('wait while the pipe is full, and are then those of that moment', async () => {
    const { clock, news, said, pipe } = makeNews();
    pipe.takesMore = false;
    news.changed('a', 1);
    await clock.advance(10);
    news.changed('a', 2);
    news.changed('a', 3);
    await clock.advance(1_000);
    expect(said).toEqual([[['a', 1]]]);
    pipe.takesMore = true;
    news.drained();
    await clock.advance(10);
    expect(said.slice(1)).toEqual([[['a', 3]]]);
  });

  it('have bounds: of a message, and of what waits', async () => {
    const { clock, news, said, pipe } = makeNews();
    pipe.takesMore = false;
    news.changed('first', 1);
    await clock.advance(10);
    for (const [jobId, seq] of numbered(3 * recentHeadsMax)) news.changed(jobId, seq ?? 0);
    pipe.takesMore = true;
    news.drained();
    await clock.advance(1_000);
    const later = said.slice(1);
    expect(Math.max(...later.map(({ length }) => length))).toBe(headsPerMessageMax);
    expect(later.flat()).toEqual(numbered(3 * recentHeadsMax).slice(-recentHeadsMax));
  });

  it('end with the link', async () => {
    const { clock, news, said } = makeNews();
    news.changed('a', 1);
    news.close();
    news.changed('b', 1);
    await clock.advance(1_000);
    expect(said).toEqual([]);
  });
});

describe('recent heads', () => {
  it('are the last of each job, the last that changed first', () => {
    const heads = new RecentHeads();
    heads.apply([
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ]);
    heads.apply([
      ['a', 5],
      ['b', null],
      ['unknown', null],
    ]);
    expect(heads.entries()).toEqual([
      ['a', 5],
      ['c', 3],
    ]);
  });

  it('are bounded: the newest stay', () => {
    const heads = new RecentHeads();
    heads.apply(numbered(recentHeadsMax));
    heads.apply([
      ['j0', 7],
      ['new', 1],
    ]);
    expect(heads.entries()).toHaveLength(recentHeadsMax);
    expect(heads.entries().slice(0, 3)).toEqual([
      ['new', 1],
      ['j0', 7],
      [`j${recentHeadsMax - 1}`, recentHeadsMax - 1],
    ]);
    expect(heads.entries().at(-1)).toEqual(['j2', 2]);
  });
});
