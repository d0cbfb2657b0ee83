import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { UnavailableError } from '@baton/core';
import { winstonLogger } from './winston-logger.js';

describe('log lines', () => {
  afterEach(() => void jest.restoreAllMocks());

  function lineOf(least: 'debug' | 'info', level: 'warn' | 'error'): string {
    let text = '';
    const keep = (chunk: unknown): boolean => {
      text += String(chunk);
      return true;
    };
    // where winston writes
    const { _stderr } = console as unknown as { _stderr: { write(text: string): boolean } };
    jest.spyOn(_stderr, 'write').mockImplementation(keep);
    const error = new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'away', {
      cause: new Error('refused'),
    });
    winstonLogger({ level: least, json: true })[level]('waiting', { error });
    jest.restoreAllMocks();
    return text;
  }

  it('have code, message and causes of an error, and its stack only where it is a defect or debug is on', () => {
    for (const text of [lineOf('info', 'warn'), lineOf('info', 'error'), lineOf('debug', 'warn')])
      for (const part of ['BATON_UNAVAILABLE_DISCONNECTED', 'away', 'refused']) expect(text).toContain(part);
    expect(lineOf('info', 'warn')).not.toContain('"stack"');
    expect(lineOf('info', 'error')).toContain('"stack"');
    expect(lineOf('debug', 'warn')).toContain('"stack"');
  });
});
