/** How the Java services are run: small, and quick to start. */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { cached, cacheFolder } from './cache.js';
import type { JavaPrograms, Report } from './artifacts.js';
import { ProcessService, type ServiceProgram } from './service.js';

/** Serial collection and the first compiler only: half the memory and start time, and no difference in what the tests measure. */
const small = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData'];
const logging = [
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.showDateTime=true',
];
const silentJvm = ['-Xlog:disable', '-Xlog:all=off'];

export interface JavaSettings {
  readonly heapMax: string;
  readonly classPath: string;
  /** A class data archive halves the start time; a JVM that cannot use it ignores it. */
  readonly classData?: { readonly use: string } | { readonly write: string };
  readonly properties?: readonly string[];
  readonly main: string;
  readonly mainArgs: readonly string[];
}

export function javaArgs({
  heapMax,
  classPath,
  classData,
  properties = [],
  main,
  mainArgs,
}: JavaSettings): string[] {
  const archive =
    classData === undefined
      ? []
      : 'use' in classData
        ? [`-XX:SharedArchiveFile=${classData.use}`, ...silentJvm]
        : [`-XX:ArchiveClassesAtExit=${classData.write}`, ...silentJvm];
  const memory = [`-Xmx${heapMax}`, '-XX:+ExitOnOutOfMemoryError'];
  return [...memory, ...small, ...archive, ...logging, ...properties, '-cp', classPath, main, ...mainArgs];
}

/**
 * The class data archive of a service: written by a throw-away instance when it ends. Undefined where the JVM cannot make one.
 * `program` gives that instance, in the folder, told to write to the file.
 */
export async function classDataArchive(
  service: 'kafka' | 'zookeeper',
  programs: JavaPrograms,
  report: Report,
  program: (folder: string, write: string) => Promise<ServiceProgram>,
): Promise<string | undefined> {
  const entry = await cached(
    join(cacheFolder(), `class-data-${service}-${basename(programs.folder)}`),
    async (target) => {
      report(`preparing a quick start of ${service} (first time only, some seconds)`);
      const folder = mkdtempSync(join(tmpdir(), 'baton-class-data-'));
      try {
        const written = join(folder, 'archive.jsa');
        const instance = new ProcessService(await program(folder, written));
        await instance.start();
        await instance.stop({ timeoutMs: 60_000 });
        if (existsSync(written)) copyFileSync(written, join(target, 'archive.jsa'));
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );
  const archive = join(entry, 'archive.jsa');
  return existsSync(archive) ? archive : undefined;
}
