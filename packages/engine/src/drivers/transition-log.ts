import type { Transition } from '../apply-fact.js';

/**
 * The transitions of a run, kept as one list of words that exist already, four for each. As objects there would be two for each atom, all alive to the
 * end, and with a hundred thousand atoms the collector would move every one of them twice.
 */
export class TransitionLog {
  readonly #words: string[] = [];

  push(transition: Transition): void {
    const { of, from, to } = transition;
    this.#words.push(of, from, to, of === 'flow' ? '' : transition.atom);
  }

  /** In the order they were pushed; made anew by each call. */
  list(): readonly Transition[] {
    const transitions: Transition[] = [];
    for (let at = 0; at < this.#words.length; at += 4) {
      const [of, from, to, atom] = this.#words.slice(at, at + 4);
      transitions.push((of === 'flow' ? { of, from, to } : { of, atom, from, to }) as Transition);
    }
    return transitions;
  }
}
