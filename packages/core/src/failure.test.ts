import { describe, expect, it } from '@jest/globals';
import { DefinitionError } from './errors.js';
import { failureIs, failureOf, toFailure } from './failure.js';

class Outer extends RangeError {}

describe('toFailure', () => {
  it('keeps what tells the failure: message, types from derived to root, code, cause', () => {
    const failure = toFailure(new Outer('far', { cause: new TypeError('why') }), {
      atom: 'a',
      phase: 'execute',
    });
    expect(failure).toMatchObject({
      version: 1,
      message: 'far',
      types: ['RangeError', 'Outer', 'Error'],
      retryable: true,
      atom: 'a',
      phase: 'execute',
      causes: [{ message: 'why', types: ['TypeError', 'Error'] }],
    });
    expect(toFailure(new DefinitionError('BATON_DEFINITION_CYCLE', 'x')).code).toBe('BATON_DEFINITION_CYCLE');
    expect(toFailure({ message: 'm', retryable: false, retryAfterMs: 5 })).toMatchObject({
      message: 'm',
      retryable: false,
      retryAfterMs: 5,
    });
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'boom'],
    ['a symbol', Symbol('s')],
    ['a bigint', 10n],
    ['a function', () => 1],
    ['an object without prototype', Object.create(null)],
    ['a frozen error', Object.freeze(new Error('cold'))],
    ['throwing getters', throwing()],
    ['a proxy that throws at everything', hostileProxy()],
    ['a revoked proxy', revoked()],
    [
      'a text that cannot be made',
      {
        toString: () => {
          throw new Error('no');
        },
        message: 7,
      },
    ],
    ['a cyclic object', cyclic()],
    ['a cyclic cause', cyclicCause()],
    ['endless causes', endless()],
  ])('is total: %s', (_what, thrown) => {
    const failure = toFailure(thrown);
    expect(failure.version).toBe(1);
    expect(typeof failure.message).toBe('string');
    expect(failure.types.at(-1)).toBe('Error');
    expect(JSON.parse(JSON.stringify(failure))).toEqual(failure);
  });

  it('bounds message, stack and depth of causes', () => {
    const long = Object.assign(new Error('x'.repeat(20_000)), { stack: 's'.repeat(50_000) });
    const failure = toFailure(long);
    expect(failure.message.length).toBeLessThan(9_000);
    expect(failure.stack?.length).toBeLessThan(33_000);
    let depth = 0;
    for (let at = toFailure(endless()); at.causes?.[0]; at = at.causes[0]) depth++;
    expect(depth).toBe(16);
  });

  it('is asked by the name of a type or of an ancestor', () => {
    const failure = toFailure(new Outer('far'));
    expect([
      failureIs(failure, 'RangeError'),
      failureIs(failure, 'Outer'),
      failureIs(failure, 'Nope', 'Error'),
    ]).toEqual([true, true, true]);
    expect(failureIs(failureOf('TIMEOUT', 'late'), 'RangeError')).toBe(false);
  });
});

function throwing(): object {
  const get = (): never => {
    throw new Error('getter');
  };
  return Object.defineProperties(
    {},
    Object.fromEntries(
      ['message', 'name', 'code', 'stack', 'cause', 'retryable', 'retryAfterMs', 'toJSON'].map((key) => [
        key,
        { get },
      ]),
    ),
  );
}

function hostileProxy(): object {
  const refuse = (): never => {
    throw new Error('proxy');
  };
  return new Proxy({}, { get: refuse, has: refuse, getPrototypeOf: refuse, ownKeys: refuse });
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function cyclic(): object {
  const self: { self?: object } = {};
  self.self = self;
  return self;
}

function cyclicCause(): Error {
  const [a, b] = [new Error('a'), new Error('b')];
  a.cause = b;
  b.cause = a;
  return a;
}

function endless(): Error {
  let error = new Error('root');
  for (let depth = 0; depth < 1_000; depth++) error = new Error(`at ${depth}`, { cause: error });
  return error;
}
