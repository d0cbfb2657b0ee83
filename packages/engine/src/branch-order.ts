/**
 * Which children of a graph come before which. A child with one predecessor hangs on it, so children form trees, in which a jump
 * list finds an ancestor in logarithmic time: a chain of any length costs nothing to look along. Only where links join is there
 * something to walk, backwards and no further than the one looked for.
 */
export class BranchOrder {
  /** For each child the children that are linked to it, ascending. */
  readonly #before: readonly (readonly number[])[];
  /** Place in the topological order. */
  readonly #place: Int32Array;
  readonly #root: Int32Array;
  readonly #depth: Int32Array;
  readonly #jump: Int32Array;

  /** `order`: the children in topological order. */
  constructor(before: readonly (readonly number[])[], order: readonly number[]) {
    this.#before = before;
    this.#place = new Int32Array(before.length);
    this.#root = new Int32Array(before.length);
    this.#depth = new Int32Array(before.length);
    this.#jump = new Int32Array(before.length);
    order.forEach((child, place) => {
      this.#place[child] = place;
      this.#hang(child);
    });
  }

  precedes(earlier: number, later: number): boolean {
    if (includes(this.#before[later] ?? [], earlier)) return true;
    const roots = new Set<number>();
    const open = [later];
    for (let child = open.pop(); child !== undefined; child = open.pop()) {
      if (this.#hangsOn(child, earlier)) return true;
      const root = this.#root[child] ?? child;
      if (roots.has(root)) continue;
      roots.add(root);
      // what stands before `earlier` in the order cannot come after it
      for (const before of this.#before[root] ?? [])
        if ((this.#place[before] ?? 0) >= (this.#place[earlier] ?? 0)) open.push(before);
    }
    return false;
  }

  /** Jump pointers: half of them lead to the parent, the others as far as makes every way logarithmic (Myers 1983). */
  #hang(child: number): void {
    const parent = this.#before[child]?.length === 1 ? this.#before[child][0] : undefined;
    this.#root[child] = parent === undefined ? child : (this.#root[parent] ?? parent);
    this.#depth[child] = parent === undefined ? 0 : (this.#depth[parent] ?? 0) + 1;
    this.#jump[child] = parent === undefined ? child : this.#jumpFrom(parent);
  }

  #jumpFrom(parent: number): number {
    const near = this.#jump[parent] ?? parent;
    const far = this.#jump[near] ?? near;
    const depth = (child: number): number => this.#depth[child] ?? 0;
    return depth(parent) - depth(near) === depth(near) - depth(far) ? far : parent;
  }

  /** Whether `ancestor` is the child itself or one it hangs on. */
  #hangsOn(child: number, ancestor: number): boolean {
    const depth = this.#depth[ancestor] ?? 0;
    let at = child;
    while ((this.#depth[at] ?? 0) > depth) {
      const far = this.#jump[at] ?? at;
      at = (this.#depth[far] ?? 0) >= depth ? far : (this.#before[at]?.[0] ?? at);
    }
    return at === ancestor;
  }
}

function includes(ascending: readonly number[], wanted: number): boolean {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? 0) < wanted) low = middle + 1;
    else high = middle;
  }
  return ascending[low] === wanted;
}
