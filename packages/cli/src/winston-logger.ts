/**
 * Purpose: binds the Logger port to winston: JSON lines (or text on a terminal) on standard error, so that standard output stays data.
 * Errors in fields are written with code, message and causes; with their stacks on lines of level error, or when debug lines are written too; values under secret-looking keys are masked.
 */
import type { LogFields, Logger } from '@baton/core';
import { createLogger, format, transports } from 'winston';

const SECRET = /pass(word|wd)?|secret|token|authorization|credential/i;
const CAUSES_MAX = 8;

export interface LoggerOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly json: boolean;
  /** Fields on every line. */
  readonly fields?: LogFields;
}

export function winstonLogger({ level, json, fields = {} }: LoggerOptions): Logger {
  const logger = createLogger({
    level,
    defaultMeta: fields,
    format: format.combine(
      format.timestamp(),
      format.errors({ stack: true }),
      json ? format.json({ replacer }) : text,
    ),
    transports: [new transports.Console({ stderrLevels: ['debug', 'info', 'warn', 'error'] })],
  });
  const write =
    (name: LoggerOptions['level']) =>
    (message: string, more: LogFields = {}): void => {
      // formatting a line that nobody reads costs as much as one that is written
      if (!logger.isLevelEnabled(name)) return;
      // a service that is away is no defect: where in the code it was missed says nothing
      const stacks = name === 'error' || logger.isLevelEnabled('debug');
      logger.log(name, message, plain(more, stacks) as object);
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

const text = format.printf(({ timestamp, level, message, ...rest }) => {
  const details = Object.entries(rest).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value, replacer)}`,
  );
  return escapeControls(
    `${String(timestamp).slice(11, 23)} ${level.padEnd(5)} ${String(message)} ${details.join(' ')}`.trimEnd(),
  );
});

function plain(value: unknown, stacks: boolean, depth = 0): unknown {
  if (value instanceof Error) return errorFields(value, stacks, depth);
  if (typeof value === 'bigint') return value.toString(16);
  if (typeof value !== 'object' || value === null || depth > 6) return value;
  if (Array.isArray(value)) return value.map((item) => plain(item, stacks, depth + 1));
  if (value instanceof Uint8Array) return `<${value.byteLength} bytes>`;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      SECRET.test(name) && typeof inner === 'string' ? '***' : plain(inner, stacks, depth + 1),
    ]),
  );
}

function errorFields(error: Error, stacks: boolean, depth: number): Record<string, unknown> {
  const { code, details } = error as { code?: unknown; details?: unknown };
  return {
    name: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    ...(details === undefined ? {} : { details: plain(details, stacks, depth + 1) }),
    ...(error.stack === undefined || !stacks ? {} : { stack: error.stack }),
    ...(error.cause === undefined || depth >= CAUSES_MAX
      ? {}
      : { cause: plain(error.cause, stacks, depth + 1) }),
  };
}

function replacer(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString(16) : value;
}

/** Text from outside must not move the cursor (T31). */
function escapeControls(line: string): string {
  return line.replace(
    /[\u0000-\u0009\u000b-\u001f\u007f]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
