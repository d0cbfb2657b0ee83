/** From the number on the wire to our word; unknown numbers (a newer sender) are not in it. */
export function inverse<W extends string>(toWire: Readonly<Record<W, number>>): ReadonlyMap<number, W> {
  return new Map((Object.entries(toWire) as [W, number][]).map(([word, number]) => [number, word]));
}
