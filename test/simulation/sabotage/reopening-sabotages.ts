import { install, type Sabotage } from './sabotage.js';

/** In runs that go on after their end because a person wants that. */
export const reopeningSabotages: readonly Sabotage[] = [
  {
    id: 'a run that is over goes on without being reopened',
    isSoon: true,
    hazard: 'H21',
    file: install,
    find: '    if (!state.isOver) return this.#takeOver(known, state, commands);\n',
    replace: '    if (known.length > 0) return this.#takeOver(known, state, commands);\n',
  },
];
