import { expect, it } from '@jest/globals';
import { sabotages } from '../simulation/sabotage/sabotages.js';
import { read } from './sources.js';

it('every planted bug still fits the source, in exactly one place', () => {
  const places = sabotages.flatMap(({ id, file, find, also }) =>
    [find, ...(also ? [also.find] : [])].map((text) => `${id}: ${read(file).split(text).length - 1}`),
  );
  expect(places.filter((place) => !place.endsWith(': 1'))).toEqual([]);
});

it('there are at least forty, each changes something, and no two have one name', () => {
  expect(sabotages.length).toBeGreaterThanOrEqual(40);
  expect(sabotages.filter(({ find, replace }) => find === replace)).toEqual([]);
  expect(new Set(sabotages.map(({ id }) => id)).size).toBe(sabotages.length);
});
