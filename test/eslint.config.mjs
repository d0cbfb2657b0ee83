/** What the compiler cannot see. Formatting is Prettier's. */
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const noRealTime = [
  { object: 'Date', property: 'now', message: 'Protocol code takes time from Runtime.clock.' },
  { object: 'performance', property: 'now', message: 'Protocol code takes time from Runtime.clock.' },
  { object: 'Math', property: 'random', message: 'Protocol code takes randomness from Runtime.random.' },
  {
    object: 'crypto',
    property: 'randomUUID',
    message: 'Protocol code takes randomness from Runtime.random.',
  },
];
const timers = ['setTimeout', 'setInterval', 'setImmediate'].map((name) => ({
  name,
  message: 'Protocol code takes timers from Runtime.clock.',
}));

/** Everything above the substrates: what a simulation must be able to replay. */
const protocolCode = [
  'core',
  'flow',
  'engine',
  'wire',
  'jobboard',
  'transport',
  'persistence',
  'conductor',
  'worker',
  'client',
  'api',
].map((name) => `packages/${name}/src/**/*.ts`);
const substrates = ['zookeeper', 'kafka', 'mongodb'].map((name) => `packages/*/src/${name}/**/*.ts`);
const tests = ['**/*.test.ts', 'test/**/*.ts'];

export default defineConfig(
  {
    ignores: [
      '**/dist/**',
      '**/gen/**',
      '**/fixtures/**',
      '**/*.d.ts',
      '**/*.d.mts',
      '**/*.mjs',
      '**/*.cjs',
      '**/*.js',
    ],
  },
  {
    files: ['packages/**/*.ts', 'test/**/*.ts'],
    plugins: { '@typescript-eslint': tseslint.plugin },
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: {
        // the tests' project sees all tests; the sources belong to the projects of their packages
        project: ['packages/*/tsconfig.json', 'test/tsconfig.json'],
        tsconfigRootDir: new URL('..', import.meta.url).pathname,
      },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/ban-ts-comment': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      eqeqeq: 'error',
      'max-lines': ['error', { max: 400 }],
      'max-lines-per-function': ['error', { max: 60, IIFEs: true }],
      'no-console': 'error',
      'no-debugger': 'error',
      'no-unreachable': 'error',
      'no-unused-labels': 'error',
      'no-var': 'error',
      'no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx'] }],
      'prefer-const': 'error',
    },
  },
  {
    files: ['packages/**/*.ts'],
    ignores: tests,
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: "MemberExpression[object.name='process'][property.name='env']",
          message: 'The environment is read in cli/src/environment.ts and nowhere else.',
        },
      ],
    },
  },
  {
    files: protocolCode,
    // the clock and the dice of real processes
    ignores: [...tests, ...substrates, 'packages/client/src/system-runtime.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        { name: 'Date', message: 'Protocol code takes time from Runtime.clock.' },
        ...timers,
      ],
      'no-restricted-properties': ['error', ...noRealTime],
    },
  },
  { files: ['packages/cli/**/*.ts', 'test/**/*.ts'], rules: { 'no-console': 'off' } },
  { files: ['packages/cli/src/environment.ts'], rules: { 'no-restricted-syntax': 'off' } },
  {
    // a suite is one function that holds many
    files: [...tests, 'packages/testkit/src/{contracts,protocols}/**/*.ts'],
    rules: { 'max-lines': ['error', { max: 600 }], 'max-lines-per-function': 'off' },
  },
);
