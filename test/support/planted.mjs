/** Plants a fault in the text of a source file: mutants of the engine, sabotages of the simulation. */

/** The text with the fault in it. @throws Error when what is to be replaced is not there exactly once. */
export function planted(text, { id, file, find, replace }) {
  const parts = text.split(find);
  if (parts.length !== 2) throw new Error(`${id}: ${file} has its text ${parts.length - 1} times, not once`);
  return parts.join(replace);
}
