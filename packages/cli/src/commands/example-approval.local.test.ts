import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const program = fileURLToPath(new URL('../../bin/baton.mjs', import.meta.url));
const deadlineMs = 60_000;
const browser = { headers: { accept: 'text/html' } };

describe('baton example approval', () => {
  let folder = '';
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'example-test-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    [true, { by: 'ann', said: 'DNS of baton.example: applied' }],
    [false, { by: 'ann', said: 'DNS of baton.example: not applied' }],
  ])(
    'a job waits for a person, who answers %s by the link in the mail',
    async (ok, results) => {
      const child = spawn(process.execPath, [program, 'example', 'approval', '--listen', '127.0.0.1:0'], {
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { ...process.env, TMPDIR: folder },
      });
      const ended = once(child, 'exit');
      const lines: string[] = [];
      for await (const line of createInterface({ input: child.stdout })) {
        lines.push(line);
        const url = /^ {2}(http:\S+)$/.exec(line)?.[1];
        if (url !== undefined) await answer(url, ok);
      }
      expect(await ended).toEqual([0, null]);
      expect(lines.at(-1)).toBe(`The job has ended: ${JSON.stringify(results)}`);
      expect(readdirSync(folder)).toEqual([]);
    },
    deadlineMs,
  );

  async function answer(url: string, ok: boolean): Promise<void> {
    const asked = await fetch(url);
    expect([asked.status, await asked.json()]).toMatchObject([
      200,
      {
        delegate: 'change.approve',
        args: { change: 'DNS of baton.example' },
        expects: { required: ['by', 'ok'] },
      },
    ]);
    const complete = (value: object) =>
      fetch(`${url}/complete`, {
        ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
        body: JSON.stringify({ value }),
      });
    expect((await complete({ by: 'ann' })).status).toBe(400);
    expect(await (await fetch(url, browser)).text()).toContain('name="boolean:ok"');
    const form = new URLSearchParams({ 'string:by': 'ann', 'boolean:ok': String(ok) });
    expect((await fetch(`${url}/complete`, { ...browser, method: 'POST', body: form })).status).toBe(200);
    const answers = await Promise.all([complete({ by: 'ann', ok }), complete({ by: 'ann', ok })]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  }
});
