import { codeOf, errorCodes } from '@baton/core';
import type { YamlProblem } from '@baton/flow';
import { exitCodeOf } from './exit-codes.js';
import { clean } from './output.js';

/**
 * Tells a person (one line and a remedy) or a script (one JSON object) what went wrong, on standard error; gives the exit code. A stack is shown
 * only for what is not a Baton error: that is a defect.
 */
export function reportError(
  error: unknown,
  options: {
    readonly json: boolean;
    readonly write: (text: string) => void;
    /** What it is about, where several things are looked at. */
    readonly about?: string;
  },
): number {
  const code = codeOf(error);
  const about = options.about === undefined ? '' : `${options.about}: `;
  const message = error instanceof Error ? error.message : String(error);
  const problems = problemsOf(error);
  const doc = code === undefined ? undefined : errorCodes[code];
  if (options.json) {
    const body = {
      code: code ?? 'UNEXPECTED',
      message: problems ? message : `${about}${message}`,
      ...(problems && { problems }),
      ...(doc === undefined
        ? {}
        : { hint: doc.remedy, docs: `packages/core/ERRORS.md#${code?.toLowerCase() ?? ''}` }),
    };
    options.write(`${JSON.stringify({ error: body })}\n`);
  } else if (problems) {
    for (const problem of problems) options.write(`${clean(problem.message)}\n`);
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    options.write(
      `baton: ${count} in ${clean(problems[0]?.file ?? '')} (${String(code)})\n  → ${doc?.remedy ?? ''}\n`,
    );
  } else if (code !== undefined) {
    options.write(
      `baton: ${clean(about)}${clean(message.replaceAll(/\s*\n\s*/g, ' '))} (${code})\n${doc === undefined ? '' : `  → ${doc.remedy}\n`}`,
    );
  } else {
    options.write(
      `baton: unexpected error: ${error instanceof Error ? (error.stack ?? message) : message}\n`,
    );
  }
  return exitCodeOf(error);
}

/** Of a document: each with its place. */
function problemsOf(error: unknown): readonly YamlProblem[] | undefined {
  if (codeOf(error) !== 'BATON_DEFINITION_DOCUMENT') return undefined;
  return (error as { readonly details?: { readonly problems?: readonly YamlProblem[] } }).details?.problems;
}
