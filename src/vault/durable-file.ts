/** Files and directories made durable, and what the file system's errors mean to whoever runs the vault. */
import { closeSync, constants, fsyncSync, openSync, writeSync } from 'node:fs';
import { WeighlockError } from '../base/errors.ts';

/** Creates a file with these bytes and syncs it. Fails with EEXIST if it is there. */
export function writeSynced(file: string, bytes: Uint8Array): void {
  const fd = openSync(file, 'wx', 0o644);
  try {
    let written = 0;
    while (written < bytes.length) written += writeSync(fd, bytes, written);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Makes the names in a directory durable. */
export function syncDirectory(folder: string): void {
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** What a file system error means to whoever runs the vault. */
export function unavailable(doing: string, error: unknown): unknown {
  const code = codeOf(error);
  if (error instanceof WeighlockError || code === undefined) return error;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new WeighlockError('WL_VAULT_FULL', `no room left to ${doing}`, { cause: error });
  }
  const why = error instanceof Error ? error.message : code;
  return new WeighlockError('WL_VAULT_UNAVAILABLE', `cannot ${doing}: ${why}`, { cause: error });
}

/** The POSIX code of a system error (or SQLite's, for locks), undefined for anything else. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
