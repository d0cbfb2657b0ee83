/** Members that are killed, held and sent away. One conductor and one worker are always left alone. */
import { pick } from '../simulation/choices.js';
import type { MemberProcess } from '../support/cluster/member-process.js';
import { memberKinds, type MemberKind, type Place } from './chaos-cluster.js';
import { lasts, type Blow, type Cause, type FaultKind } from './fault-kind.js';

export const memberFaults: readonly FaultKind[] = memberKinds.flatMap((kind): FaultKind[] => [
  ends(kind, { name: `kill ${kind}`, weight: 14, kills: 1, how: (member) => member.killChild() }),
  ends(kind, {
    name: `kill guard of ${kind}`,
    cause: 'guard killed',
    weight: 3,
    kills: 1,
    how: (member) => member.killGuard(),
  }),
  ends(kind, {
    name: `lose host of ${kind}`,
    cause: 'host lost',
    weight: 4,
    kills: 2,
    how: (member) => member.killBoth(),
  }),
  ends(kind, {
    name: `drain ${kind}`,
    cause: 'drained',
    weight: 2,
    kills: 0,
    how: (member) => member.terminate(),
  }),
  holds(kind, { name: `stop ${kind}`, weight: 4, what: ({ pid }) => [pid] }),
  holds(kind, { name: `stop guard of ${kind}`, weight: 1, what: ({ guardPid }) => [guardPid] }),
  // nobody kills it meanwhile: it wakes up in the middle of its work, past its session
  holds(kind, { name: `stop host of ${kind}`, weight: 6, what: ({ guardPid, pid }) => [guardPid, pid] }),
]);

/** One that works, of a kind of which another one works too. */
function victimOf(
  kind: MemberKind,
  { cluster, random }: Blow,
): (Place & { member: MemberProcess }) | undefined {
  const sound = cluster
    .ofKind(kind)
    .filter((place): place is Place & { member: MemberProcess } => place.isReady && !place.isHeld);
  return sound.length < 2 ? undefined : pick(random, sound);
}

function ends(
  kind: MemberKind,
  o: {
    readonly name: string;
    readonly cause?: Cause;
    readonly weight: number;
    readonly kills: number;
    readonly how: (member: MemberProcess) => void;
  },
): FaultKind {
  const { name, cause = 'killed', weight, kills, how } = o;
  return {
    name,
    cause,
    weight,
    strike: (blow) => {
      const place = victimOf(kind, blow);
      if (place === undefined) return undefined;
      place.struck = place.starts;
      place.isReady = false;
      const { pid } = place.member;
      how(place.member);
      return { victim: place.id, pid, kills };
    },
  };
}

/** SIGSTOP for 0.5 to 20 session timeouts. Its guard, where it is not held too, may find that it hangs, and kill it. */
function holds(
  kind: MemberKind,
  o: {
    readonly name: string;
    readonly weight: number;
    readonly what: (member: MemberProcess) => readonly number[];
  },
): FaultKind {
  const { name, weight, what } = o;
  return {
    name,
    cause: 'stopped',
    weight,
    strike: (blow) => {
      const place = victimOf(kind, blow);
      if (place === undefined) return undefined;
      const { member } = place;
      place.struck = place.starts;
      place.isHeld = true;
      const held = what(member);
      signal(held, 'SIGSTOP');
      const over = async (): Promise<boolean> => {
        await lasts(blow, { least: 0.5, most: 20 });
        signal(held, 'SIGCONT');
        if (place.member === member) place.isHeld = false;
        return true;
      };
      return { victim: place.id, pid: member.pid, over: over() };
    },
  };
}

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids)
    try {
      process.kill(pid, name);
    } catch {
      // killed meanwhile, by its guard
    }
}
