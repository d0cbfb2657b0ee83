import { afterEach, describe, expect, it } from '@jest/globals';
import { readEnvironment } from './environment.js';

describe('the environment', () => {
  const before = { ...process.env };
  const script = process.argv[1] ?? '';
  afterEach(() => {
    process.env = { ...before };
    process.argv[1] = script;
  });

  it.each([
    { npm: 'exec', argv: '/x/node_modules/.bin/baton', program: 'npx baton' },
    { npm: undefined, argv: '/usr/local/bin/baton', program: 'baton' },
    {
      npm: undefined,
      argv: `${process.cwd()}/packages/cli/bin/baton.mjs`,
      program: 'node packages/cli/bin/baton.mjs',
    },
  ])('knows how it was started: $program', ({ npm, argv, program }) => {
    if (npm === undefined) delete process.env['npm_command'];
    else process.env['npm_command'] = npm;
    process.argv[1] = argv;
    expect(readEnvironment().program).toBe(program);
  });

  it('says which variable names a file that cannot be read', () => {
    process.env['BATON_PERSISTENCE_MONGODB_URL_FILE'] = '/no/such/secret';
    expect(() => readEnvironment()).toThrow(
      expect.objectContaining({
        code: 'BATON_INPUT_INVALID',
        message: expect.stringContaining('BATON_PERSISTENCE_MONGODB_URL_FILE names "/no/such/secret"'),
      }),
    );
  });
});
