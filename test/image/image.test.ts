/** Our container image: valid by OCI's image specification, the same each time, and able to run with nothing around it. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { buildImage, type Image } from '../../scripts/image/image.ts';
import { type Entry, tar } from '../../scripts/image/tar.ts';
import { startS3StandIn } from '../s3/stand-in/stand-in.ts';
import { plainCommit } from '../story/models.ts';
import { openS3Stage } from '../story/s3-stage.ts';
import { ended, openStage, type Stage } from '../story/stage.ts';

const CHROOT = ['/usr/sbin/chroot', '/usr/bin/chroot'].find((place) => existsSync(place));
const skipRun = process.getuid?.() !== 0 ? 'needs root, for chroot' : CHROOT ? false : 'needs chroot';

const MODEL = 'org/model';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

describe('npm run image', () => {
  const scratch = mkdtempSync(path.join(os.tmpdir(), 'weighlock-image-'));
  let image: Image;
  before(async () => {
    image = await buildImage(path.join(scratch, 'one'));
  });
  after(() => rmSync(scratch, { recursive: true, force: true }));

  const blob = ({ digest, size }: Descriptor): Buffer => {
    const bytes = readFileSync(path.join(image.folder, 'blobs', digest.replace(':', '/')));
    assert.equal(sha256(bytes), digest);
    assert.equal(bytes.length, size);
    return bytes;
  };
  const json = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString('utf8'));
  const index = () => json(readFileSync(path.join(image.folder, 'index.json')));
  const manifest = () => json(blob(index().manifests[0]));

  it('makes a layout in which every digest, size and type is right, and nothing is beside', () => {
    assert.deepEqual(json(readFileSync(path.join(image.folder, 'oci-layout'))), {
      imageLayoutVersion: '1.0.0',
    });
    const { schemaVersion, mediaType, manifests } = index();
    assert.deepEqual([schemaVersion, mediaType], [2, 'application/vnd.oci.image.index.v1+json']);
    assert.equal(manifests.length, 1);
    assert.equal(manifests[0].digest, image.digest);
    const { config, layers, ...about } = manifest();
    assert.equal(about.mediaType, 'application/vnd.oci.image.manifest.v1+json');
    assert.equal(config.mediaType, 'application/vnd.oci.image.config.v1+json');
    const { rootfs, history, ...rest } = json(blob(config));
    assert.deepEqual(rootfs, {
      type: 'layers',
      diff_ids: layers.map((layer: Descriptor) => sha256(gunzipSync(blob(layer)))),
    });
    assert.equal(history.length, layers.length);
    assert.deepEqual(
      [rest.os, rest.config.User, rest.config.Entrypoint],
      ['linux', '65532:65532', ['/usr/local/bin/weighlock']],
    );
    for (const layer of layers) assert.equal(layer.mediaType, 'application/vnd.oci.image.layer.v1.tar+gzip');
    assert.equal(readdirSync(path.join(image.folder, 'blobs/sha256')).length, layers.length + 2);
    assert.ok(image.sizeBytes < 100e6, `${image.sizeBytes} bytes`);
  });

  it('holds no times, no owners, no program with rights of its own, no shell, no tool for development', () => {
    const listed = manifest().layers.map((layer: Descriptor) =>
      execFileSync('tar', ['--list', '--verbose', '--gzip', '--numeric-owner', '--utc'], {
        input: blob(layer),
        encoding: 'utf8',
      }),
    );
    const lines = listed.join('').trimEnd().split('\n');
    for (const line of lines) assert.match(line, /^[d-][rwxt-]{9} 0\/0 +\d+ 1970-01-01 00:00 [^/.]/, line);
    const names = lines.map((line: string) => line.split(/\s+/)[5] ?? '');
    assert.ok(names.includes('opt/weighlock/dist/cli/main.js'));
    for (const absent of [
      /(^|\/)(sh|bash|env|busybox)$/,
      /node_modules\/(typescript|@biomejs|fast-check|node)\//,
      /\.test\.js$/,
      /\.map$/,
    ])
      assert.deepEqual(
        names.filter((name: string) => absent.test(name)),
        [],
        String(absent),
      );
  });

  it('makes the same image again', async () => {
    const again = await buildImage(path.join(scratch, 'two'));
    assert.equal(again.digest, image.digest);
    assert.ok(readFileSync(again.archive).equals(readFileSync(image.archive)));
  });

  describe('unpacked', { skip: skipRun }, () => {
    const rootfs = path.join(scratch, 'root');
    let stage: Stage;
    before(async () => {
      mkdirSync(rootfs);
      for (const layer of manifest().layers)
        execFileSync('tar', ['--extract', '--gzip', '--directory', rootfs], { input: blob(layer) });
      stage = await openStage({ models: [{ id: MODEL, commits: [plainCommit('one')] }] });
      assert.equal((await stage.here(['admit', MODEL])).exit, 0);
      assert.equal((await stage.here(['pull', MODEL, path.join(stage.folder, 'copy')])).exit, 0);
      for (const name of ['copy', 'copy.weighlock.json', 'weighlock-data'])
        cpSync(path.join(stage.folder, name), path.join(rootfs, 'tmp', name), { recursive: true });
      mkdirSync(path.join(rootfs, 'mnt/models'), { recursive: true, mode: 0o777 });
      execFileSync('chmod', ['-R', 'a+rwX', path.join(rootfs, 'tmp'), path.join(rootfs, 'mnt')]);
    });
    after(() => stage?.[Symbol.asyncDispose]());

    const trust = () => {
      const folder = path.join(stage.folder, 'home/trust');
      return readFileSync(path.join(folder, readdirSync(folder)[0] ?? ''), 'utf8');
    };
    /** As the user of the image, with the variables of the image and nothing else of this machine. */
    const run = (...args: string[]) =>
      spawnSync(CHROOT ?? '', ['--userspec=65532:65532', rootfs, '/usr/local/bin/weighlock', ...args], {
        env: {
          PATH: '/usr/local/bin',
          HOME: '/tmp',
          WEIGHLOCK_TRUST: trust(),
          WEIGHLOCK_VAULT: '/tmp/weighlock-data',
        },
        encoding: 'utf8',
      });

    it('says its version', () => {
      const ran = run('--version');
      assert.match(ran.stdout, /^\d+\.\d+\.\d+\n$/, ran.stderr);
    });

    it('verifies a copy, and refuses one that was changed', () => {
      const expect = `${MODEL}@${stage.hub.commitOf(MODEL)}`;
      const good = run('verify', '/tmp/copy', '--expect', expect);
      assert.equal(good.status, 0, good.stderr || good.stdout);
      writeFileSync(path.join(rootfs, 'tmp/copy/README.md'), 'changed');
      const bad = run('verify', '/tmp/copy', '--expect', expect);
      assert.equal(bad.status, 1);
      assert.match(bad.stdout, /README\.md was changed/);
    });

    it('initializes a mount point with the arguments that KServe gives', () => {
      const ran = run('initialize', `weighlock://${MODEL}@${stage.hub.commitOf(MODEL)}`, '/mnt/models');
      assert.equal(ran.status, 0, ran.stderr);
      assert.ok(existsSync(path.join(rootfs, 'mnt/models/model-00002-of-00002.safetensors')));
    });

    it('initializes a mount point from a bucket, with the AWS clients that it carries', async (t) => {
      const server = await startS3StandIn({});
      t.after(() => server.close());
      await using s3 = await openS3Stage(server, { models: [{ id: MODEL, commits: [plainCommit('one')] }] });
      assert.equal((await s3.here(['admit', MODEL])).exit, 0);
      const mount = path.join(rootfs, 'mnt/from-bucket');
      mkdirSync(mount);
      chmodSync(mount, 0o777);
      const folder = path.join(s3.folder, 'home/trust');
      const args = ['--userspec=65532:65532', rootfs, '/usr/local/bin/weighlock', 'initialize'];
      const ran = await ended(
        spawn(CHROOT ?? '', [...args, `weighlock://${MODEL}@${s3.hub.commitOf(MODEL)}`, '/mnt/from-bucket'], {
          env: {
            ...server.environment,
            PATH: '/usr/local/bin',
            HOME: '/tmp',
            WEIGHLOCK_HOME: '/tmp/elsewhere',
            WEIGHLOCK_VAULT: s3.vault,
            WEIGHLOCK_TRUST: readFileSync(path.join(folder, readdirSync(folder)[0] ?? ''), 'utf8'),
          },
          stdio: ['ignore', 'pipe', 'pipe'],
        }),
      );
      assert.equal(ran.exit, 0, ran.stderr);
      assert.ok(existsSync(path.join(mount, 'model.sig')));
    });
  });
});

describe('a tar archive of ours', () => {
  const unpack = (entries: readonly Entry[]) => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-tar-'));
    execFileSync('tar', ['--extract', '--directory', folder], { input: Buffer.concat([...tar(entries)]) });
    const found = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
    rmSync(folder, { recursive: true });
    return found;
  };

  it('is read by tar, whatever the length of its paths', () => {
    const long = `${'a'.repeat(90)}/${'b'.repeat(90)}/${'c'.repeat(90)}/${'d'.repeat(120)}`;
    const exact = `${'e'.repeat(99)}`;
    const names = [long, exact, 'ü/ö', `${'f'.repeat(150)}/${'g'.repeat(90)}`];
    const bytes = Buffer.from('x');
    const entries = names.map((name): Entry => ({ kind: 'file', path: name, mode: 0o644, bytes }));
    const found = unpack(entries);
    for (const name of names) assert.ok(found.includes(name), name);
  });
});
