/** `weighlock posture` as a user types it: on a directory, on stores of other makers, and where it cannot be asked. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { PostureRow } from '../../src/posture/posture.ts';
import { S3_SERVERS, type S3Server } from '../s3/server.ts';
import { plainModel } from '../story/models.ts';
import { openStage, type Stage } from '../story/stage.ts';

interface Document {
  readonly place: string;
  readonly rows: readonly PostureRow[];
}
const statuses = ({ rows }: Document) => Object.fromEntries(rows.map(({ id, status }) => [id, status]));

describe('weighlock posture on a directory', () => {
  let stage: Stage;
  before(async () => {
    stage = await openStage({ models: [plainModel('org/model')] });
    const admitted = await stage.here(['admit', 'org/model']);
    assert.equal(admitted.exit, 0, admitted.stderr);
  });
  after(() => stage[Symbol.asyncDispose]());

  it('passes a vault that an admission made', async () => {
    const { exit, stdout } = await stage.here(['posture']);
    assert.equal(exit, 0, stdout);
    assert.match(stdout, /everything that applies passed/);
  });

  it('names what others may write, and takes that from them after a yes', async () => {
    const file = path.join(stage.vault, 'registry', 'state');
    chmodSync(file, 0o666);
    const failed = await stage.ask<Document>(['posture']);
    assert.equal(failed.exit, 1);
    assert.equal(statuses(failed.json)['directory-modes'], 'failed');
    assert.match(JSON.stringify(failed.json), /registry\/state.*mode 666/);
    const shown = await stage.here(['posture', '--fix']);
    assert.equal(shown.exit, 1, 'without a yes nothing is changed');
    assert.match(shown.stdout, /chmod go-w .*registry\/state/);
    const fixed = await stage.here(['posture', '--fix', '--yes']);
    assert.equal(fixed.exit, 0, fixed.stdout);
    assert.equal((await stage.here(['posture'])).exit, 0);
  });

  it('names a folder above in which others may rename, and follows no link', async () => {
    const open = path.join(stage.folder, 'open');
    const vault = path.join(open, 'vault');
    mkdirSync(vault, { recursive: true });
    chmodSync(open, 0o777);
    writeFileSync(path.join(stage.folder, 'outside'), '');
    chmodSync(path.join(stage.folder, 'outside'), 0o666);
    symlinkSync(path.join(stage.folder, 'outside'), path.join(vault, 'link'));
    const { exit, json } = await stage.ask<Document>(['posture', vault]);
    assert.equal(exit, 1);
    assert.equal(statuses(json)['directory-path'], 'failed');
    assert.equal(statuses(json)['directory-modes'], 'passed');
  });

  it('prints SARIF, and has no findings of AWS', async () => {
    const { stdout } = await stage.here(['posture', '--sarif']);
    assert.equal(JSON.parse(stdout).version, '2.1.0');
    assert.equal((await stage.here(['posture', '--asff'])).exit, 64);
    assert.equal((await stage.here(['posture', '--asff', '--sarif'])).exit, 64);
  });

  it('names a directory that is not there', async () => {
    const { exit, stderr } = await stage.here(['posture', './nowhere']);
    assert.equal(exit, 69);
    assert.match(stderr, /there is no directory/);
  });
});

for (const { name, skip, start } of S3_SERVERS) {
  describe(`weighlock posture on ${name}`, { skip }, () => {
    let server: S3Server;
    let stage: Stage;
    before(async () => {
      server = await start();
      stage = await openStage({ models: [] }, { place: 's3://acme/team', environment: server.environment });
      Object.assign(process.env, server.environment);
      await stage.here(['vault', 'init', 's3://acme/team']);
    });
    after(async () => {
      await stage[Symbol.asyncDispose]();
      await server.close();
    });

    it('says what applies there, passes nothing of AWS, and writes nothing', async () => {
      const { json, exit } = await stage.ask<Document>(['posture']);
      const found = statuses(json);
      assert.equal(found.versioning, 'passed', JSON.stringify(json));
      for (const id of ['writers', 'key-state', 'endpoint-record'])
        assert.equal(found[id], 'not applicable', id);
      assert.ok(exit === 0 || exit === 1 || exit === 2);
      assert.equal(
        exit === 0,
        Object.values(found).every((one) => one === 'passed' || one === 'not applicable'),
      );
    });

    it('names a bucket that is not there', async () => {
      const { exit, stderr } = await stage.here(['posture', 's3://no-such-bucket-here']);
      assert.equal(exit, 69, stderr);
      assert.match(stderr, /there is no bucket no-such-bucket-here/);
    });
  });
}
