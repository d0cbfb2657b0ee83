import {
  answerDelegate,
  childJobs,
  eventWaits,
  routedStep,
  scheduleDuty,
  type Sabotage,
} from './sabotage.js';

/** In child runs, delegates and schedules. */
export const routedSabotages: readonly Sabotage[] = [
  {
    id: 'a child run that a dead owner did not start is started by nobody',
    hazard: 'H19',
    file: routedStep,
    find: '  for (const id of state.children) turn.command(startChildCommandOf(state, unitOf(state, id), true));\n',
    replace: '',
  },
  {
    id: 'each owner starts a child run of its own',
    hazard: 'H20',
    file: childJobs,
    find: '    const { board, runtime } = this.#owner;\n    const persistence = this.#store;\n',
    replace:
      '    const { board, runtime } = this.#owner;\n    const persistence = this.#store;\n    jobId = `${jobId}${Math.floor(runtime.clock.monotonicMs() / 100)}`;\n',
  },
  {
    id: 'a child run leaves without a word to its parent',
    hazard: 'H21',
    file: childJobs,
    find: '    if (lineage) await this.#tell(lineage, ended);\n',
    replace: '',
  },
  {
    id: 'a child run that failed is told as a success',
    isSoon: true,
    hazard: 'H21',
    file: childJobs,
    find: "    if (outcome !== 'SUCCESS' || run === undefined) return failed(end);\n",
    replace: '    if (run === undefined) return failed(end);\n',
  },
  {
    id: 'a parent that is over leaves its child runs behind',
    hazard: 'H26',
    file: childJobs,
    find: '    await Promise.all(open.map((child) => this.#inTurn(child.flowId, () => this.#cancel(child))));\n',
    replace: '    void open;\n',
  },
  {
    id: 'a run is undone, and its child runs stay as they are',
    hazard: 'H21',
    file: childJobs,
    find: 'if (!isThere || record.contentHash !== contentOf(childRequestId)) return {};',
    replace: 'if (isThere) return {};',
  },
  {
    id: 'two answers to one delegate',
    isSoon: true,
    hazard: 'H25',
    file: answerDelegate,
    find: 'options: { ...who, key: `answer ${requestId}` }',
    replace: 'options: who',
  },
  {
    id: 'who sends an event does not find who waits for it',
    hazard: 'H24',
    file: eventWaits,
    find: '      await events.note(event, { requestId: waiting.requestId, flowId: waiting.jobId });\n',
    replace: '',
  },
  {
    id: 'a slot that was decided by the dead is posted by nobody',
    hazard: 'H55',
    file: scheduleDuty,
    find: '      if (last?.isDone === false) {\n',
    replace: '      if (last?.isDone === false && this.#decisions > 0) {\n',
  },
  {
    id: 'jobs of a schedule overlap that must not',
    hazard: 'H55',
    file: scheduleDuty,
    find: "      fires && overlap !== 'allow' && before !== undefined && !(await this.#hasEnded(before));\n",
    replace: "      fires && overlap !== 'allow' && before === '';\n",
  },
];
