import { describe, expect, it } from '@jest/globals';
import { parseSync } from '@swc/core';
import { mutants } from '../oracle/mutants/mutants.js';
import { readResult, survived } from '../oracle/mutants/result.js';
import { planted } from '../support/planted.mjs';
import { read } from './sources.js';

describe('planted faults', () => {
  it('are in step with the code: each can be planted, and is TypeScript then', () => {
    const wrong = mutants.flatMap((mutant) => {
      try {
        parseSync(planted(read(`packages/${mutant.file}`), mutant), { syntax: 'typescript' });
        return [];
      } catch (error) {
        return [`${mutant.id}: ${(error as Error).message}`];
      }
    });
    expect(wrong).toEqual([]);
  });

  it('have names of their own, and are in every group of rules that the engine holds', () => {
    expect(new Set(mutants.map(({ id }) => id)).size).toBe(mutants.length);
    const groups = new Set(mutants.map(({ rule }) => rule.replace(/\d\d$/, '')));
    const wanted = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 18].map((group) => `E-${group}`);
    expect(wanted.filter((group) => !groups.has(group))).toEqual([]);
  });

  it('were all found when they were last tried: node test/oracle/mutants/run.mjs', () => {
    const result = readResult();
    expect([...result.keys()]).toEqual(mutants.map(({ id }) => id));
    expect([...result].filter(([, by]) => by === survived)).toEqual([]);
  });
});
