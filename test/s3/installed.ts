/** The programs that `scripts/peers.sh s3` installs; found here without loading what stories need. */
import { existsSync } from 'node:fs';
import path from 'node:path';

const PEERS = path.resolve(import.meta.dirname, '../../.peers');

/** Path of a program, and the reason for which a test is skipped without it. */
export function installed(name: string): { readonly path: string; readonly skip: string | false } {
  const file = path.join(PEERS, name);
  return { path: file, skip: existsSync(file) ? false : `needs ${name}: scripts/peers.sh s3` };
}
