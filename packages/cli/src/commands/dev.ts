import type { Command } from 'commander';
import type { Run } from '../run.js';

export function addDevCommand(_program: Command, _run: Run): void {}
