export type { AnswerDelegateOptions, DelegateAnswer, DelegateFailure } from './answer-delegate.js';
export type { DelegateReport, DelegatesPage, Extended, ExtendOptions, ListedDelegate } from './delegates.js';
export type { BoardChange } from './board-changes.js';
export type { DelegateUpdate, UpdateDelegateOptions } from './update-delegate.js';
export { Client, type ClusterReport } from './client.js';
export type { ClientDeps } from './connection.js';
export type { EnvironmentChange, EnvironmentReport, Environments } from './environments.js';
export type { CancelOptions, CommandOptions, ResumeOptions } from './give-command.js';
export type { StopOptions } from './stop-job.js';
export { answerSchema } from '@baton/flow';
export type { JobEnd } from './job-end.js';
export type { AtomReport } from './atom-report.js';
export type { AppliedCommand, JobReport, OwnershipReport } from './job-report.js';
export {
  type ClusterAddress,
  clusterDefaults,
  type LocalAddress,
  openClient,
  type OpenClientOptions,
  openCoordination,
  openStore,
  type ServiceAddresses,
} from './open-client.js';
export type { Earlier } from './repost-job.js';
export type { RerunOptions, SkipOptions } from './repair-job.js';
export {
  type Figures,
  type ReportedAtom,
  type RunReport,
  runReport,
  type RunReportOptions,
} from './run-report.js';
export { type RunTaskOptions, taskEnd, type TaskEnd, type TaskRun } from './run-task.js';
export type { SendEventOptions, SentEventReport } from './send-event.js';
export type { ScheduleChange, ScheduleOptions, ScheduleReport, Schedules } from './schedules.js';
export { checkNotify } from './notify-targets.js';
export type { OutageListener } from './outage-patience.js';
export {
  checkedDefinition,
  type PostArguments,
  type Postable,
  type Posted,
  type PostOptions,
  requiredSymbols,
} from './post-job.js';
