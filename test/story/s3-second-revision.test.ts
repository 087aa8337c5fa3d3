/** A second revision in a bucket: what did not change is copied inside the store, from exactly the recorded versions. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { ListObjectVersionsCommand } from '@aws-sdk/client-s3';
import type { StandInCommit, StandInFile } from '../../src/hub-stand-in/model.ts';
import { type FaultProxy, startFaultProxy } from '../s3/fault-proxy.ts';
import { S3_SERVERS, type S3Server } from '../s3/server.ts';
import { bytesFile, CONFIG, textFile } from './models.ts';
import { openS3Stage, type S3Stage } from './s3-stage.ts';

const MODEL = 'org/model';
const SHARDS = 10;
const CHANGED = 4;
/** More than a part has, so that each shard is an upload of its own. */
const SHARD_FLOATS = 2_150_000;

const shardName = (number: number) =>
  `model-000${String(number).padStart(2, '0')}-of-000${SHARDS}.safetensors`;

/** A shard with one tensor of a repeated pattern, another for each seed. */
function shard(number: number, seed: string): StandInFile {
  const dataBytes = SHARD_FLOATS * 4;
  const header = Buffer.from(
    JSON.stringify({
      [`layer.${number}`]: { dtype: 'F32', shape: [SHARD_FLOATS], data_offsets: [0, dataBytes] },
    }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const data = Buffer.alloc(dataBytes, createHash('sha256').update(seed).digest());
  return bytesFile(shardName(number), Buffer.concat([length, header, data]));
}

function commit(title: string, changed?: number): StandInCommit {
  const shards = Array.from({ length: SHARDS }, (_, at) =>
    shard(at + 1, at + 1 === changed ? `shard ${at + 1}, changed` : `shard ${at + 1}`),
  );
  return {
    files: [
      textFile('README.md', `# ${title}\n`),
      textFile('config.json', `${JSON.stringify(CONFIG)}\n`),
      ...shards,
    ],
  };
}

/** Names of the files that the Hub was asked for since. */
function fetchedSince(stage: S3Stage, asked: number): string[] {
  return stage.hub.requests
    .slice(asked)
    .flatMap(({ method, path }) => {
      const [, file] = /\/resolve\/[0-9a-f]{40}\/([^?]+)/.exec(path) ?? [];
      return method === 'GET' && file ? [file] : [];
    })
    .sort();
}

for (const { name, skip, start } of S3_SERVERS) {
  describe(`a second revision in a bucket of ${name}`, { skip }, () => {
    let server: S3Server;
    let proxy: FaultProxy;
    before(async () => {
      server = await start();
      proxy = await startFaultProxy(server);
    });
    after(async () => {
      await proxy?.close();
      await server?.close();
    });

    /** A stage with the first revision published and the second one at the Hub. */
    const withSecond = async (work: (stage: S3Stage, first: string) => Promise<void>) => {
      await using stage = await openS3Stage(proxy, { models: [{ id: MODEL, commits: [commit('first')] }] });
      const { exit, stderr } = await stage.here(['admit', MODEL]);
      assert.equal(exit, 0, stderr);
      const first = stage.hub.commitOf(MODEL);
      stage.hub.publish(MODEL, commit('second', CHANGED));
      await work(stage, first);
    };

    /** Admits, and says what was asked of the Hub and of the store by whom. */
    const admit = async (stage: S3Stage) => {
      const [asked, seen] = [stage.hub.requests.length, proxy.requests.length];
      const { exit, stderr } = await stage.here(['admit', MODEL]);
      assert.equal(exit, 0, stderr);
      const requests = proxy.requests.slice(seen).map(({ operation, path, status }) => ({
        operation,
        file: decodeURIComponent(path).split('/').at(-1) ?? '',
        status,
      }));
      const files = (operation: string) =>
        requests
          .filter((one) => one.operation === operation && one.status === 200)
          .map(({ file }) => file)
          .filter((file) => file.startsWith('model-'))
          .sort();
      return { fetched: fetchedSince(stage, asked), files };
    };

    const shards = (...without: readonly number[]) =>
      Array.from({ length: SHARDS }, (_, at) => at + 1)
        .filter((number) => !without.includes(number))
        .map(shardName);
    const version = async (stage: S3Stage, key: string) => {
      const Prefix = `${stage.prefix}/${key}`;
      const { Versions } = await stage.client.send(
        new ListObjectVersionsCommand({ Bucket: stage.bucket, Prefix }),
      );
      return Versions?.[0]?.VersionId ?? '';
    };

    it('reads the one shard that changed from the source, and copies the others in the store', async () => {
      await withSecond(async (stage) => {
        const { fetched, files } = await admit(stage);
        assert.deepEqual(fetched, ['README.md', 'config.json', shardName(CHANGED)]);
        assert.deepEqual(files('UploadPartCopy'), shards(CHANGED));
        assert.deepEqual([...new Set(files('UploadPart'))], [shardName(CHANGED)]);
        assert.deepEqual(files('PutObject'), []);
        assert.deepEqual(files('GetObject'), [], 'no shard is read back');
        assert.deepEqual([...files('CompleteMultipartUpload')], shards());
        const verified = await stage.here(['verify']);
        assert.equal(verified.exit, 0, verified.stdout);
        assert.deepEqual(await stage.uploads(), []);
      });
    });

    it('fetches a shard whose recorded version is gone', async () => {
      await withSecond(async (stage, first) => {
        const key = `models/${MODEL}/${first}/${shardName(1)}`;
        await stage.remove(key, await version(stage, key));
        const { fetched, files } = await admit(stage);
        assert.deepEqual(fetched, ['README.md', 'config.json', shardName(1), shardName(CHANGED)]);
        assert.deepEqual(files('UploadPartCopy'), shards(1, CHANGED));
        const verified = await stage.here(['verify', `${MODEL}@${stage.hub.commitOf(MODEL)}`]);
        assert.equal(verified.exit, 0, verified.stdout);
        assert.deepEqual(await stage.uploads(), []);
      });
    });

    it('copies the recorded version, whatever was put on top of it', async () => {
      await withSecond(async (stage, first) => {
        await stage.put(`models/${MODEL}/${first}/${shardName(1)}`, Buffer.alloc(9 << 20, 'tampered'));
        await stage.remove(`models/${MODEL}/${first}/${shardName(2)}`);
        const { fetched, files } = await admit(stage);
        assert.deepEqual(fetched, ['README.md', 'config.json', shardName(CHANGED)]);
        assert.deepEqual(files('UploadPartCopy'), shards(CHANGED));
        const second = await stage.here(['verify', `${MODEL}@${stage.hub.commitOf(MODEL)}`]);
        assert.equal(second.exit, 0, second.stdout);
        const all = await stage.here(['verify']);
        assert.equal(all.exit, 1);
        assert.match(all.stdout, new RegExp(`${first}/${shardName(1)} was changed`));
        assert.match(all.stdout, new RegExp(`${first}/${shardName(2)} is missing`));
      });
    });
  });
}
