/** What others say of our signatures and our log: the official model_signing tool, and Go's own packages. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { plainModel } from './models.ts';
import { filesBelow, openStage, peer, type Stage } from './stage.ts';

const execute = promisify(execFile);
const modelSigning = peer('model-signing/bin/model_signing', 'model-signing');
const logVerifier = peer('bin/log-verifier', 'log-verifier');

async function accepts(program: string, args: readonly string[]): Promise<boolean> {
  return execute(program, args).then(
    () => true,
    () => false,
  );
}

async function withAdmitted(names: readonly string[], work: (stage: Stage) => Promise<void>): Promise<void> {
  await using stage = await openStage({ models: names.map((name) => plainModel(name)) });
  for (const name of names) {
    const { exit, stderr } = await stage.run(['admit', name]);
    assert.equal(exit, 0, stderr);
  }
  await work(stage);
}

describe('the official model_signing tool', { skip: modelSigning.skip }, () => {
  it('accepts the vault’s prefix and what pull wrote, and rejects one flipped byte, one added, one removed file', async () => {
    await withAdmitted(['org/model'], async (stage) => {
      const key = path.join(stage.folder, 'gate.pem');
      writeFileSync(key, (await stage.run(['key', '--pem'])).stdout);
      const verify = (folder: string) =>
        accepts(modelSigning.path, [
          'verify',
          'key',
          '--signature',
          path.join(folder, 'model.sig'),
          '--public_key',
          key,
          folder,
        ]);

      const prefix = path.join(stage.vault, 'models/org/model', stage.hub.commitOf('org/model'));
      assert.ok(await verify(prefix), 'the vault’s prefix');
      const copy = path.join(stage.folder, 'copy');
      assert.equal((await stage.run(['pull', 'org/model', copy])).exit, 0);
      assert.ok(await verify(copy), 'what pull wrote');

      for (const file of filesBelow(copy).filter(
        (name) => name !== 'model.sig' && name !== '.gitattributes',
      )) {
        const tampered = path.join(stage.folder, 'tampered');
        const inside = path.join(tampered, file);
        const attempt = async (what: string, change: () => void) => {
          rmSync(tampered, { recursive: true, force: true });
          cpSync(copy, tampered, { recursive: true });
          change();
          assert.ok(!(await verify(tampered)), `${file} ${what}`);
        };
        const bytes = readFileSync(path.join(copy, file));
        await attempt('changed', () =>
          writeFileSync(inside, bytes.length > 0 ? flipped(bytes) : Buffer.from('x')),
        );
        if (file !== 'config.json') continue;
        await attempt('removed', () => rmSync(inside));
        await attempt('renamed', () => renameSync(inside, `${inside}x`));
        await attempt('joined by another', () => writeFileSync(`${inside}.more`, 'x'));
      }
    });
  });
});

describe('Go’s sumdb/tlog and note', { skip: logVerifier.skip }, () => {
  it('accept the log and its proofs, and refuse a changed entry and another key', async () => {
    const names = ['org/a', 'org/b', 'org/c', 'gpt2'];
    await withAdmitted(names, async (stage) => {
      const log = path.join(stage.vault, 'log');
      const { json } = await stage.ask<{ trust: { logs: { key: string }[] } }>(['trust', 'show']);
      const key = json.trust.logs[0]?.key ?? '';
      const proofs = filesBelow(path.join(stage.vault, 'registry/proofs')).map((file) =>
        path.join(stage.vault, 'registry/proofs', file),
      );
      assert.equal(proofs.length, names.length);
      const { stdout } = await execute(logVerifier.path, [log, key, ...proofs]);
      assert.match(stdout, /accepted 4 entries, 4 proofs/);

      const bundle = path.join(log, 'tile/entries/000.p/4');
      const bytes = readFileSync(bundle);
      writeFileSync(bundle, flipped(bytes));
      assert.ok(!(await accepts(logVerifier.path, [log, key])));
      writeFileSync(bundle, bytes);
      assert.ok(await accepts(logVerifier.path, [log, key]));
      assert.ok(!(await accepts(logVerifier.path, [log, key.replace('+', 'x+')])));
    });
  });
});

function flipped(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  const middle = Math.floor(changed.length / 2);
  changed[middle] = (changed[middle] ?? 0) ^ 1;
  return changed;
}
