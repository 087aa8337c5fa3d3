/**
 * One writer of the races in a directory vault, as a process of its own: what keeps writers apart there are locks of
 * the kernel, and within one process they never meet. Started by check-directory.ts; waits for its word.
 */
import path from 'node:path';
import { DirectoryVault } from '../../vault/directory.ts';
import { STATE_KEY, VAULT_KEY } from '../../vault/layout.ts';

export const ROUNDS = 20;
export const INCREMENTS_EACH = 10;
const ATTEMPTS_MAX = 5_000;
const TEXT_BYTES_MAX = 65_536;

/** What a writer was told. */
export interface Told {
  /** The rounds in which it created the object. */
  readonly won: readonly number[];
  readonly swapped: number;
}

/** The vault of one race. */
export function arena(scratch: string, race: number | 'swap'): DirectoryVault {
  return new DirectoryVault(path.join(scratch, `race-${race}`));
}

async function write(scratch: string, name: string): Promise<Told> {
  const won: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const outcome = await arena(scratch, round).create(VAULT_KEY, Buffer.from(name));
    if (outcome === 'created') won.push(round);
  }
  const vault = arena(scratch, 'swap');
  let swapped = 0;
  for (let attempt = 0; swapped < INCREMENTS_EACH && attempt < ATTEMPTS_MAX; attempt += 1) {
    const there = await vault.get(STATE_KEY, TEXT_BYTES_MAX);
    const next = Number(Buffer.from(there?.bytes ?? []).toString() || '0') + 1;
    if ((await vault.swap(STATE_KEY, Buffer.from(String(next)), there?.tag)) === 'swapped') swapped += 1;
  }
  return { won, swapped };
}

const [, file, scratch, name] = process.argv;
if (file === import.meta.filename && scratch !== undefined && name !== undefined) {
  process.once('message', () => {
    write(scratch, name).then(
      (told) => process.send?.(told, undefined, {}, () => process.disconnect()),
      (error: unknown) => {
        process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
        process.exit(1);
      },
    );
  });
  process.send?.('ready');
}
