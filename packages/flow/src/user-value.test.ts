import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JsonValue } from '@baton/core';
import { decodeUserValue, encodeUserValue } from './user-value.js';

const problemOf = (value: unknown) => (encodeUserValue(value) as { problem?: string }).problem;

describe('user values', () => {
  it('come back as they went, JSON and bytes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (data) => {
        const plain = JSON.parse(JSON.stringify(data)) as JsonValue;
        const encoded = encodeUserValue(data);
        expect(encoded).toEqual({
          value: { data: plain },
          sizeBytes: Buffer.byteLength(JSON.stringify(plain)),
        });
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const encoded = encodeUserValue(bytes);
        if (!('value' in encoded)) throw new Error(encoded.problem);
        expect(encoded.sizeBytes).toBe(bytes.length);
        expect([...(decodeUserValue(encoded.value) as Uint8Array)]).toEqual([...bytes]);
      }),
    );
  });

  it('take a part of a larger buffer as that part', () => {
    const part = Buffer.from('abcdef').subarray(2, 4);
    expect(encodeUserValue(part)).toEqual({ value: { bytes: 'Y2Q=' }, sizeBytes: 2 });
  });

  it('lose what is undefined, as JSON does', () => {
    expect(encodeUserValue(undefined)).toEqual({ value: { data: null }, sizeBytes: 4 });
    expect(encodeUserValue({ a: undefined, b: [undefined] })).toMatchObject({
      value: { data: { b: [null] } },
    });
  });

  it('are copied: what the task changes later is not sent', () => {
    const result = { list: [1] };
    const encoded = encodeUserValue(result);
    result.list.push(2);
    expect(encoded).toMatchObject({ value: { data: { list: [1] } } });
  });

  it('are plain when made without a prototype, and a key named __proto__ stays data', () => {
    const bare = Object.assign(Object.create(null) as object, { a: 1 });
    expect(encodeUserValue(bare)).toMatchObject({ value: { data: { a: 1 } } });
    const encoded = encodeUserValue(JSON.parse('{"__proto__":{"x":1}}'));
    expect(JSON.stringify(encoded)).toContain('{"__proto__":{"x":1}}');
  });

  it('are refused with the place and the kind of what JSON would change silently', () => {
    class Money {}
    const cyclic: { self?: unknown } = {};
    cyclic.self = { inside: cyclic };
    expect(problemOf({ at: new Date(0) })).toBe('result.at is a Date');
    expect(problemOf([1, new Map()])).toBe('result[1] is a Map');
    expect(problemOf({ price: new Money() })).toBe('result.price is a Money');
    expect(problemOf(1n)).toBe('result is a bigint');
    expect(problemOf({ f: () => 1 })).toBe('result.f is a function');
    expect(problemOf(Symbol('s'))).toBe('result is a symbol');
    expect(problemOf({ n: Number.NaN })).toBe('result.n is NaN');
    expect(problemOf(new Float64Array(1))).toBe('result is a Float64Array');
    expect(problemOf({ toJSON: () => 1 })).toBe('result is not plain data');
    expect(problemOf(cyclic)).toBe('result.self.inside is cyclic');
  });

  it('are refused, not thrown, when they fight back', () => {
    const deep = Array.from({ length: 100_000 }).reduce<unknown>((inner) => [inner], 1);
    expect(problemOf(deep)).toMatch(/nested more than 200 deep$/);
    const throwing = {
      get x(): unknown {
        throw new Error('no');
      },
    };
    expect(problemOf(throwing)).toBe('result cannot be read: no');
    const refusing = new Proxy(
      {},
      {
        getPrototypeOf: () => {
          throw new Error('go away');
        },
      },
    );
    expect(problemOf(refusing)).toBe('result cannot be read: go away');
  });

  it('may repeat an object that is not inside itself', () => {
    const shared = { a: 1 };
    expect(encodeUserValue([shared, shared])).toMatchObject({ value: { data: [{ a: 1 }, { a: 1 }] } });
  });
});
