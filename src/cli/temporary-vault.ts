/** A vault for a rehearsal: in the system's temporary folder, gone afterwards. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DirectoryVault } from '../vault/directory.ts';

export function temporaryVault(): { readonly vault: DirectoryVault } & AsyncDisposable {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-rehearsal-'));
  return {
    vault: new DirectoryVault(folder),
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
