/** `baton example`: a cluster on this machine with something in it to try out. */
import type { Command } from 'commander';
import type { Run } from '../run.js';
import { addApprovalExample } from './example-approval.js';
import { addNightlyExample } from './example-nightly.js';

export function addExampleCommands(program: Command, run: Run): void {
  const example = program
    .command('example')
    .description('a cluster on this machine with something in it to try out');
  addApprovalExample(example, run);
  addNightlyExample(example, run);
}
