import { describe, expect, it } from '@jest/globals';
import { codeOf } from '@baton/core';
import { task } from '@baton/flow';
import { TaskRegistry } from './task-registry.js';

const named = (name: string, version?: string) =>
  task(name, { ...(version !== undefined && { version }), execute: () => `${name} ${version}` });

function codeThrown(action: () => unknown) {
  try {
    action();
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

describe('TaskRegistry', () => {
  it('finds the highest minor of the same major that is not below the one asked for (E-1305)', () => {
    const registry = new TaskRegistry([named('a', '1.2'), named('a', '1.10'), named('a', '2.0'), named('b')]);
    const found = (name: string, version: string) => registry.find(name, version)?.version;
    expect(found('a', '1.0')).toBe('1.10');
    expect(found('a', '1.10')).toBe('1.10');
    expect(found('a', '1.11')).toBeUndefined();
    expect(found('a', '2.0')).toBe('2.0');
    expect(found('a', '3.0')).toBeUndefined();
    expect(found('b', '1.0')).toBe('1.0');
    for (const version of ['', '1', 'x.y', '1.0.0', '__proto__']) expect(found('a', version)).toBeUndefined();
    for (const name of ['c', '__proto__', 'constructor']) expect(found(name, '1.0')).toBeUndefined();
  });

  it('tells what it offers', () => {
    expect(new TaskRegistry([named('a', '1.2'), named('b')]).listing()).toEqual([
      { name: 'a', version: '1.2' },
      { name: 'b', version: '1.0' },
    ]);
  });

  it('refuses the same name and version twice, and versions that are none', () => {
    expect(codeThrown(() => new TaskRegistry([named('a'), named('a', '1.0')]))).toBe(
      'BATON_DEFINITION_DUPLICATE_TASK',
    );
    expect(codeThrown(() => new TaskRegistry([named('a', '1')]))).toBe('BATON_DEFINITION_INVALID');
  });

  it('refuses a place to run in that does not exist', () => {
    const odd = { ...named('a'), isolation: 'container' as never };
    expect(codeThrown(() => new TaskRegistry([odd]))).toBe('BATON_DEFINITION_INVALID');
  });
});
