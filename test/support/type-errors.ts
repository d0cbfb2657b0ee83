/** What the compiler says of programs that must, or must not, compile; nothing is emitted. */
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What is on the disk is parsed and bound once for all calls of a test file: more than a third of the time. */
const parsed = new Map<string, ts.SourceFile | undefined>();

/** Errors in these files, one a line: `file(line): message`. `written`: path → text of files that are not on the disk. */
export function typeErrors(
  paths: readonly string[],
  written: Readonly<Record<string, string>> = {},
): readonly string[] {
  const { config } = ts.readConfigFile(`${root}packages/tsconfig.base.json`, (path) =>
    ts.sys.readFile(path),
  ) as {
    config: unknown;
  };
  const options: ts.CompilerOptions = {
    ...ts.parseJsonConfigFileContent(config, ts.sys, `${root}packages`).options,
    ...{ composite: false, incremental: false, noEmit: true, noUnusedLocals: false, noErrorTruncation: true },
    ...{ customConditions: ['source'], types: ['node'], typeRoots: [`${root}node_modules/@types`] },
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => path in written || fileExists(path);
  host.readFile = (path) => written[path] ?? readFile(path);
  host.getSourceFile = (path, language, ...rest) => {
    const text = written[path];
    if (text !== undefined) return ts.createSourceFile(path, text, language);
    if (!parsed.has(path)) parsed.set(path, getSourceFile(path, language, ...rest));
    return parsed.get(path);
  };
  const roots = [...paths, ...Object.keys(written)].toSorted();
  const program = ts.createProgram(roots, options, host);
  // what they import is the matter of the build
  const all = roots.flatMap((path) => {
    const file = program.getSourceFile(path);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
  });
  return all.map(lineOf).toSorted();
}

function lineOf({ file, start = 0, messageText }: ts.Diagnostic): string {
  const line = file ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
  const text = ts.flattenDiagnosticMessageText(messageText, ' ').replace(/\s+/g, ' ');
  return `${file ? basename(file.fileName) : '-'}(${line}): ${text}`;
}
