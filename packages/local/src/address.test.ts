import { tmpdir } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { checkSocketPath, parseAddress, socketPathFor } from './address.js';

const invalid = expect.objectContaining({ code: 'BATON_INPUT_INVALID' });

describe('addresses', () => {
  it('are socket paths or host and port', () => {
    expect(parseAddress('/tmp/s')).toEqual({ path: '/tmp/s' });
    expect(parseAddress('127.0.0.1:7451')).toMatchObject({ host: '127.0.0.1', port: 7451 });
    for (const bad of ['', 'tmp/s', '7451', 'host:', 'host:70000'])
      expect(() => parseAddress(bad)).toThrow(invalid);
  });

  it('that are too long for the kernel are refused with the limit', () => {
    expect(() => checkSocketPath(`/${'a'.repeat(103)}`)).toThrow(
      expect.objectContaining({ message: expect.stringContaining('103') }),
    );
    expect(checkSocketPath(`/${'a'.repeat(102)}`)).toHaveLength(103);
  });

  it('of a file are beside it, or short and always the same', () => {
    expect(socketPathFor('/data/baton.db')).toBe('/data/baton.db.sock');
    const deep = `/${'deep/'.repeat(40)}baton.db`;
    expect(socketPathFor(deep).startsWith(tmpdir())).toBe(true);
    expect(socketPathFor(deep)).toBe(socketPathFor(deep));
    expect(socketPathFor(`${deep}2`)).not.toBe(socketPathFor(deep));
    expect(checkSocketPath(socketPathFor(deep))).toBe(socketPathFor(deep));
  });
});
