import { claims, commands, flight, losses, secondLook, turns, watch, type Sabotage } from './sabotage.js';

/** In commands, in the trash, and in what has to be noticed in time. */
export const noticeSabotages: readonly Sabotage[] = [
  {
    id: 'command acknowledged and not stored',
    hazard: 'H26',
    file: commands,
    find: "      const isStored = (await this.#inserts.insert({ _id, flowId, n, opId, at, body })) === 'stored';\n",
    replace: "      const isStored = [opId, at, body].length > 0 || _id === '';\n",
  },
  {
    id: 'command taken in and forgotten',
    hazard: 'H26',
    file: turns,
    find: '    this.#inputs.push({ command });\n',
    replace: '',
  },
  {
    id: 'poison taken off the board without the trash',
    hazard: 'H16',
    file: claims,
    find: '[...removal, { type, path, data }]',
    replace: "path.includes('/trash/') ? removal : [...removal, { type, path, data }]",
  },
  {
    id: 'a lost worker without a look, where its task then fails',
    theme: 'answers',
    hazard: 'H34',
    file: losses,
    find: '    await Promise.all([this.#deps.inboxCaughtUp(), this.#deps.replay(places)]);\n',
    replace:
      "    const isFailing = (runner: JobRunner, id: string) => runner.turns.flight.get(id)?.command.onWorkerLoss === 'fail';\n" +
      '    const isLookedFor = !affected.some(({ runner, requestIds }) => requestIds.some((id) => isFailing(runner, id)));\n' +
      '    if (isLookedFor) await Promise.all([this.#deps.inboxCaughtUp(), this.#deps.replay(places)]);\n',
  },
  {
    id: 'a lost worker is missed 20 s late',
    hazard: 'H33',
    file: watch,
    find: 'void losses.left(epoch, roster.leave(epoch));',
    replace: 'this.#deps.timers.after(20_000, () => void losses.left(epoch, roster.leave(epoch)));',
  },
  {
    id: 'second look after a minute',
    hazard: 'H14',
    file: secondLook,
    find: 'this.#deps.after(pauseMs * (1 + this.#deps.runtime.random.fraction() / 2),',
    replace: 'this.#deps.after(60_000,',
  },
  {
    id: 'sent again under a new request id',
    hazard: 'H32',
    file: flight,
    find: '    requestId: command.requestId,\n    atom: command.atom,\n',
    replace:
      '    requestId: command.requestId.replace(/\\d+$/, (n) => String(Number(n) + wait.delivery - 1)),\n    atom: command.atom,\n',
  },
];
