/**
 * Spool: a file of this machine that holds what a format with its directory at the end needs read anywhere, where
 * the staging area cannot give it back. It has no name in any folder from the moment it is open.
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { WeighlockError } from '../base/errors.ts';
import { readAt } from '../base/read-at.ts';
import type { StagedReader } from '../vault/vault.ts';

export class Spool implements StagedReader {
  readonly #fd: number;
  #sizeBytes = 0;

  constructor() {
    try {
      const folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-spool-'));
      this.#fd = openSync(path.join(folder, 'bytes'), 'wx+', 0o600);
      rmSync(folder, { recursive: true });
    } catch (error) {
      throw unwritable(error);
    }
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  write(chunk: Uint8Array): void {
    try {
      for (let at = 0; at < chunk.length; ) at += writeSync(this.#fd, chunk, at);
    } catch (error) {
      throw unwritable(error);
    }
    this.#sizeBytes += chunk.length;
  }

  read(offset: number, length: number): Uint8Array {
    return readAt(this.#fd, this.#sizeBytes, { offset, length });
  }

  /** A reader is done; what was spooled stays until `end`. */
  close(): void {}

  end(): void {
    closeSync(this.#fd);
  }
}

function unwritable(cause: unknown): WeighlockError {
  return new WeighlockError(
    'WL_TARGET_UNAVAILABLE',
    `cannot keep an archive in ${os.tmpdir()} while it is read: ${cause instanceof Error ? cause.message : cause}`,
    { hint: 'Free space there, or name another folder with TMPDIR, and run the command again.', cause },
  );
}
