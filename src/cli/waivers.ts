/** Waivers on the command line: whose count, and reading a file of them. */
import { readFileSync, statSync } from 'node:fs';
import type { Trust } from '../attest/trust.ts';
import { openWaivers, WAIVERS_BYTES_MAX, type Waiver } from '../attest/waiver.ts';
import { WeighlockError } from '../base/errors.ts';
import { openTrustFile, type Wire } from './wire.ts';

/** The waivers of a file, each checked against the trust file; none where no file is named. */
export async function readWaivers(wire: Wire, file: string | undefined): Promise<readonly Waiver[]> {
  if (file === undefined) return [];
  const trust = await peoplesTrust(wire);
  return openWaivers(textOf(file), trust);
}

/**
 * The trust file that names the people whose waivers count: the one that is configured, or the one pinned here for the
 * vault in use, which need not be reachable for it.
 */
export async function peoplesTrust(wire: Wire): Promise<Trust> {
  const { trust: file } = wire.config;
  if (file !== undefined) return openTrustFile(file);
  const vault = await wire.vault();
  const id = wire.home.vaultAt(vault.place);
  await vault.close();
  const pinned = id === undefined ? undefined : wire.home.pinned(id);
  if (pinned) return pinned;
  throw new WeighlockError('WL_TRUST_MISSING', 'no trust file says whose waivers count', {
    hint: 'Name it with --trust, or name the vault that it is pinned for with --vault.',
  });
}

/** The text of a file of waivers; undefined fields of the file system's errors stay out of the message. */
export function textOf(file: string): string {
  try {
    if (statSync(file).size > WAIVERS_BYTES_MAX)
      throw new WeighlockError('WL_WAIVER_INVALID', `${file} is longer than ${WAIVERS_BYTES_MAX} bytes`);
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof WeighlockError) throw error;
    throw new WeighlockError('WL_WAIVER_INVALID', `cannot read ${file}`, { cause: error });
  }
}
