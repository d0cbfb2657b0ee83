import { describe, expect, it } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { Output, type Format } from './output.js';

describe('a stream of things', () => {
  function written(format: Format): string {
    let text = '';
    const output = new Output({ format, isTerminal: false, write: (more) => void (text += more) });
    output.item({ seq: 1 }, ['first', 'sec\u001bond']);
    output.item({ seq: 2 }, ['third']);
    return text;
  }

  it('is lines for people, lines of JSON, or documents of YAML; names come at the end', () => {
    expect(written('table')).toBe('first\nsec·ond\nthird\n');
    for (const format of ['json', 'jsonl'] as const) expect(written(format)).toBe('{"seq":1}\n{"seq":2}\n');
    const documents = parseAllDocuments(written('yaml')) as { toJS(): unknown }[];
    expect(documents.map((document) => document.toJS())).toEqual([{ seq: 1 }, { seq: 2 }]);
    expect(written('name')).toBe('');
  });
});

it('one thing that is a table on a terminal is lines with tabs on a pipe', () => {
  const written = (isTerminal: boolean): string => {
    let text = '';
    const output = new Output({ format: 'table', isTerminal, write: (more) => void (text += more) });
    output.one({}, { text: 'JOBS  1', name: 'x', cells: [['jobs', 1], ['a\tb']] });
    output.one({}, { text: 'no cells', name: 'x' });
    return text;
  };
  expect(written(true)).toBe('JOBS  1\nno cells\n');
  expect(written(false)).toBe('jobs\t1\na·b\nno cells\n');
});
