import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { codeOf, failureOf } from '@baton/core';
import type { JsonValue } from '@baton/core';
import type { LinkDefinition, NodeDefinition, RetryDefinition } from '@baton/flow';
import { describe, expect, it } from '@jest/globals';
import { fold } from './apply-fact.js';
import { compile } from './compile.js';
import type { Command, Event, Turn } from './protocol.js';
import { newRun } from './run-state.js';
import type { RunState } from './run-state.js';
import { step } from './step.js';

/**
 * Scenarios a reviewer can read. A file holds blocks: a command, `----`, and what came of it. `flow` starts a new run. With
 * BATON_RECORD=1 the outputs are written anew.
 */
const folder = fileURLToPath(new URL('./testdata/', import.meta.url));
const files = readdirSync(folder).filter((file) => file.endsWith('.txt'));

describe('scenarios', () => {
  it.each(files)('%s', (file) => {
    const text = readFileSync(folder + file, 'utf8');
    const actual = replayText(text);
    if (process.env['BATON_RECORD'] === '1') writeFileSync(folder + file, actual);
    else expect(actual).toBe(text);
  });
});

function replayText(text: string): string {
  let player: Player | undefined;
  const blocks = text.trimEnd().split('\n\n');
  const played = blocks.map((block) => {
    const [command = ''] = block.split('\n----');
    const [first = '', ...rest] = command.split('\n').filter((line) => !line.startsWith('#'));
    if (first === '') return block;
    if (first === 'flow' || first.startsWith('flow ')) {
      player = new Player(rest, first.slice(5));
      return command;
    }
    return `${command}\n----\n${player?.play(first) ?? ''}`;
  });
  return `${played.join('\n\n')}\n`;
}

class Player {
  readonly #state: RunState;
  readonly #watched: RunState;

  constructor(lines: readonly string[], options: string) {
    const [root] = nodesOf(lines);
    if (!root) throw new Error('a flow needs a line');
    const compiled = compile({
      schemaVersion: 1,
      root,
      options: {
        deferReverts: !options.includes('no-defer'),
        neverResolve: options.includes('never-resolve'),
      },
    });
    const deciders = { yes: () => true, no: () => false };
    const run = { flowId: 'f', store: { given: { data: 'G' } }, functions: { deciders } };
    this.#state = newRun(compiled, run);
    this.#watched = newRun(compiled, run);
  }

