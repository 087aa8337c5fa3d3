/** What others make of a published prefix: the AWS command line copies it, OpenSSF verifies it, SageMaker takes it. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { S3_SERVERS, type S3Server } from '../s3/server.ts';
import { bytesFile, plainCommit, safetensors, textFile } from './models.ts';
import { openS3Stage, type S3Stage } from './s3-stage.ts';
import { filesBelow, peer } from './stage.ts';

const execute = promisify(execFile);
const modelSigning = peer('model-signing/bin/model_signing', 'model-signing');
const aws = peer('aws/bin/aws', 's3');

const MODEL = 'org/model';

/** Every shape of path that an admission takes. */
const SHAPES: readonly string[] = [
  'a/b/c/d/e/f/g/h/deep.txt',
  '.hidden/file.txt',
  'with space/and  two.txt',
  ' leading and trailing /x .txt',
  'trailing.dot./x.txt',
  '...',
  '..three/dots...txt',
  'plus+and&ampersand=equals.txt',
  'percent%20and%2Fslash.txt',
  'question?mark#hash.txt',
  'quotes\'and"double.txt',
  'brackets[0]{1}(2)<3>.txt',
  'star*and!bang$dollar@at~tilde`tick^hat|pipe;semicolon,comma.txt',
  'colon:inside.txt',
  'ünïcödé/größe.txt',
  '模型/权重.txt',
  'emoji/🧊.txt',
  `${'n'.repeat(251)}.txt`,
  `${'ü'.repeat(127)}/x.txt`,
  `${'p'.repeat(200)}/${'q'.repeat(200)}/${'r'.repeat(200)}/end.txt`,
  'x/y',
  'x.y/z',
  'empty-file',
];

async function admitted(server: S3Server): Promise<S3Stage> {
  const shapes = SHAPES.map((shape, number) => textFile(shape, shape === 'empty-file' ? '' : `${number}\n`));
  const large = bytesFile('weights/large.safetensors', safetensors('large', 2_300_000));
  const stage = await openS3Stage(server, {
    models: [{ id: MODEL, commits: [plainCommit('model', [...shapes, large])] }],
  });
  const { exit, stderr } = await stage.here(['admit', MODEL]);
  assert.equal(exit, 0, stderr);
  return stage;
}

for (const { name, skip, start } of S3_SERVERS) {
  describe(`a published prefix on ${name}`, { skip }, () => {
    let server: S3Server;
    let stage: S3Stage;
    let prefix: string;
    before(async () => {
      server = await start();
      stage = await admitted(server);
      prefix = `models/${MODEL}/${stage.hub.commitOf(MODEL)}`;
    });
    after(async () => {
      await stage?.[Symbol.asyncDispose]();
      await server?.close();
    });

    const synced = async (folder: string) => {
      const target = path.join(stage.folder, folder);
      const from = `${stage.vault}/${prefix}`;
      await execute(aws.path, ['s3', 'sync', '--only-show-errors', from, target], {
        env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8', ...server.environment },
      });
      return target;
    };
    const accepted = async (folder: string) => {
      const key = path.join(stage.folder, 'gate.pem');
      writeFileSync(key, (await stage.here(['key', '--pem'])).stdout);
      const signature = path.join(folder, 'model.sig');
      const args = ['verify', 'key', '--signature', signature, '--public_key', key, folder];
      return execute(modelSigning.path, args).then(
        () => true,
        () => false,
      );
    };

    it('copied by `aws s3 sync` passes the official model_signing tool, and not with one byte changed', {
      skip: aws.skip || modelSigning.skip,
    }, async () => {
      const whole = await synced('whole');
      const files = (await stage.keys(`${prefix}/`)).map((key) => key.slice(prefix.length + 1));
      assert.deepEqual(filesBelow(whole), files.sort());
      assert.ok(await accepted(whole), 'as it was admitted');
      for (const file of ['config.json', 'weights/large.safetensors', '模型/权重.txt']) {
        const bytes = await stage.get(`${prefix}/${file}`);
        const changed = Buffer.from(bytes);
        changed[changed.length >> 1] = (changed[changed.length >> 1] ?? 0) ^ 1;
        const version = await stage.put(`${prefix}/${file}`, changed);
        assert.ok(!(await accepted(await synced(`changed ${path.basename(file)}`))), `${file} was changed`);
        await stage.remove(`${prefix}/${file}`, version);
      }
      assert.ok(await accepted(await synced('again')), 'as it was admitted, once more');
    });

    it('obeys what SageMaker asks of the keys below an S3Prefix', async () => {
      const keys = await stage.keys(`${prefix}/`);
      assert.ok(keys.length > SHAPES.length);
      const folders = new Set<string>();
      for (const key of keys) {
        assert.ok(Buffer.byteLength(`${stage.prefix}/${key}`) <= 1024, `${key} is longer than a key may be`);
        const parts = key.split('/');
        for (const part of parts) {
          assert.ok(part.trim() !== '', `${key} has a blank part, or ends in a slash`);
          assert.ok(part !== '.' && part !== '..', `${key} has a dotted part`);
          assert.ok(
            !part.includes('\0') && Buffer.byteLength(part) <= 255,
            `${key} has a part it may not have`,
          );
        }
        for (let depth = 1; depth < parts.length; depth++) folders.add(parts.slice(0, depth).join('/'));
      }
      assert.deepEqual(
        keys.filter((key) => folders.has(key)),
        [],
        'a key is file and folder',
      );
    });
  });
}

describe('a model that SageMaker could not take', () => {
  for (const [what, files] of [
    ['a file where another needs a folder', ['weights', 'weights/part']],
    ['a part of dots only', ['a/../b.txt']],
    ['an empty part', ['a//b.txt']],
    ['a blank part', ['a/ /b.txt']],
    ['a key that ends in a slash', ['folder/']],
    ['a part of more than 255 bytes', [`${'ü'.repeat(128)}.txt`]],
    ['a NUL', ['a\0b.txt']],
  ] as const) {
    it(`is refused by admission: ${what}`, async () => {
      const { skip, start } = S3_SERVERS.at(-1) ?? assert.fail('no server');
      assert.equal(skip, false);
      const server = await start();
      try {
        const commit = plainCommit(
          'model',
          files.map((file) => textFile(file, 'x')),
        );
        await using stage = await openS3Stage(server, { models: [{ id: MODEL, commits: [commit] }] });
        const { exit, stderr } = await stage.here(['admit', MODEL]);
        assert.notEqual(exit, 0);
        assert.match(stderr, /WL_PATH_REFUSED|WL_SOURCE_\w+/);
        assert.deepEqual(await stage.keys('models/'), []);
      } finally {
        await server.close();
      }
    });
  }
});
