/** What `scripts/peers.sh` installs; found here without loading what stories need. */
import { existsSync } from 'node:fs';
import path from 'node:path';

const PEERS = path.resolve(import.meta.dirname, '../.peers');

/** Path of something below `.peers/`, and the reason for which a test is skipped without it. `part` is what installs it. */
export function installed(
  name: string,
  part = 's3',
): { readonly path: string; readonly skip: string | false } {
  const file = path.join(PEERS, name);
  return { path: file, skip: existsSync(file) ? false : `needs ${name}: scripts/peers.sh ${part}` };
}
