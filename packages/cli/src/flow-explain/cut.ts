/** How much of a long list is shown: its beginning, how many are left out, its end. */
const FIRST = 16;
const LAST = 4;

export interface Cut<T> {
  readonly first: readonly T[];
  readonly omitted: readonly T[];
  readonly last: readonly T[];
}

export function cut<T>(list: readonly T[]): Cut<T> {
  if (list.length <= FIRST + LAST + 1) return { first: list, omitted: [], last: [] };
  return { first: list.slice(0, FIRST), omitted: list.slice(FIRST, -LAST), last: list.slice(-LAST) };
}

/** `a, b, … 30 more` */
export function someOf(names: readonly string[], most = 6): string {
  if (names.length <= most + 1) return names.join(', ');
  return `${names.slice(0, most).join(', ')}, … ${names.length - most} more`;
}
