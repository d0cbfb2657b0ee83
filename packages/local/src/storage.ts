/**
 * Purpose: the server's SQLite file. All writes between two `commit()` calls are one transaction: the server commits once per
 * turn of its event loop and answers only after it (group commit).
 * What is authoritative: the file. WAL with `synchronous=NORMAL`: what was committed survives a crash of the process, not
 * necessarily a power cut.
 * On failure: an error of SQLite (disk full, damaged file) leaves memory and file apart; it is kept in `failure` and the
 * server ends without answering. Whoever was waiting sees an unknown outcome, which is the truth.
 * Not here: what the tables mean (each service makes its own).
 */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isArrayBuffer } from 'node:util/types';
import { ConflictError, InputError, UnavailableError } from '@baton/core';
import Database from 'libsql';

export type SqlValue = number | bigint | string | Uint8Array | null;

const SCHEMA_VERSION = 1;

export class Storage {
  /** How often this file was opened, from 1: the upper part of transaction and session ids, so that none comes twice. */
  readonly epoch: number;
  readonly #database: Database.Database;
  #writing = false;
  #failure: unknown;

  /**
   * Opens and locks the file (or `:memory:`), making it and its folder where missing.
   * @throws ConflictError `BATON_CONFLICT_SERVER_RUNNING` when another server has it open, `BATON_CONFLICT_SCHEMA_NEWER`;
   *   InputError `BATON_INPUT_INVALID` when it is not a database; UnavailableError `BATON_UNAVAILABLE_REFUSED` when it
   *   cannot be opened.
   */
  static open(file: string): Storage {
    try {
      return new Storage(openFile(file));
    } catch (error) {
      throw mapOpenError(file, error);
    }
  }

  private constructor(database: Database.Database) {
    this.#database = database;
    this.epoch = nextEpoch(database);
  }

  /** The first error of SQLite, after which nothing may be answered any more. */
  get failure(): unknown {
    return this.#failure;
  }

  define(schema: string): void {
    this.#database.exec(schema);
  }

  /** A query; `R` names the columns it selects. With `bigints` all integers come as bigint. */
  query<R>(sql: string, options: { readonly bigints?: boolean } = {}): (...values: SqlValue[]) => R[] {
    const statement = this.#database.prepare(sql);
    if (options.bigints === true) statement.safeIntegers(true);
    return (...values) => this.#guard(() => withBytes(statement.all(values)) as R[]);
  }

  /** A writing statement: belongs to the transaction of the turn; answers how many rows it changed. */
  statement(sql: string): (...values: SqlValue[]) => number {
    const statement = this.#database.prepare(sql);
    return (...values) =>
      this.#guard(() => {
        if (!this.#writing) this.#database.exec('BEGIN IMMEDIATE');
        this.#writing = true;
        return statement.run(values).changes;
      });
  }

  commit(): void {
    if (!this.#writing) return;
    this.#guard(() => this.#database.exec('COMMIT'));
    this.#writing = false;
  }

  /** Without commit: what was not committed is as if it had not been. Idempotent. */
  close(): void {
    if (this.#database.open) this.#database.close();
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      // anything else is a value of the caller that cannot be bound: nothing was done
      if ((error as { name?: unknown }).name === 'SqliteError') this.#failure ??= error;
      throw error;
    }
  }
}

function openFile(file: string): Database.Database {
  if (file === ':memory:') return new Database(file);
  const path = resolve(file);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, 'a', 0o600)); // readable by its owner alone; SQLite gives its side files the same mode
  const database = new Database(path);
  // exclusive: a second server on the same file fails at once, and the lock dies with the process
  database.pragma('locking_mode = EXCLUSIVE');
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = NORMAL');
  return database;
}

function nextEpoch(database: Database.Database): number {
  database.exec('BEGIN IMMEDIATE');
  database.exec('CREATE TABLE IF NOT EXISTS server (schema INTEGER NOT NULL, epoch INTEGER NOT NULL)');
  const row = database.prepare('SELECT schema, epoch FROM server').get() as
    { schema: number; epoch: number } | undefined;
  if (row !== undefined && row.schema > SCHEMA_VERSION)
    throw new ConflictError(
      'BATON_CONFLICT_SCHEMA_NEWER',
      `the file has schema ${row.schema}, this version knows ${SCHEMA_VERSION}; use the newer version of Baton`,
    );
  const epoch = (row?.epoch ?? 0) + 1;
  if (row === undefined)
    database.prepare('INSERT INTO server (schema, epoch) VALUES (?, ?)').run(SCHEMA_VERSION, epoch);
  else database.prepare('UPDATE server SET epoch = ?').run(epoch);
  database.exec('COMMIT');
  return epoch;
}

/** The binding gives a blob of many rows as ArrayBuffer, of one row as Buffer: always Uint8Array here. */
function withBytes(rows: unknown[]): unknown[] {
  for (const row of rows as Record<string, unknown>[])
    for (const column in row) {
      const value = row[column];
      if (isArrayBuffer(value)) row[column] = new Uint8Array(value);
    }
  return rows;
}

function mapOpenError(file: string, error: unknown): unknown {
  const code = (error as { code?: unknown }).code;
  if (code === 'SQLITE_BUSY')
    return new ConflictError(
      'BATON_CONFLICT_SERVER_RUNNING',
      `another embedded server has ${file} open; use it, or give this one another file`,
      { cause: error },
    );
  if (code === 'SQLITE_NOTADB')
    return new InputError(
      'BATON_INPUT_INVALID',
      `${file} is not a database; remove it or name another file`,
      {
        cause: error,
      },
    );
  if (error instanceof ConflictError) return error;
  return new UnavailableError(
    'BATON_UNAVAILABLE_REFUSED',
    `${file} cannot be opened: ${error instanceof Error ? error.message : String(error)}`,
    { cause: error },
  );
}
