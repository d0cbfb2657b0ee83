import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { mutants } from '../oracle/mutants/mutants.js';
import { planted } from '../oracle/mutants/planting.mjs';
import { readResult, survived } from '../oracle/mutants/result.js';
import { read } from './sources.js';

describe('planted faults', () => {
  it('are in step with the code: each can be planted, and is TypeScript then', () => {
    const wrong = mutants.flatMap((mutant) => {
      try {
        const text = planted(read(`packages/${mutant.file}`), mutant);
        const { diagnostics = [] } = ts.transpileModule(text, { reportDiagnostics: true });
        return diagnostics.length === 0 ? [] : [`${mutant.id} is no TypeScript`];
      } catch (error) {
        return [(error as Error).message];
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