  play(command: string): string {
    let turn: Turn;
    try {
      turn = step(this.#state, this.#eventOf(command));
    } catch (error) {
      return `! ${codeOf(error) ?? String(error)}`;
    }
    const lines: string[] = [];
    fold(this.#watched, turn.facts, (transition) =>
      lines.push(
        `${transition.of === 'flow' ? 'flow' : transition.atom} ${transition.from} → ${transition.to}`,
      ),
    );
    return [...lines, ...turn.commands.map(commandText)].join('\n') || '(nothing)';
  }

  #eventOf(command: string): Event {
    const [verb = '', name = '', ...words] = command.split(' ');
    const rest = words.join(' ');
    switch (verb) {
      case 'run':
      case 'adopt':
      case 'resume':
      case 'suspend':
      case 'revert':
        return { type: verb };
      case 'cancel':
        return { type: 'cancel', revert: name === 'revert' };
      case 'ok':
        return rest === ''
          ? { type: 'completed', requestId: this.#requestOf(name) }
          : {
              type: 'completed',
              requestId: this.#requestOf(name),
              value: { data: JSON.parse(rest) as JsonValue },
            };
      case 'retry-revert':
        return { type: 'retryRevert', atom: name, by: 'ops', reason: rest };
      case 'accept-revert':
        return { type: 'acceptRevert', atom: name, by: 'ops', reason: rest };
      case 'fail': {
        const failure = failureOf('BOOM', 'boom', words[0] === 'queue' ? { phase: 'queue' } : {});
        return { type: 'failed', requestId: this.#requestOf(name), failure };
      }
      case 'fire':
        return { type: 'timerFired', id: name };
      default:
        throw new Error(`unknown command ${command}`);
    }
  }

  /** The outstanding request of an atom, or the text itself, which is then an id nobody waits for. */
  #requestOf(name: string): string {
    const atom = this.#state.compiled.atoms.get(name);
    return (atom && this.#state.runs[atom.id]?.requestId) ?? name;
  }
}

function commandText(command: Command): string {
  switch (command.type) {
    case 'execute':
      return `> execute ${command.requestId} ${argsText(command.args)}`;
    case 'revert': {
      const { result } = command;
      const shown =
        result === undefined ? 'nothing' : 'failure' in result ? 'failure' : JSON.stringify(result.value);
      return `> revert ${command.requestId} ${argsText(command.args)} of ${shown}`;
    }
    case 'finish':
      return `> finish ${command.outcome}${command.failures.map(({ atom, phase }) => ` ${atom}:${phase}`).join('')}`;
    case 'startTimer':
      return `> startTimer ${command.id} ${command.delayMs} ms`;
    case 'cancelTimer':
      return `> cancelTimer ${command.id}`;
    case 'abort':
    case 'openDelegate':
    case 'awaitEvent':
    case 'startChild':
    case 'cancelChild':
    case 'revertChild':
    case 'suspendChild':
    case 'resumeChild':
    case 'evaluated':
      return `> ${command.type} ${command.requestId}`;
    case 'suspended':
      return '> suspended';
  }
}

function argsText(args: object): string {
  return Object.entries(args as Record<string, { value: { data?: JsonValue } }>)
    .map(([parameter, { value }]) => `${parameter}=${JSON.stringify(value.data)}`)
    .join(' ');
}

/** Lines `kind name key=value…`, children indented by two; `link from to [yes|no depth]` inside a graph. */
function nodesOf(lines: readonly string[], indent = 0): NodeDefinition[] {
  const own = lines.flatMap((line, index) => (depthOf(line) === indent ? [index] : []));
  return own.map((start, position) => {
    const inside = lines.slice(start + 1, own[position + 1]);
    const [kind = '', name = '', ...attributes] = (lines[start] ?? '').trim().split(' ');
    const given = new Map(attributes.map((attribute) => attribute.split('=') as [string, string]));
    const list = (key: string): string[] => given.get(key)?.split(',') ?? [];
    if (kind === 'task') {
      const provides = Object.fromEntries(list('provides').map((symbol) => [symbol, null]));
      const priority = Number(given.get('priority') ?? 0);
      const timeout = given.has('timeout') ? { timeout: { attemptMs: Number(given.get('timeout')) } } : {};
      const [max, delayMs] = (given.get('attempts') ?? '').split(':').map(Number);
      const attempts = max ? { attempts: { max, delayMs: delayMs ?? 0, backoff: 'linear' as const } } : {};
      return { kind, name, requires: list('requires'), provides, priority, ...timeout, ...attempts };
    }
    const isLink = (line: string): boolean => line.trim().startsWith('link ') && depthOf(line) === indent + 2;
    const children = nodesOf(
      inside.filter((line) => !isLink(line)),
      indent + 2,
    );
    const retry = given.get('retry');
    return {
      kind: kind as 'linear' | 'unordered' | 'graph',
      name,
      children,
      ...(retry !== undefined && { retry: retryOf(retry) }),
      ...(kind === 'graph' && {
        links: inside.filter((line) => isLink(line)).map((line) => linkOf(line, children)),
      }),
    };
  });
}

function retryOf(text: string): RetryDefinition {
  const [kind = '', argument = '', delay] = text.split(':');
  const backoff =
    delay === undefined ? {} : { backoff: { kind: 'exponential', initialMs: Number(delay) } as const };
  if (kind === 'times') return { kind, attempts: Number(argument), provides: { n: null }, ...backoff };
  if (kind === 'forEach') return { kind, values: argument.split(','), provides: { v: null } };
  return { kind: kind as 'alwaysRevert' };
}

function linkOf(line: string, children: readonly NodeDefinition[]): LinkDefinition {
  const [, from, to, local, depth] = line.trim().split(' ');
  const indexOf = (name: string | undefined): number => children.findIndex((child) => child.name === name);
  return {
    from: indexOf(from),
    to: indexOf(to),
    ...(local !== undefined && { decider: { local } }),
    ...(depth !== undefined && { depth: depth as 'all' }),
  };
}

function depthOf(line: string): number {
  return line.length - line.trimStart().length;
}
