/** Tells whoever waits, on standard error, which part of how many is measured now. */
export function progressOver(parts: number): (part: string) => void {
  let begun = 0;
  return (part) => console.error(`measuring ${++begun} of ${parts}: ${part}`);
}
