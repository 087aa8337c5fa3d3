/**
 * A lock that the kernel lets go of when its holder dies, however it dies.
 *
 * Node has no flock(2). SQLite takes POSIX record locks on its database file, and an exclusive transaction on an
 * otherwise unused database is exactly such a lock: no owner to record, no staleness to guess, nothing to clean
 * up after SIGKILL. It holds between processes of one machine, and between threads of one process.
 */
import { DatabaseSync } from 'node:sqlite';

/** SQLITE_BUSY: somebody else holds the lock. */
const BUSY = 5;

export class KernelLock {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** The lock on `path`, waiting up to `waitMs` (blocking this thread), or undefined if somebody holds it. */
  static acquire(path: string, waitMs: number): KernelLock | undefined {
    const database = new DatabaseSync(path, { timeout: waitMs });
    try {
      database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
      return new KernelLock(database);
    } catch (error) {
      database.close();
      if (error instanceof Error && 'errcode' in error && error.errcode === BUSY) return undefined;
      throw error;
    }
  }

  /** Lets go; a second call finds nothing to do. */
  release(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}
