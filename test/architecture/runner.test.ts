/** The runner and the harness must not be kinder than the tests: what they count, verify and refuse. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { verifyChecksums } from '../support/services/artifacts.js';
import { cached } from '../support/services/cache.js';
import { realServices } from '../support/services/endpoints.js';
import { findTool } from '../support/services/prerequisites.js';
import { settingsOf } from '../support/services/provide-services.js';
import { settingKeys, variableOf, type SettingKey } from '../../packages/cli/src/settings.js';
import { main } from '../support/runner/main.js';
import { resultOf, type JestReport } from '../support/runner/jest-stage.js';
import { takeStore } from '../support/runner/take-store.js';
import { root } from './sources.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'baton-runner-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function report(...statuses: readonly string[]): JestReport {
  const assertionResults = statuses.map((status, index) => ({ fullName: `test ${index}`, status }));
  return {
    testResults: [{ name: join(root, 'a.test.ts'), message: '\n  broken import\n', assertionResults }],
  };
}

describe('what the runner counts', () => {
  it('passed and failed tests', () => {
    expect(resultOf(report('passed', 'failed', 'passed'), { code: 1 })).toEqual({
      passed: 2,
      failures: ['a.test.ts: test 1'],
    });
  });

  it.each(['pending', 'skipped', 'todo', 'disabled'])('a test that is %s as failed', (status) => {
    expect(resultOf(report('passed', status), { code: 0 }).failures).toEqual([
      `a.test.ts: test 1 (${status})`,
    ]);
  });

  it('tests that were filtered by name not at all', () => {
    expect(resultOf(report('passed', 'pending'), { code: 0, isFiltered: true })).toEqual({
      passed: 1,
      failures: [],
    });
  });

  it('a file that could not run, a project without tests, a crash', () => {
    expect(resultOf(report(), { code: 1 }).failures).toEqual(['a.test.ts: broken import']);
    expect(resultOf({ testResults: [] }, { code: 0 }).failures).toEqual(['no tests']);
    expect(resultOf(undefined, { code: 134 }).failures).toEqual([
      'jest ended with code 134 and left no report',
    ]);
    expect(resultOf(report('passed'), { code: 1 }).failures).toEqual([
      'jest ended with code 1 though no test failed',
    ]);
  });
});

describe('what the services are made of', () => {
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

  it('is what the list says: nothing changed, missing or added', () => {
    mkdirSync(join(folder, 'kafka'));
    writeFileSync(join(folder, 'kafka/a.jar'), 'a');
    const list = `${sha256('a')}  kafka/a.jar\n`;
    expect(() => verifyChecksums(folder, list)).not.toThrow();
    expect(() => verifyChecksums(folder, `${sha256('b')}  kafka/a.jar\n`)).toThrow('kafka/a.jar');
    expect(() => verifyChecksums(folder, `${list}${sha256('c')}  kafka/c.jar\n`)).toThrow('kafka/c.jar');
    writeFileSync(join(folder, 'kafka/added.jar'), 'x');
    expect(() => verifyChecksums(folder, list)).toThrow('kafka/added.jar');
  });

  it('is made once, however many ask, and not at all when making fails', async () => {
    const entry = join(folder, 'cache', 'entry');
    await expect(cached(entry, () => Promise.reject(new Error('no network')))).rejects.toThrow('no network');
    let made = 0;
    const make = async (target: string): Promise<void> => {
      made++;
      await Promise.resolve(writeFileSync(join(target, 'program'), ''));
    };
    const paths = await Promise.all([cached(entry, make), cached(entry, make), cached(entry, make)]);
    expect([made, new Set(paths).size]).toEqual([1, 1]);
  });

  it('is asked for by name when a tool is missing', () => {
    const before = process.env['PATH'];
    process.env['PATH'] = folder;
    try {
      expect(() => findTool('java')).toThrow(/^java is missing.*install a Java runtime, version 17/);
    } finally {
      process.env['PATH'] = before;
    }
  });

  it('is an error where a test needs it and the runner has not set it', () => {
    const before = process.env['BATON_KAFKA'];
    delete process.env['BATON_KAFKA'];
    try {
      expect(() => realServices().kafka).toThrow(/^BATON_KAFKA is not set: run `npm test`/);
    } finally {
      if (before !== undefined) process.env['BATON_KAFKA'] = before;
    }
  });
});

describe('which store', () => {
  const free = {};
  const given = { BATON_MONGODB: 'mongodb://m:1/' };

  it('is nobody’s choice without --store', () => {
    expect(takeStore(['--kills', '2'], given)).toEqual({ store: undefined, rest: ['--kills', '2'] });
  });

  it.each([
    [['--store', 'mongo-java-server', '--kills', '2'], 'mongo-java-server', ['--kills', '2']],
    [['--json', '--store=mongo-java-server', '--kills'], 'mongo-java-server', ['--json', '--kills']],
    [['--jobs', '100', '--store', 'ferretdb'], 'ferretdb', ['--jobs', '100']],
  ])('is taken off %j', (args, store, rest) => {
    expect(takeStore(args, free)).toEqual({ store, rest });
  });

  it.each([
    [['--store', 'mysql'], /^--store mysql: no such store; the stores are ferretdb, mongo-java-server$/],
    [['--store', '--json'], /^--store --json: no such store/],
    [['--store'], /^--store needs a name: the stores are ferretdb, mongo-java-server$/],
    [['--store=', 'ferretdb'], /^--store needs a name/],
  ])('is refused in %j', (args, message) => {
    expect(() => takeStore(args, free)).toThrow(message);
  });

  it('is refused beside the address of one', () => {
    expect(() => takeStore(['--store', 'ferretdb'], given)).toThrow(/BATON_MONGODB names one that runs/);
  });

  it.each([
    [['bench', 'takeover', '--store', 'mysql'], 'no such store'],
    [['bench', 'engine', '--store', 'ferretdb'], 'engine runs without a store'],
    [['keep-services', '--store', 'mysql'], 'no such store'],
    [['keep-services', '--stor', 'ferretdb'], 'not known: --stor ferretdb'],
  ])('is refused with code 2 before anything is started: %j', async (args, message) => {
    const said = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    const before = process.env['BATON_MONGODB'];
    delete process.env['BATON_MONGODB'];
    try {
      expect(await main(args)).toBe(2);
      expect(said.mock.calls).toEqual([[expect.stringContaining(message)]]);
    } finally {
      said.mockRestore();
      if (before !== undefined) process.env['BATON_MONGODB'] = before;
    }
  });
});

it('what `npm run services` prints for baton are settings there are', () => {
  const known = (Object.keys(settingKeys) as SettingKey[]).map(variableOf);
  const printed = settingsOf({ zookeeper: 'zk:1', kafka: 'k:2', mongodb: 'mongodb://m:3' });
  expect(Object.keys(printed).filter((name) => !known.includes(name))).toEqual([]);
  expect(Object.values(printed)).toEqual(['zk:1/baton', 'k:2', 'mongodb://m:3']);
});
