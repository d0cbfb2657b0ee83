import { describe, expect, it } from '@jest/globals';
import { codeOf } from './errors.js';
import {
  type AtomState,
  checkTransition,
  type FlowState,
  flowTransitions,
  type JobState,
  jobTransitions,
  retryTransitions,
  taskStates,
  taskTransitions,
  type TransitionTable,
} from './states.js';

/** One row per state: `✓` applied, `=` or `i` ignored, `✗` refused, in the order of the columns. */
function tableText<S extends string>(table: TransitionTable<S>, states: readonly S[]): string[] {
  return states.map((from) => `${from} ${states.map((to) => verdict(table, from, to)).join('')}`);
}

function verdict<S extends string>(table: TransitionTable<S>, from: S, to: S): string {
  try {
    return checkTransition(table, from, to) === 'apply' ? '✓' : from === to ? '=' : 'i';
  } catch (error) {
    expect(codeOf(error)).toBe('BATON_INVARIANT_TRANSITION');
    return '✗';
  }
}

describe('transition tables', () => {
  it('tasks (E-711; that a failed one is skipped, C-1310)', () => {
    expect(tableText(taskTransitions, taskStates)).toEqual([
      'PENDING =✓✗✗✗✗✗✓',
      'RUNNING ✗=✓✓✗✗✗✗',
      'SUCCESS ✗✗=✗✓✗✗✗',
      'FAILURE ✗✗✗=✓✗✗✓',
      'REVERTING ✗✗✗✗=✓✓✗',
      'REVERTED ✓✗✗✗✗=✗✗',
      'REVERT_FAILURE ✗✗✗✗✓✓=✗',
      'IGNORE ✓✗✗✗✗✗✗=',
    ]);
  });

  it('retries have two arcs more (E-713)', () => {
    const states: AtomState[] = [...taskStates, 'RETRYING'];
    const more = states.flatMap((from) =>
      states
        .filter((to) => verdict(retryTransitions, from, to) !== verdict(taskTransitions, from, to))
        .map((to) => `${from}→${to}`),
    );
    expect(more).toEqual(['SUCCESS→RETRYING', 'RETRYING→RUNNING']);
  });

  it('flows (E-721, E-723; that a cancelled one runs again, C-328)', () => {
    const states: FlowState[] = [
      'PENDING',
      'RUNNING',
      'SUCCESS',
      'FAILURE',
      'REVERTED',
      'SUSPENDING',
      'SUSPENDED',
      'RESUMING',
      'CANCELLED',
    ];
    expect(tableText(flowTransitions, states)).toEqual([
      'PENDING =✓✗✗✗iii✓',
      'RUNNING ✗=✓✓✓✓✗✓✓',
      'SUCCESS ✓✓=✗✗iii✗',
      'FAILURE ✗✓✗=✗iii✗',
      'REVERTED ✓✗✗✗=iii✗',
      'SUSPENDING ✗✗✓✓✓=✓✓✓',
      'SUSPENDED ✗✓✓✓✗i=i✓',
      'RESUMING ✗✗✗✗✗✗✓=✗',
      'CANCELLED ✗✓✗✗✗iii=',
    ]);
  });

  it('jobs (E-731)', () => {
    const states: JobState[] = ['UNCLAIMED', 'CLAIMED', 'COMPLETE'];
    expect(tableText(jobTransitions, states)).toEqual(['UNCLAIMED =✓✗', 'CLAIMED ✓=✓', 'COMPLETE ✗✗=']);
  });

  it('names what was tried', () => {
    expect(() => checkTransition(taskTransitions, 'PENDING', 'REVERTING', 'atom a')).toThrow(
      'atom a: no task goes from PENDING to REVERTING',
    );
  });
});
