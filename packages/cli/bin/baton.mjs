#!/usr/bin/env node
import { main } from '../dist/main.js';

// whoever reads may have read enough (`baton job watch ID | head -1`)
process.stdout.on('error', (error) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

// a daemon whose log has no reader any more goes on; as an error of its own, it would be logged, and that again, for ever
process.stderr.on('error', () => undefined);

const exitCode = await main();
// a service that hangs must not keep a command that has said its last word; what it said on a pipe is written out first
process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
