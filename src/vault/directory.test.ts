import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { sha256 } from '../base/digest.ts';
import { parseCommit, parseModelName } from '../base/name.ts';
import { vaultContract } from './contract.ts';
import { DirectoryVault } from './directory.ts';
import { evidenceKey, type RevisionId } from './layout.ts';
import { openStagingDoor } from './open.ts';

const ID: RevisionId = { model: parseModelName('org/model'), commit: parseCommit('ab'.repeat(20)) };

function temporary(): string {
  return mkdtempSync(path.join(os.tmpdir(), 'weighlock-vault-'));
}

vaultContract('DirectoryVault', async () => {
  const root = temporary();
  return {
    vault: new DirectoryVault(root),
    reopen: async () => new DirectoryVault(root),
    door: (ticket) => openStagingDoor(ticket, 0),
    close: async () => rmSync(root, { recursive: true }),
  };
});

describe('DirectoryVault', () => {
  it('does not follow a link that somebody put in the place of an object', async () => {
    const root = temporary();
    const vault = new DirectoryVault(root);
    const key = evidenceKey(sha256('x'));
    await vault.create(key, Buffer.from('mine'));
    const secret = path.join(root, 'secret');
    writeFileSync(secret, 'not yours');
    rmSync(path.join(root, key));
    symlinkSync(secret, path.join(root, key));
    await assert.rejects(vault.get(key, 1000), { code: 'WL_VAULT_CORRUPT' });
    await assert.rejects(vault.read(key)[Symbol.asyncIterator]().next(), { code: 'WL_VAULT_CORRUPT' });
    rmSync(root, { recursive: true });
  });

  it('does not wait for a pipe that somebody put in the place of an object', async () => {
    const root = temporary();
    const vault = new DirectoryVault(root);
    const key = evidenceKey(sha256('x'));
    await vault.create(key, Buffer.from('mine'));
    rmSync(path.join(root, key));
    execFileSync('mkfifo', [path.join(root, key)]);
    await assert.rejects(vault.get(key, 1000), { code: 'WL_VAULT_CORRUPT' });
    await assert.rejects(vault.read(key)[Symbol.asyncIterator]().next(), { code: 'WL_VAULT_CORRUPT' });
    rmSync(root, { recursive: true });
  });

  it('frees a staging area when its holder is killed', async () => {
    const root = temporary();
    const program = `
      const { DirectoryVault } = await import(${JSON.stringify(new URL('./directory.ts', import.meta.url).href)});
      const staging = await new DirectoryVault(${JSON.stringify(root)}).stage(${JSON.stringify(ID)});
      process.stdout.write(staging.id);
      process.kill(process.pid, 'SIGKILL');`;
    const child = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
      encoding: 'utf8',
    });
    assert.equal(child.signal, 'SIGKILL');
    const staging = await new DirectoryVault(root).stage(ID);
    assert.equal(staging.id, child.stdout);
    await staging.discard();
    rmSync(root, { recursive: true });
  });

  it('says that there is no room, by its own code', {
    skip: process.platform !== 'linux' && 'needs /dev/full',
  }, async () => {
    const root = temporary();
    const vault = new DirectoryVault(root);
    const staging = await vault.stage(ID);
    assert.ok(staging.ticket.kind === 'directory');
    rmSync(path.join(staging.ticket.path, 'files'), { recursive: true });
    const { writeSynced, unavailable } = await import('./durable-file.ts');
    assert.throws(() => writeSynced('/dev/full', Buffer.from('x')));
    const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    assert.equal((unavailable('write', full) as { code?: string }).code, 'WL_VAULT_FULL');
    await staging.discard();
    rmSync(root, { recursive: true });
  });
});
