import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { CapturingLogger } from '@baton/testkit';
import { startLocalServer } from '../../../local/src/index.js';
import type { LogLine } from './failovers.js';
import { MemberProcess } from './member-process.js';

describe('MemberProcess', () => {
  it('kills the member with SIGKILL, and leaves its guard to end the session', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'baton-kill-'));
    const socket = join(folder, 's');
    const server = await startLocalServer({
      ...{ listen: { path: socket }, file: join(folder, 'db'), logger: new CapturingLogger() },
    });
    const lines: LogLine[] = [];
    let up: () => void = () => undefined;
    const isUp = new Promise<void>((resolve) => (up = resolve));
    const member = new MemberProcess({
      ...{ id: 'c1', kind: 'conductor', args: [] },
      environment: { ...process.env, BATON_LOCAL_SOCKET: socket },
      onLine: (line) => {
        lines.push(line);
        if (line.message === 'conductor.ready') up();
      },
    });
    try {
      expect(member.kill()).toBe(false); // nobody knows it yet
      await isUp;
      expect(member.kill()).toBe(true);
      await member.ended;
      expect(lines.find(({ message }) => message === 'guard.child.ended')).toMatchObject({ code: 137 });
      expect(lines.map(({ message }) => message)).toContain('guard.session.ended');
      expect(lines.map(({ message }) => message)).not.toContain('member.stopping');
    } finally {
      await member.end(1_000);
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }, 60_000);
});
