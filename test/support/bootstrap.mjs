/**
 * Purpose: makes a fresh clone ready: checks Node, installs the packages when they are missing or older than the lock file, compiles what
 * changed. Node built-ins only: it runs before anything is installed. Says nothing when there is nothing to do.
 * What is authoritative: package-lock.json against the record npm leaves in node_modules; tsc's own build info.
 * On failure: one line that says what to do, exit code 1. Two at the same time: the second waits for the first. Interrupted: npm, tsc and what
 * they started end at once, and this process with 128 + the signal; what they left half done is done again next time, because npm writes its
 * record and tsc its build info last.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const leash = fileURLToPath(new URL('services/leash.sh', import.meta.url));
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const minimumNode = [20, 19];

/** Its message is meant for a person: what is wrong and the remedy. */
export class BootstrapError extends Error {}

/** @throws BootstrapError */
export async function bootstrap({ build }) {
  checkNode();
  const release = await lock();
  try {
    if (!isInstalled()) await install();
    if (build) await compile();
  } finally {
    release();
  }
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > minimumNode[0] || (major === minimumNode[0] && minor >= minimumNode[1])) return;
  throw new BootstrapError(
    `Node ${process.versions.node} is too old: install Node ${minimumNode.join('.')} or newer.`,
  );
}

function isInstalled() {
  try {
    const installed = statSync(join(root, 'node_modules/.package-lock.json')).mtimeMs;
    return installed >= statSync(join(root, 'package-lock.json')).mtimeMs;
  } catch {
    return false;
  }
}

async function install() {
  console.error('bootstrap: installing packages (npm ci)');
  const npm = process.env.npm_execpath; // the npm that runs this script, if one does
  const command = npm?.endsWith('.js') ? [process.execPath, npm] : ['npm'];
  const { code, stderr } = await run([...command, 'ci', '--no-progress', '--loglevel=error'], {
    stdout: 'ignore',
    stderr: 'pipe',
  });
  if (code === 0) return;
  if (code === 127) throw new BootstrapError('npm is missing: install Node together with npm.');
  if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH/.test(stderr))
    throw new BootstrapError(
      'The package registry cannot be reached: check the network (or the proxy npm is set to) and try again.',
    );
  console.error(stderr.split('\n').slice(0, 12).join('\n')); // the rest is how npm is used
  throw new BootstrapError('npm ci failed, its words are above: mend what it names and try again.');
}

async function compile() {
  // the first time it takes a while
  if (!existsSync(join(root, 'packages/cli/dist'))) console.error('bootstrap: compiling (tsc -b)');
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { code } = await run([process.execPath, tsc, '-b'], { stdout: 2, stderr: 2 });
  if (code !== 0) throw new BootstrapError('The sources do not compile: mend the errors above.');
}

/** On a leash: it ends with all that it started when the leash is let go, or when we end, however we do. */
async function run(command, { stdout, stderr }) {
  const child = spawn('/bin/sh', [leash, '', ...command], {
    cwd: root,
    detached: true,
    stdio: ['pipe', stdout, stderr, 'pipe'], // 0 is the leash; 3 tells a pid
  });
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (more) => (text += more));
  const onSignal = (signal) => {
    child.once('close', () => process.exit(128 + constants.signals[signal]));
    child.stdin.end();
  };
  for (const signal of signals) process.on(signal, onSignal);
  try {
    const [code] = await once(child, 'close');
    return { code, stderr: text };
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
}

/** One process per clone; a lock whose process has died is taken over. Not inside the clone, which may hold no other trace of this. */
async function lock() {
  const name = createHash('sha256').update(realpathSync(root)).digest('hex').slice(0, 16);
  const path = join(tmpdir(), `baton-bootstrap-${name}.lock`);
  for (let waited = false; ; waited = true) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      const release = () => rmSync(path, { force: true });
      process.once('exit', release);
      return () => {
        process.off('exit', release);
        release();
      };
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (!waited && holderIsAlive(path)) console.error('bootstrap: waiting for another one');
    if (holderIsAlive(path)) await delay(100);
    else rmSync(path, { force: true });
  }
}

function holderIsAlive(path) {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    return pid === 0 || process.kill(pid, 0); // 0: created this moment, its pid not written yet
  } catch (error) {
    return error.code !== 'ESRCH'; // ENOENT: released this moment
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await bootstrap({ build: !process.argv.includes('--no-build') });
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    console.error(`bootstrap: ${error.message}`);
    process.exitCode = 1;
  }
}
