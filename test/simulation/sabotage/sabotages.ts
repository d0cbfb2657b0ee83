/**
 * Bugs that somebody could write, one at a time planted into the sources as they are loaded: the simulation must find each. `find` occurs exactly once in
 * `file` (test/architecture/sabotage.test.ts). `hazard`: what the line that is broken is there for (test/README.md).
 */
export interface Sabotage {
  readonly id: string;
  readonly hazard: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const claims = 'packages/jobboard/src/claims.ts';
const reads = 'packages/jobboard/src/session-reads.ts';
const journal = 'packages/persistence/src/journal.ts';
const fence = 'packages/persistence/src/install-fence.ts';
const insert = 'packages/persistence/src/group-insert.ts';
const reader = 'packages/persistence/src/journal-reader.ts';
const install = 'packages/conductor/src/install-claim.ts';
const runner = 'packages/conductor/src/job-runner.ts';
const turns = 'packages/conductor/src/flow-turns.ts';
const flight = 'packages/conductor/src/in-flight.ts';
const table = 'packages/conductor/src/request-table.ts';
const owned = 'packages/conductor/src/owned-state.ts';
const adoption = 'packages/conductor/src/adoption.ts';
const losses = 'packages/conductor/src/loss-watch.ts';
const incarnation = 'packages/conductor/src/incarnation.ts';
const abandon = 'packages/conductor/src/abandon-claim.ts';
const replay = 'packages/transport/src/reply-replay.ts';
const ledger = 'packages/worker/src/request-ledger.ts';
const ids = 'packages/core/src/ids.ts';
const post = 'packages/client/src/post-job.ts';

export const sabotages: readonly Sabotage[] = [
  // ---- ownership on the board
  {
    id: 'claim whatever version',
    hazard: 'H66',
    file: claims,
    find: 'data, version: found.version },',
    replace: 'data },',
  },
  {
    id: 'lost answer to a claim taken for a no',
    hazard: 'H06',
    file: claims,
    find: "if (codeOf(error) !== 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN') throw claimError(found, error);",
    replace: 'throw claimError(found, error);',
  },
  {
    id: 'lost answer to a settlement taken for a yes',
    hazard: 'H22',
    file: claims,
    find: "if (codeOf(error) !== 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN') throw endError(claim, error);",
    replace:
      "if (codeOf(error) !== 'BATON_UNAVAILABLE_OUTCOME_UNKNOWN') throw endError(claim, error);\n        return;",
  },
  {
    id: 'consume unconditional',
    hazard: 'H66',
    file: claims,
    find: "return { type: 'delete', path: this.#paths.job(claim), version: claim.version };",
    replace: "return { type: 'delete', path: this.#paths.job(claim) };",
  },
  {
    id: 'abandon unconditional',
    hazard: 'H66',
    file: claims,
    find: "[{ type: 'set', path, data, version: claim.version }, this.#deleteLock(claim)]",
    replace: "[{ type: 'set', path, data }, this.#deleteLock(claim)]",
  },
  {
    id: 'fence is a counter',
    hazard: 'H04',
    file: claims,
    find: 'zxid: won.zxid };',
    replace: 'zxid: BigInt(version + 1) };',
  },
  {
    id: 'lock outlives its session',
    hazard: 'H18',
    file: claims,
    find: 'data: owner, ephemeral: true },',
    replace: 'data: owner },',
  },
  {
    id: 'no read barrier',
    hazard: 'H06',
    file: reads,
    find: '      await session.barrier();\n',
    replace: '',
  },
  // ---- journal and fence
  {
    id: 'collision ignored',
    hazard: 'H01',
    file: journal,
    find: "return isSameWrite(await this.#taken(document), document) ? 'accepted' : 'collided';",
    replace: "return 'accepted';",
  },
  {
    id: 'own entry taken for another',
    hazard: 'H51',
    file: journal,
    find: "return isSameWrite(await this.#taken(document), document) ? 'accepted' : 'collided';",
    replace: "return 'collided';",
  },
  {
    id: 'fence not compared',
    hazard: 'H04',
    file: fence,
    find: "  if (order > 0) return { result: 'superseded', by: entry.fence };\n",
    replace: '  if (order > 0) return undefined;\n',
  },
  {
    id: 'claim entry skipped',
    hazard: 'H03',
    file: fence,
    find: "    if ((await journal.append(entry)) === 'accepted')\n      return { result: 'owned', entry, known: withEntries(head.known, [entry]) };",
    replace: "    return { result: 'owned', entry: { ...entry, seq: head.entry.seq }, known: head.known };",
  },
  {
    id: 'tombstone ignored',
    hazard: 'H21',
    file: fence,
    find: "  if (entry.kind === 'terminal') return { result: 'terminal', entry, known };\n",
    replace: '',
  },
  {
    id: 'unanswered insert taken for stored',
    hazard: 'H49',
    file: insert,
    find: '        open.push(waiting);\n',
    replace: "        waiting.resolve('stored');\n",
  },
  {
    id: 'refused insert taken for stored',
    hazard: 'H64',
    file: insert,
    find: 'waiting.reject(refused(this.#collection, waiting.document, verdict.cause));',
    replace: "waiting.resolve('stored');",
  },
  {
    id: 'verdict of a neighbour',
    hazard: 'H49',
    file: insert,
    find: 'const verdict = verdicts[index] ?? {',
    replace: 'const verdict = verdicts[0] ?? {',
  },
  {
    id: 'state from a stale read',
    hazard: 'H50',
    file: reader,
    find: '{ isThere: (documents) => documents.every((document) => document !== undefined) },',
    replace: '{ isThere: () => true },',
  },
  // ---- turns: save, dispatch, notify
  {
    id: 'dispatch before save',
    hazard: 'H27',
    file: runner,
    find: '    this.#saving = this.#append(entries).then(',
    replace:
      '    for (const assignment of draft.assignments) this.#dispatch(assignment);\n    this.#saving = this.#append(entries).then(',
  },
  {
    id: 'settle before the terminal entry',
    hazard: 'H21',
    file: runner,
    find: '    this.#saving = this.#append(entries).then(',
    replace:
      '    if (draft.finish !== undefined) void this.#owner.board.consume(this.claim).catch(() => undefined);\n    this.#saving = this.#append(entries).then(',
  },
  {
    id: 'fenced owner goes on',
    hazard: 'H01',
    file: runner,
    find: '        this.#fenced(entry);\n        return false;\n',
    replace: '        this.#moved(entry.seq);\n        continue;\n',
  },
  {
    id: 'settlement given up',
    hazard: 'H22',
    file: runner,
    find: "        this.#log.warn('job.settle-retry', { jobId: this.jobId, error });\n",
    replace: '        if (this.#phase !== undefined) break;\n',
  },
  {
    id: 'timers lost at takeover',
    hazard: 'H54',
    file: runner,
    find: '    for (const [id, dueAtMs] of state.timers) timers.set(id, dueAtMs);\n',
    replace: '',
  },
  {
    id: 'a worker that goes while it is given something is not missed',
    hazard: 'H33',
    file: runner,
    find: '    if (roster.get(fact.workerEpoch) === undefined)\n      this.#owner.workerGone(fact.workerEpoch, this, [requestId]);\n',
    replace: '    void roster;\n',
  },
  {
    id: 'timer fires at once',
    hazard: 'H54',
    file: turns,
    find: 'this.timers.set(command.id, dueAtMs);',
    replace: 'this.timers.set(command.id, dueAtMs - command.delayMs);',
  },
  {
    id: 'command applied twice',
    hazard: 'H26',
    file: turns,
    find: '    if (command.n <= this.#lastCommand) return;\n',
    replace: '',
  },
  {
    id: 'cancelled request sent again',
    hazard: 'H26',
    file: turns,
    find: "      if (outstanding.cancelled) this.#withdraw(open, open);\n      else if (policy === 'park')",
    replace: "      if (policy === 'park')",
  },
  {
    id: 'cancelled while waiting for a worker, and waits on',
    hazard: 'H26',
    file: turns,
    find: '          this.#withdraw(command, open);\n',
    replace: '          return;\n',
  },
  {
    id: 'unknown without its delivery',
    hazard: 'H34',
    file: turns,
    find: '    if (open?.delivery !== message.delivery || open.workerEpoch !== message.workerEpoch) return;\n',
    replace: '    if (open === undefined) return;\n',
  },
  {
    id: 'unknown changes nothing',
    hazard: 'H33',
    file: turns,
    find: '    if (this.flight.again(message.requestId, { lost: false })) this.#onInput();\n  }\n\n  /** The worker of these',
    replace: '  }\n\n  /** The worker of these',
  },
  {
    id: 'park sends again',
    hazard: 'H35',
    file: turns,
    find: "else if (policy === 'park') this.#park(open);",
    replace: "else if (policy === 'park') this.flight.again(requestId, { lost: true });",
  },
  {
    id: 'fail sends again',
    hazard: 'H35',
    file: turns,
    find: "else if (policy === 'fail' || open.losses",
    replace: 'else if (open.losses',
  },
  {
    id: 'deliveries without end',
    hazard: 'H40',
    file: turns,
    find: 'open.losses + 1 >= limits.deliveriesMax',
    replace: 'open.losses < 0',
  },
  {
    id: 'delivery not counted',
    hazard: 'H32',
    file: flight,
    find: '      delivery: open.delivery + 1,\n',
    replace: '      delivery: open.delivery,\n',
  },
  {
    id: 'place at the worker kept for ever',
    hazard: 'H59',
    file: flight,
    find: '    this.#paused.delete(requestId);\n    this.#letGo(outstanding);\n',
    replace: '    this.#paused.delete(requestId);\n',
  },
  // ---- takeover and adoption
  {
    id: 'position recorded too late',
    hazard: 'H24',
    file: incarnation,
    find: 'replyFrom: this.#inbox.position };',
    replace: 'replyFrom: this.#inbox.position + 1 };',
  },
  {
    id: 'claim entry without the inbox of its owner',
    hazard: 'H24',
    file: install,
    find: '...this.#deps.owner.inboxPlace(), claims: version',
    replace: 'replyPartition: 0, replyFrom: 0, claims: version',
  },
  {
    id: 'inbox of the owner between forgotten',
    hazard: 'H24',
    file: table,
    find: 'places: [...request.places, place]',
    replace: 'places: request.places',
  },
  {
    id: 'adoption without reading former inboxes',
    hazard: 'H24',
    file: adoption,
    find: '    await this.replay(all.flatMap((request) => request.places));\n',
    replace: '',
  },
  {
    id: 'sent again instead of asked',
    hazard: 'H23',
    file: adoption,
    find: '        if (roster.get(request.workerEpoch) === undefined) {\n          gone',
    replace: '        if (request.requestId !== undefined) {\n          gone',
  },
  {
    id: 'former inbox read from the later of two places',
    hazard: 'H43',
    file: adoption,
    find: 'Math.min(from, lowest.get(partition) ?? from)',
    replace: 'Math.max(from, lowest.get(partition) ?? from)',
  },
  {
    id: 'former inbox read in part',
    hazard: 'H43',
    file: replay,
    find: '    } while (position < end);\n',
    replace: '    } while (position < 0);\n',
  },
  {
    id: 'a lost worker without a look into the own inbox',
    hazard: 'H34',
    file: losses,
    find: 'await Promise.all([this.#deps.inboxCaughtUp(), this.#deps.replay(places)]);',
    replace: 'await this.#deps.replay(places);',
  },
  {
    id: 'silence is never asked about',
    hazard: 'H33',
    file: losses,
    find: '      if (!isDue || nowMs - outstanding.heardAtMs < limits.silenceBeforeProbeMs) continue;\n',
    replace: '      if (isDue || nowMs > 0) continue;\n',
  },
  {
    id: 'poison counter reset at the claim',
    hazard: 'H16',
    file: owned,
    find: "    else if (entry.kind === 'claim') this.idleClaims++;\n",
    replace: '',
  },
  {
    id: 'abandoned job kept',
    hazard: 'H61',
    file: abandon,
    find: '      return await board.abandon(claim, { notBeforeMs });\n',
    replace: '      return void notBeforeMs;\n',
  },
  {
    id: 'record that is not there at once given up',
    hazard: 'H31',
    file: install,
    find: "if (result.result !== 'missing' || tries > MISSING_TRIES) return result;",
    replace: "if (tries > 0 || result.result !== 'missing') return result;",
  },
  // ---- workers
  {
    id: 'worker ignores fences',
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
    id: 'stored result forgets its request',
    hazard: 'H32',
    file: ledger,
    find: '    this.#open.delete(requestId);\n    this.#settled.set(requestId, true, nowMs);\n',
    replace: '    this.#open.delete(requestId);\n',
  },
  {
    id: 'unknown is no promise',
    hazard: 'H34',
    file: ledger,
    find: "    this.#promise(requestId, delivery, nowMs);\n    return {\n      effect: 'reply',",
    replace: "    return {\n      effect: 'reply',",
  },
  {
    id: 'result not kept',
    hazard: 'H34',
    file: ledger,
    find: '    else this.#keep(requestId, { ...result, delivery: open.delivery }, nowMs);\n',
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
    hazard: 'H35',
    file: ids,
    find: "return requestId.slice(0, requestId.lastIndexOf('.'));",
    replace: 'return requestId;',
  },
  {
    id: 'post acknowledged before its journal',
    hazard: 'H19',
    file: post,
    find: '  await persistence.journal.append(postEntry(record, store));\n',
    replace: '  void persistence.journal.append(postEntry(record, store));\n',
  },
  {
    id: 'post acknowledged without the board',
    hazard: 'H19',
    file: post,
    find: '  await board.post(jobId, standing);\n',
    replace: '',
  },
];
