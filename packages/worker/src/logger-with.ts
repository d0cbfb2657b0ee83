import type { LogFields, Logger } from '@baton/core';

/** The same logger with fields that go with each line. */
export function loggerWith(logger: Logger, fields: LogFields): Logger {
  return Object.freeze({
    debug: (message: string, more?: LogFields) => logger.debug(message, { ...fields, ...more }),
    info: (message: string, more?: LogFields) => logger.info(message, { ...fields, ...more }),
    warn: (message: string, more?: LogFields) => logger.warn(message, { ...fields, ...more }),
    error: (message: string, more?: LogFields) => logger.error(message, { ...fields, ...more }),
  });
}
