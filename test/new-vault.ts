/** A new vault in a folder, and gates of it, below the command line. */
import path from 'node:path';
import { generateKeys, LocalLogSigner, LocalSigner } from '../src/attest/key.ts';
import { type Clock, systemClock } from '../src/base/clock.ts';
import { encodeDescriptor, firstTrust, newDescriptor } from '../src/registry/descriptor.ts';
import { Gate } from '../src/registry/gate.ts';
import { ProcessMemory } from '../src/registry/memory.ts';
import { DirectoryVault } from '../src/vault/directory.ts';
import { VAULT_KEY } from '../src/vault/layout.ts';

/** Makes `root`/vault. Every call of what it returns opens a gate with the same keys and a memory of its own. */
export async function newVault(root: string): Promise<(clock?: Clock) => Promise<Gate>> {
  const vault = new DirectoryVault(path.join(root, 'vault'));
  const descriptor = newDescriptor();
  await vault.create(VAULT_KEY, encodeDescriptor(descriptor));
  const keys = generateKeys();
  const signers = { signer: new LocalSigner(keys.gate), logSigner: new LocalLogSigner(keys.log) };
  const trust = firstTrust(descriptor, signers);
  return (clock = systemClock) =>
    Gate.open({ vault, trust, memory: new ProcessMemory(), clock, ...signers, stateValidityMs: 60_000 });
}
