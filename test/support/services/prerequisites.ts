/** Tools of the machine that the real services need. A missing one is an error with a remedy, never a skip. */
import { accessSync, constants } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';

/** Its message is meant for a person: what is missing and what to install. */
export class MissingPrerequisite extends Error {
  override readonly name = 'MissingPrerequisite';
}

const tools = {
  java: {
    versionArgs: ['-version'],
    major: 17,
    remedy: 'install a Java runtime, version 17 or newer (Debian: apt-get install openjdk-17-jre-headless)',
  },
  mvn: { versionArgs: ['-v'], major: 3, remedy: 'install Apache Maven 3 (Debian: apt-get install maven)' },
  go: { versionArgs: ['version'], major: 1, remedy: 'install Go 1.24 or newer' },
} as const;

export type Tool = keyof typeof tools;

/** Path of the tool. `checkVersion` also runs it, which takes a moment. @throws MissingPrerequisite */
export function findTool(tool: Tool, { checkVersion = false } = {}): string {
  const { remedy, versionArgs, major } = tools[tool];
  const path = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, tool))
    .find(isExecutable);
  if (path === undefined)
    throw new MissingPrerequisite(`${tool} is missing, the real services need it: ${remedy}`);
  if (!checkVersion) return path;
  const { stdout, stderr } = spawnSync(path, versionArgs, { encoding: 'utf8' });
  const [text, first] = /(\d+)\.\d+[\w.]*/.exec(stdout + stderr) ?? [];
  if (first === undefined || Number(first) < major)
    throw new MissingPrerequisite(
      `${tool} is version ${text ?? 'unknown'}, the real services need more: ${remedy}`,
    );
  return path;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
