import {
  clusterClock,
  dormantJobs,
  dormantWatch,
  flight,
  owned,
  runnerTimers,
  type Sabotage,
} from './sabotage.js';

/** In putting jobs to sleep and waking them. */
export const dormancySabotages: readonly Sabotage[] = [
  {
    id: 'asleep while a worker has its task',
    hazard: 'H54',
    isSoon: true,
    file: flight,
    find: '    return this.waiting === 0 && this.isStranded;\n',
    replace: '    return this.waiting === 0;\n',
  },
  {
    id: 'nobody watches over dormant jobs',
    hazard: 'H54',
    isSoon: true,
    file: dormantWatch,
    find: '    sleeper.isArmed = true;\n',
    replace: '    if (!sleeper.isArmed) return;\n',
  },
  {
    id: 'asleep with a timer that nobody is told of',
    hazard: 'H54',
    file: runnerTimers,
    find: '      if (key.startsWith(durable) && dueAtMs - nowMs < (next?.inMs ?? Infinity))',
    replace: '      if (!key.startsWith(durable) && dueAtMs - nowMs < (next?.inMs ?? Infinity))',
  },
  {
    id: 'woken for a timer, which begins anew',
    hazard: 'H54',
    file: owned,
    find: 'id === wokenFor ? nowMs : nowMs + delayMs',
    replace: 'nowMs + delayMs',
  },
  {
    id: 'time goes by the clock of the host',
    hazard: 'H53',
    file: clusterClock,
    find: '    this.#aheadMs = aheadMs;\n',
    replace: '',
  },
  {
    id: 'woken in the life that is over',
    hazard: 'H22',
    isSoon: true,
    file: dormantJobs,
    find: 'this.#paths.job({ jobId, life: life + 1 })',
    replace: 'this.#paths.job({ jobId, life })',
  },
  {
    id: 'woken, and its dormant node stays',
    hazard: 'H22',
    isSoon: true,
    file: dormantJobs,
    find: "        { type: 'delete', path: this.#paths.dormant(key) },\n",
    replace: '',
  },
];
