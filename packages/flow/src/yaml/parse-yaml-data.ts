import type { JsonValue } from '@baton/core';
import { Problems } from './problems.js';
import { readYaml } from './read-yaml.js';

/** The data of one YAML document, of any content, under the limits of flows (C-1505); or what is wrong with it, and where. */
export function parseYamlData(text: string): { readonly value: JsonValue } | { readonly problem: string } {
  const problems = new Problems('yaml', text);
  const documents = readYaml(text, problems) ?? [];
  const [document, another] = documents;
  if (another) problems.addAt(another.range[0], 'is another document, and one is wanted here');
  const [first] = problems.all;
  if (first) return { problem: first.message };
  return { value: document?.value ?? null };
}
