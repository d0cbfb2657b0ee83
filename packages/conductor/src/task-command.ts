import type { ExecuteCommand, RevertCommand } from '@baton/engine';

/** A command that a worker carries out. */
export type TaskCommand = ExecuteCommand | RevertCommand;
