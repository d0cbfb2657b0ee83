import { ids, ledger, post, type Sabotage } from './sabotage.js';

/** In what workers remember, in keys, and in posting. */
export const workerSabotages: readonly Sabotage[] = [
  // ---- workers
  {
    id: 'worker ignores fences',
    theme: 'answers',
    hazard: 'H37',
    file: ledger,
    find: '    if (highest !== undefined && compareFences(fence, highest) < 0) return false;\n',
    replace: '    void highest;\n    void compareFences;\n',
  },
  {
    id: 'worker ignores epochs',
    hazard: 'H36',
    file: ledger,
    find: "    if (message.workerEpoch !== this.#epoch) return [{ effect: 'ignore', why: 'epoch' }];\n",
    replace: '',
  },
  {
    id: 'duplicate runs again',
    hazard: 'H32',
    file: ledger,
    find: '    const known = this.#answerKnown(message, nowMs);\n    if (known !== undefined) return known;\n    if (delivery <=',
    replace: '    if (delivery <=',
  },
  {
    id: 'a second delivery runs again',
    theme: 'delivery',
    hazard: 'H32',
    file: ledger,
    find: '    if (known !== undefined) return known;\n    if (delivery <=',
    replace: '    if (known !== undefined && delivery < 2) return known;\n    if (delivery <=',
  },
  {
    id: 'stored result forgets its request',
    theme: 'delivery',
    hazard: 'H32',
    file: ledger,
    find: '    this.#open.delete(requestId);\n    this.#settled.set(requestId, true, nowMs);\n',
    replace: '    this.#open.delete(requestId);\n',
  },
  // a late request of the former owner is refused for its fence as well
  {
    id: 'unknown is no promise, and fences are ignored',
    theme: 'answers',
    hazard: 'H34',
    file: ledger,
    find: "    this.#promise(requestId, delivery, nowMs);\n    return {\n      effect: 'reply',",
    replace: "    return {\n      effect: 'reply',",
    also: {
      find: '    if (highest !== undefined && compareFences(fence, highest) < 0) return false;\n',
      replace: '    void highest;\n    void compareFences;\n',
    },
  },
  {
    id: 'result not kept',
    isSoon: true,
    hazard: 'H34',
    file: ledger,
    find: '    else this.#keep(requestId, { ...result, outcome, delivery: open.delivery }, nowMs);\n',
    replace: '',
  },
  {
    id: 'answer goes to the former owner',
    hazard: 'H23',
    file: ledger,
    find: '      open.replyPartition = replyPartition;\n',
    replace: '',
  },
  // ---- posting, and keys
  {
    id: 'key names the attempt',
    isSoon: true,
    hazard: 'H35',
    file: ids,
    find: "return requestId.slice(0, requestId.lastIndexOf('.'));",
    replace: 'return requestId;',
  },
  {
    id: 'post acknowledged before its journal',
    hazard: 'H19',
    file: post,
    find: '  await journal.append(postEntry(record, given));\n',
    replace: '  void journal.append(postEntry(record, given));\n',
  },
  {
    id: 'post acknowledged without the board',
    isSoon: true,
    hazard: 'H19',
    file: post,
    find: '  await toBoard(record);\n',
    replace: '',
  },
];
