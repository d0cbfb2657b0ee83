/**
 * An empty object for keys that come from outside, say the parameters of a task. It is like one that is written `{}`, but its hidden classes are kept apart: V8 lets
 * 1,536 of them follow from `{}`, in the whole process, and the documents of one large flow use them up. After that each object gets one of its own when its first key
 * is set, which costs more than a turn of the engine.
 */
export function openRecord<V>(): Record<string, V> {
  return new OpenRecord() as Record<string, V>;
}

const OpenRecord = function OpenRecord() {
  // as empty as it is plain
} as unknown as new () => object;
Object.defineProperty(OpenRecord, 'prototype', { value: Object.prototype });
