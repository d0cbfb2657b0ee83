/** What a series of measurements looked like, in the unit it was measured in. */
export interface Distribution {
  readonly n: number;
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Nearest-rank percentiles; undefined when nothing was measured. */
export function distributionOf(values: readonly number[], digits = 2): Distribution | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => {
    const rank = Math.max(1, Math.ceil(sorted.length * share));
    return Number((sorted[rank - 1] as number).toFixed(digits));
  };
  return { n: sorted.length, min: at(0), p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

export function medianOf(values: readonly number[]): number {
  return distributionOf(values)?.p50 ?? NaN;
}

/** Lines of a table, columns as wide as needed, numbers to the right. */
export function tableOf(rows: readonly (readonly (string | number | undefined)[])[]): string {
  const cells = rows.map((row) => row.map((cell) => (cell === undefined ? '' : String(cell))));
  const widths: number[] = [];
  for (const row of cells)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  return cells
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export const distributionColumns = ['n', 'min', 'p50', 'p90', 'p99', 'max'] as const;

/** One row of a table: name, the figures, the goal. */
export function distributionRow(
  name: string,
  distribution: Distribution | undefined,
  goal = '',
): (string | number | undefined)[] {
  return [name, ...distributionColumns.map((column) => distribution?.[column]), goal];
}
