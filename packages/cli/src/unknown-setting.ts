import { closest, InputError } from '@baton/core';

/** A name that no setting has, or a group of them: with what was meant, as far as that can be told. `file`: where it stands. */
export function unknownKey(
  name: string,
  { known, file }: { readonly known: readonly string[]; readonly file?: string },
): InputError {
  const place = file === undefined ? '' : ` in ${file}`;
  const inside = known.filter((candidate) => candidate.startsWith(`${name}.`));
  if (inside.length > 0)
    return new InputError(
      'BATON_INPUT_INVALID',
      `${name}${place} is a group of settings, not one: ${inside.join(', ')}`,
    );
  const suggested = suggestions(name, known).join(', ');
  return new InputError(
    'BATON_INPUT_INVALID',
    `unknown setting ${name}${place}${suggested === '' ? '' : `, did you mean ${suggested}?`}`,
  );
}

/** By the whole name; else by its end, for who left out the group; else all of the group it seems to name. */
function suggestions(name: string, known: readonly string[]): readonly string[] {
  const near = closest(name, known);
  if (near !== undefined) return [near];
  const bare = name.replace(/^BATON_/, '');
  const separator = name === bare ? '.' : '_';
  const wordsOf = (candidate: string): string[] => candidate.replace(/^BATON_/, '').split(separator);
  const byEnd = new Map(
    known.flatMap((candidate) => {
      const words = wordsOf(candidate);
      return words.map((_, from) => [words.slice(from).join(separator), candidate] as const);
    }),
  );
  // of two letters everything short is a slip
  const end = bare.length < 3 ? undefined : closest(bare, [...byEnd.keys()]);
  if (end !== undefined) return [byEnd.get(end) ?? end];
  const [first = ''] = wordsOf(name);
  const group =
    first.length < 3 ? undefined : closest(first, [...new Set(known.map((each) => wordsOf(each)[0] ?? ''))]);
  return known.filter((candidate) => wordsOf(candidate)[0] === group);
}
