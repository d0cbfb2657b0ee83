/**
 * Waits in real time until `probe` gives something truthy without throwing, and gives that. For what a test cannot await
 * (another process, a notice); with a fake clock use its `advanceUntil`.
 * @throws Error after `withinMs` (default 5,000), with what the last probe threw as its cause.
 */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  options: { readonly withinMs?: number; readonly what?: string } = {},
): Promise<NonNullable<T>> {
  const withinMs = options.withinMs ?? 5_000;
  const untilMs = performance.now() + withinMs;
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 50)) {
    let cause: unknown;
    try {
      const result = await probe();
      if (result) return result;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= untilMs)
      throw new Error(`did not happen within ${withinMs} ms: ${options.what ?? probe.toString()}`, { cause });
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
