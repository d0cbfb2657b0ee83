import { codeOf, errorCodes } from '@baton/core';
import { exitCodeOf } from './exit-codes.js';
import { clean } from './output.js';

/**
 * Tells a person (one line and a remedy) or a script (one JSON object) what went wrong, on standard error; gives the exit code. A stack is shown
 * only for what is not a Baton error: that is a defect.
 */
export function reportError(
  error: unknown,
  options: { readonly json: boolean; readonly write: (text: string) => void },
): number {
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  const doc = code === undefined ? undefined : errorCodes[code];
  if (options.json) {
    const body = {
      code: code ?? 'UNEXPECTED',
      message,
      ...(doc === undefined
        ? {}
        : { hint: doc.remedy, docs: `packages/core/ERRORS.md#${code?.toLowerCase() ?? ''}` }),
    };
    options.write(`${JSON.stringify({ error: body })}\n`);
  } else if (code !== undefined) {
    options.write(
      `baton: ${clean(message.replaceAll(/\s*\n\s*/g, ' '))} (${code})\n${doc === undefined ? '' : `  → ${doc.remedy}\n`}`,
    );
  } else {
    options.write(
      `baton: unexpected error: ${error instanceof Error ? (error.stack ?? message) : message}\n`,
    );
  }
  return exitCodeOf(error);
}
