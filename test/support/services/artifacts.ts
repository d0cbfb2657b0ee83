/**
 * Purpose: the programs of the real services: the published jars of Apache Kafka, Apache ZooKeeper and mongo-java-server, fetched by Maven and compared
 * with the committed lists of checksums, and FerretDB, built from its published module (checksums: go.sum). Pinned, cached (cache.ts), each when it is asked for.
 * On failure: the tool's last lines; a missing tool by name with what to install (prerequisites.ts).
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached, cacheFolder, contentHash } from './cache.js';
import { LeashedProcess, type LeashedCommand } from './leashed-process.js';
import { findTool } from './prerequisites.js';

export type Report = (line: string) => void;

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const platform = `${process.platform}-${process.arch}`;

export interface JavaPrograms {
  /** Class paths, complete and in a fixed order: a class data archive is valid for exactly one. */
  readonly kafka: string;
  readonly zookeeper: string;
  /** Where class data archives are kept, beside the jars they belong to. */
  readonly folder: string;
}

export async function javaPrograms(report: Report): Promise<JavaPrograms> {
  const checksums = readFileSync(here('java/checksums.sha256'), 'utf8');
  const poms = ['java/pom.xml', 'java/kafka/pom.xml', 'java/zookeeper/pom.xml'].map((path) =>
    readFileSync(here(path)),
  );
  const folder = await cached(
    join(cacheFolder(), `java-${contentHash(checksums, ...poms)}`),
    async (target) => {
      report('fetching Apache Kafka 4.3.0 and Apache ZooKeeper 3.9.5 (first time only, about 15 s)');
      await fetchJars(here('java/pom.xml'), { target, checksums });
    },
  );
  return {
    folder,
    kafka: classPath(join(folder, 'kafka')),
    zookeeper: classPath(join(folder, 'zookeeper')),
  };
}

/** Its class path, with the compiled `MongoJavaServer`. */
export async function mongoJavaServerProgram(report: Report): Promise<string> {
  const own = (name: string): string => here(`java/mongo-java-server/${name}`);
  const checksums = readFileSync(own('checksums.sha256'), 'utf8');
  const sources = ['pom.xml', 'MongoJavaServer.java'].map((name) => readFileSync(own(name)));
  const jars = (folder: string): string => classPath(join(folder, 'mongo-java-server'));
  const folder = await cached(
    join(cacheFolder(), `mongo-java-server-${contentHash(checksums, ...sources)}`),
    async (target) => {
      report('fetching mongo-java-server 1.47.0 (first time only, about 15 s)');
      await fetchJars(own('pom.xml'), { target, checksums });
      const compiler = ['-cp', jars(target), 'org.eclipse.jdt.internal.compiler.batch.Main', '-17'];
      await run({
        command: findTool('java'),
        args: [...compiler, '-cp', jars(target), '-d', join(target, 'classes'), own('MongoJavaServer.java')],
      });
    },
  );
  return `${jars(folder)}:${join(folder, 'classes')}`;
}

export async function ferretdbProgram(report: Report): Promise<string> {
  const sources = ['go.mod', 'go.sum', 'main.go', 'id_index.go'].map((name) =>
    readFileSync(here(`ferretdb/${name}`)),
  );
  const folder = await cached(
    join(cacheFolder(), `ferretdb-${contentHash(platform, ...sources)}`),
    async (target) => {
      const go = findTool('go', { checkVersion: true });
      report('building FerretDB 1.24.2 (first time only, one to two minutes)');
      await run({
        command: go,
        args: [
          'build',
          '-tags',
          'ferretdb_no_postgresql',
          '-ldflags',
          '-s -w',
          '-o',
          join(target, 'ferretdb'),
          '.',
        ],
        cwd: here('ferretdb'),
        // go.sum is complete, so no checksum service is asked; nothing but the installed toolchain; a removable module cache
        env: {
          ...process.env,
          GOTOOLCHAIN: 'local',
          GOSUMDB: 'off',
          GOFLAGS: '-mod=readonly -buildvcs=false -modcacherw',
          CGO_ENABLED: '0',
        },
      });
    },
  );
  return join(folder, 'ferretdb');
}

/** What each module of the pom needs at run time, in a folder of the module's name. */
async function fetchJars(
  pom: string,
  { target, checksums }: { readonly target: string; readonly checksums: string },
): Promise<void> {
  findTool('java', { checkVersion: true });
  const mvn = findTool('mvn', { checkVersion: true });
  // the build folder too: Maven must leave nothing in the source tree
  const args = ['-B', '-q', '-C', '-f', pom, 'dependency:copy-dependencies', '-DincludeScope=runtime'];
  await run({ command: mvn, args: [...args, `-DoutputDirectory=${target}/\${project.artifactId}`] });
  verifyChecksums(target, checksums);
}

function classPath(folder: string): string {
  return readdirSync(folder)
    .sort()
    .map((jar) => join(folder, jar))
    .join(':');
}

/** @throws when a file is missing, changed or not on the list. */
export function verifyChecksums(folder: string, list: string): void {
  const expected = new Map(
    list
      .trim()
      .split('\n')
      .map((line) => {
        const [sum = '', path = ''] = line.split(/\s+/);
        return [path, sum] as const;
      }),
  );
  const present = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.jar'),
  );
  const wrong = present.filter(
    (path) =>
      createHash('sha256')
        .update(readFileSync(join(folder, path)))
        .digest('hex') !== expected.get(path),
  );
  const missing = [...expected.keys()].filter((path) => !existsSync(join(folder, path)));
  if (wrong.length + missing.length > 0)
    throw new Error(
      `checksums of the fetched jars differ from checksums.sha256: ${[...wrong, ...missing].join(', ')}`,
    );
}

/** Runs a tool to its end; its output is shown only when it fails. */
async function run(command: LeashedCommand): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'baton-tool-'));
  const logFile = join(folder, 'log');
  try {
    const code = await (await LeashedProcess.start({ ...command, logFile, folder })).ended;
    if (code !== 0)
      throw new Error(
        `${command.command} ended with code ${code}; is the network there? Its last words:\n${readFileSync(logFile, 'utf8').slice(-1500)}`,
      );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
