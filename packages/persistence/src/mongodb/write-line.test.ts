import { expect, it } from '@jest/globals';
import { InputError, UnavailableError } from '@baton/core';
import { MongoServerError } from 'mongodb';
import { mapError } from './map-error.js';
import { WriteLine } from './write-line.js';

/** Commands that end when told. */
function commands(line: WriteLine) {
  const begun: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const pass = (name: string): Promise<string> =>
    line
      .pass(() => {
        begun.push(name);
        return new Promise<string>((resolve, reject) =>
          ends.set(name, (error) => (error ? reject(error) : resolve(`${name} done`))),
        );
      })
      .catch((error: Error) => `${name} failed: ${error.message}`);
  const end = (name: string, error?: Error): void => ends.get(name)?.(error);
  return { begun, pass, end };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

it('has one command under way, in the order in which they came', async () => {
  const { begun, pass, end } = commands(new WriteLine());
  const all = Promise.all(['a', 'b', 'c'].map(pass));
  expect(begun).toEqual(['a']);
  end('a');
  await settled();
  expect(begun).toEqual(['a', 'b']);
  end('b', new InputError('BATON_INPUT_INVALID', 'refused'));
  await settled();
  end('c');
  expect(await all).toEqual(['a done', 'b failed: refused', 'c done']);
  const later = pass('d');
  end('d');
  expect(await later).toBe('d done');
});

it('has those fail that wait behind one without an answer, and takes up what comes later', async () => {
  const { begun, pass, end } = commands(new WriteLine());
  const all = Promise.all(['a', 'b', 'c'].map(pass));
  end('a', new UnavailableError('BATON_UNAVAILABLE_DISCONNECTED', 'away'));
  expect(await all).toEqual(['a failed: away', 'b failed: away', 'c failed: away']);
  const later = pass('d');
  expect(begun).toEqual(['a', 'd']);
  end('d');
  expect(await later).toBe('d done');
});

it('goes on behind one that a busy server answered', async () => {
  const { pass, end } = commands(new WriteLine());
  const all = Promise.all(['a', 'b'].map(pass));
  end('a', mapError(new MongoServerError({ code: 1, errmsg: 'database is locked (5) (SQLITE_BUSY)' })));
  await settled();
  end('b');
  expect((await all)[1]).toBe('b done');
});
