import { fileURLToPath } from 'node:url';

const rootDir = fileURLToPath(new URL('..', import.meta.url));

/** Tests run from source: the `source` condition of each package, compiled by swc, as native ES modules. */
const common = {
  rootDir,
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  moduleFileExtensions: ['ts', 'js', 'mjs', 'cjs', 'json', 'node'],
  // sources name the emitted file (./x.js); what is really there may be a .js (generated, or of a package) or a .ts
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': ['$1.js', '$1.ts'] },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { target: 'es2022', parser: { syntax: 'typescript', decorators: false } },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  modulePathIgnorePatterns: ['<rootDir>/packages/[^/]+/dist'],
};

const project = (displayName, testMatch, extra = {}) => ({ ...common, displayName, testMatch, ...extra });

/** unit needs nothing; every other project may start processes or services. `*.services.test.ts` need the real services. */
export default {
  rootDir,
  projects: [
    project(
      'unit',
      ['<rootDir>/packages/*/src/**/*.test.ts', '<rootDir>/test/{simulation,chaos}/**/*.test.ts'],
      {
        testPathIgnorePatterns: ['\\.(services|local)\\.test\\.ts$'],
      },
    ),
    project('local', ['<rootDir>/packages/*/src/**/*.local.test.ts']),
    project('services', ['<rootDir>/packages/*/src/**/*.services.test.ts']),
    project('architecture', ['<rootDir>/test/architecture/**/*.test.ts']),
    project('integration', ['<rootDir>/test/integration/**/*.test.ts']),
    project('failover', ['<rootDir>/test/failover/**/*.test.ts']),
  ],
  testTimeout: 30_000,
};
