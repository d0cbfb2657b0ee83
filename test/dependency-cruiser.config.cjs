/**
 * Who may import what. One row per package: our packages, then packages from outside. Node's built-ins are free except where `pure`.
 * Tests may import anything. `test/architecture/imports.test.ts` plants violations and wants them found.
 */
const packages = {
  core: { ours: [], outside: [], pure: true },
  flow: { ours: ['core'], outside: ['@standard-schema/spec', 'yaml'] },
  engine: { ours: ['core', 'flow'], outside: ['@bufbuild/cel'], pure: true },
  wire: { ours: ['core'], outside: ['protobufjs'] },
  jobboard: {
    ours: ['core'],
    outside: [],
    substrate: { folder: 'zookeeper', library: 'node-zookeeper-client' },
  },
  transport: { ours: ['core', 'wire'], outside: [], substrate: { folder: 'kafka', library: 'kafkajs' } },
  persistence: { ours: ['core'], outside: ['croner'], substrate: { folder: 'mongodb', library: 'mongodb' } },
  local: { ours: ['core'], outside: ['libsql'] },
  conductor: { ours: ['core', 'flow', 'engine', 'jobboard', 'transport', 'persistence'], outside: [] },
  worker: { ours: ['core', 'flow', 'jobboard', 'transport'], outside: [] },
  client: {
    ours: ['core', 'flow', 'engine', 'jobboard', 'persistence'],
    outside: [],
    // its one file that puts a client together from addresses; the command line does it with the same
    root: { file: 'open-client.ts', ours: ['local'] },
  },
  guard: { ours: ['core'], outside: [] },
  api: { ours: ['core', 'client'], outside: ['fastify', 'zod'] },
  dashboard: { ours: [], outside: [] },
  testkit: {
    ours: ['core', 'flow', 'engine', 'jobboard', 'transport', 'persistence'],
    outside: ['fast-check', '@jest/globals'],
  },
  cli: {
    ours: [
      ...[
        'core',
        'flow',
        'engine',
        'wire',
        'jobboard',
        'transport',
        'persistence',
        'local',
        'conductor',
        'worker',
      ],
      ...['client', 'guard', 'api', 'dashboard'],
    ],
    outside: ['commander', 'winston', 'yaml'],
    mayImportSubstrates: true,
  },
};

const clientLibraries = ['node-zookeeper-client', 'kafkajs', 'mongodb'];
const either = (names) => `(${names.join('|')})`;
/** Resolved, a package of ours is its source; not resolved (nothing built yet), it is its name. */
const ours = (names) => [`(^|/)packages/${either(names)}/`, `^@baton/${either(names)}(/|$)`];
const outside = (names) => [`(^|/)node_modules/${either(names)}(/|$)`, `^${either(names)}(/|$)`];
const substrates = [
  '(^|/)packages/[^/]+/src/(zookeeper|kafka|mongodb)/',
  '^@baton/[^/]+/(zookeeper|kafka|mongodb)$',
];
const sourceOf = (name) => `(^|/)packages/${name}/src/`;
const isTest = '\\.test\\.ts$|/src/fixtures/|/fixtures/types/';

const rules = Object.entries(packages).flatMap(([name, row]) => {
  const others = Object.keys(packages).filter((other) => other !== name && !row.ours.includes(other));
  const from = { path: sourceOf(name), pathNot: isTest };
  const root = row.root ? [`${sourceOf(name)}${row.root.file}$`] : [];
  const allowed = [...row.outside, ...(row.substrate ? [row.substrate.library] : [])];
  return [
    {
      name: `${name}-may-not-import`,
      comment: `${name} may import of ours only: ${row.ours.join(', ') || 'nothing'}.`,
      severity: 'error',
      from: { path: from.path, pathNot: [isTest, ...root] },
      to: { path: ours(others) },
    },
    ...root.map((path) => ({
      name: `${name}-root-may-not-import`,
      comment: `${row.root.file} may import, besides what its package may, only: ${row.root.ours.join(', ')}.`,
      severity: 'error',
      from: { path },
      to: { path: ours(others.filter((other) => !row.root.ours.includes(other))) },
    })),
    {
      name: `${name}-only-its-libraries`,
      comment: `${name} may import from outside only: ${allowed.join(', ') || 'nothing'}.`,
      severity: 'error',
      from,
      to: {
        dependencyTypes: [
          'npm',
          'npm-dev',
          'npm-optional',
          'npm-peer',
          'npm-bundled',
          'npm-no-pkg',
          'npm-unknown',
          'unknown',
        ],
        pathNot: [...(allowed.length > 0 ? outside(allowed) : []), ...ours(Object.keys(packages))],
      },
    },
    ...(row.pure
      ? [
          {
            name: `${name}-is-pure`,
            comment: `${name} does no I/O: not even Node's built-ins.`,
            severity: 'error',
            from,
            to: { dependencyTypes: ['core'] },
          },
        ]
      : []),
    ...(row.mayImportSubstrates
      ? []
      : [
          {
            name: `${name}-not-the-substrates`,
            comment:
              'Substrates are reached through the three ports; only cli, and the client that is opened by addresses, put them together.',
            severity: 'error',
            from: {
              path: sourceOf(name),
              pathNot: [isTest, ...root, `${sourceOf(name)}(zookeeper|kafka|mongodb)/`],
            },
            to: { path: substrates },
          },
        ]),
  ];
});

module.exports = {
  forbidden: [
    ...rules,
    {
      name: 'no-cycles',
      comment: 'A cycle means that two things are one, or that one of them does two jobs.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'client-libraries-only-in-substrates',
      comment: 'Client libraries are imported only inside zookeeper/, kafka/ and mongodb/.',
      severity: 'error',
      from: { path: '(^|/)packages/', pathNot: [isTest, '/src/(zookeeper|kafka|mongodb)/'] },
      to: { path: outside(clientLibraries) },
    },
    {
      name: 'sources-not-tests',
      comment: 'What is shipped does not import tests or testkit.',
      severity: 'error',
      from: { path: '(^|/)packages/(?!testkit/)', pathNot: isTest },
      to: { path: ['\\.test\\.ts$', '^test/(?!architecture/fixtures/)', ...ours(['testkit'])] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/dist/|/gen/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      conditionNames: ['source', 'import', 'node', 'default'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.js', '.mjs', '.cjs'],
    },
  },
};
