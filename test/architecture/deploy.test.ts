import { describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { parse } from 'yaml';
import { buildProgram } from '../../packages/cli/src/main.js';
import { settingKeys, variableOf, type SettingKey } from '../../packages/cli/src/settings.js';
import { files, read } from './sources.js';

interface Service {
  readonly image?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, unknown>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly volumes?: readonly string[];
  readonly deploy?: { readonly replicas: number };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, null>>;
}

const compose = parse(read('deploy/compose.yaml'), { merge: true }) as Compose;
const services = Object.entries(compose.services);
const members = services.filter(([, { image }]) => image === 'baton');
const dockerfile = read('deploy/Dockerfile');

describe('deploy/compose.yaml', () => {
  it('holds what it promises', () => {
    expect(Object.keys(compose.services)).toEqual([
      ...['zookeeper-1', 'zookeeper-2', 'zookeeper-3', 'kafka', 'mongodb-1', 'mongodb-2', 'mongodb-3'],
      ...['conductor', 'worker'],
    ]);
    expect(members.map(([name, { deploy }]) => [name, deploy?.replicas])).toEqual([
      ['conductor', 3],
      ['worker', 3],
    ]);
  });

  it('can be waited for: every service has a health check, and waits for healthy ones that exist', () => {
    for (const [name, { healthcheck, depends_on: needs = {} }] of services) {
      expect([name, healthcheck?.test[0]]).toEqual([name, expect.stringMatching(/^CMD/)]);
      for (const [needed, { condition }] of Object.entries(needs))
        expect([Object.hasOwn(compose.services, needed), condition]).toEqual([true, 'service_healthy']);
    }
  });

  it('declares the volumes it uses, and mounts only files that are there', () => {
    const sources = services.flatMap(([, { volumes = [] }]) =>
      volumes.map((volume) => volume.split(':')[0] ?? ''),
    );
    const named = sources.filter((source) => !source.startsWith('.'));
    expect(named.sort()).toEqual(Object.keys(compose.volumes).sort());
    expect(files).toContain('deploy/tasks/hello.mjs');
  });

  it('sets only settings there are', () => {
    const known = (Object.keys(settingKeys) as SettingKey[]).map(variableOf);
    const used = members.flatMap(([, { environment = {} }]) => Object.keys(environment));
    expect(used.length).toBeGreaterThan(0);
    expect(used.filter((name) => !known.includes(name))).toEqual([]);
  });

  it.each(members)('runs a command there is, with options there are: %s', (_, { command = [] }) => {
    expect(unknownWords(command)).toEqual([]);
  });

  it('and its README name commands there are', () => {
    const texts = [read('deploy/README.md'), JSON.stringify(compose)].join('\n');
    const commands = [
      ...texts.matchAll(/\bbaton ((?:cluster|job|conductor|worker|config)(?: [a-z]+)?)\b/g),
    ].map(([, words = '']) => words.split(' '));
    expect(commands.length).toBeGreaterThan(2);
    for (const words of commands) expect(unknownWords(words)).toEqual([]);
  });
});

describe('deploy/Dockerfile', () => {
  it('builds in one stage and runs in another, not as root', () => {
    const instructions = dockerfile
      .split('\n')
      .flatMap((line) => /^([A-Z]+) (.*)/.exec(line)?.slice(1, 3).join(' ') ?? []);
    expect(instructions.filter((line) => line.startsWith('FROM '))).toEqual([
      'FROM node:20-slim AS build',
      'FROM node:20-slim',
    ]);
    expect(instructions.indexOf('USER node')).toBeGreaterThan(instructions.lastIndexOf('FROM node:20-slim'));
    expect(instructions).toContain('ENTRYPOINT ["baton"]');
  });

  it('copies only what is there', () => {
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, sources = '']) =>
      sources.split(' '),
    );
    expect(copied.length).toBeGreaterThan(0);
    for (const source of copied)
      expect(files.some((path) => path === source || path.startsWith(`${source}/`))).toBe(true);
    expect(dockerfile).toContain('packages/cli/bin/baton.mjs');
    expect(files).toContain('packages/cli/bin/baton.mjs');
  });
});

/** The words of a command line that the command table does not know. */
function unknownWords(words: readonly string[]): string[] {
  let command: Command = buildProgram(() => async () => undefined);
  const unknown: string[] = [];
  for (const word of words) {
    const next = command.commands.find(
      (candidate) => candidate.name() === word || candidate.aliases().includes(word),
    );
    if (next !== undefined) command = next;
    else if (word.startsWith('--')) {
      if (!command.options.some(({ long }) => long === word)) unknown.push(word);
    } else if (command.commands.length > 0) unknown.push(word);
  }
  return unknown;
}
