/** Whether a store keeps the conditions of writes at all: asked once, before a vault is founded there. */
import { randomBytes } from 'node:crypto';
import { WeighlockError } from '../base/errors.ts';
import { stagingKey } from '../vault/layout.ts';
import type { Tag, Vault } from '../vault/vault.ts';

/** Throws WL_VAULT_UNSAFE where an object can be overwritten in spite of a condition. Leaves nothing behind. */
export async function requireConditions(vault: Vault): Promise<void> {
  const key = stagingKey(`probe-${randomBytes(8).toString('hex')}`, 'condition');
  try {
    await vault.create(key, Buffer.from('first'));
    const again = await vault.create(key, Buffer.from('second'));
    const stale = await vault.swap(key, Buffer.from('third'), '"00000000000000000000000000000000"' as Tag);
    if (again === 'exists' && stale === 'lost') return;
  } finally {
    await vault.remove(key);
  }
  throw new WeighlockError(
    'WL_VAULT_UNSAFE',
    `${vault.location} overwrites objects although the write says "only if absent" or "only if unchanged"`,
  );
}
