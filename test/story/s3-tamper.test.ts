/**
 * Tampering in a bucket, by somebody who may write there: new versions on top, delete markers, old states replayed,
 * uploads completed or changed before publication. `verify` names what was done, and admission publishes none of it.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  CompleteMultipartUploadCommand,
  ListObjectVersionsCommand,
  ListPartsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { StandInCommit } from '../../src/hub-stand-in/model.ts';
import { type FaultProxy, startFaultProxy } from '../s3/fault-proxy.ts';
import { S3_SERVERS, type S3Server } from '../s3/server.ts';
import { bytesFile, CONFIG, plainCommit, safetensors, textFile } from './models.ts';
import { openS3Stage, type S3Stage } from './s3-stage.ts';

const MODEL = 'org/model';
/** Of more than one part, so that it waits as a pending upload. */
const LARGE = 'large.safetensors';
const PART_BYTES = 8 << 20;

interface VerifyJson {
  readonly problems?: readonly {
    readonly object: string;
    readonly problem: string;
    readonly code?: string;
  }[];
  readonly error?: { readonly code: string; readonly message: string };
}

/** What a verification of the whole vault says, as `object problem` lines; none if all is well. */
async function problems(stage: S3Stage): Promise<string[]> {
  const { json, exit } = await stage.ask<VerifyJson>(['verify']);
  if (json.error) return [`${json.error.code} ${json.error.message}`];
  const lines = (json.problems ?? []).map(
    ({ object, problem, code }) => `${object} ${problem} ${code ?? ''}`,
  );
  assert.equal(exit, lines.length > 0 ? 1 : 0);
  return lines;
}

/** Names the object, whole. What says which vault this is cannot be wrong in one place only. */
function names(lines: readonly string[], key: string): boolean {
  if (key === 'registry/vault' && /^WL_VAULT_(?:FOREIGN|CORRUPT)/.test(lines[0] ?? '')) return true;
  return lines.some((line) => line.split(/[\s,:]/).includes(key));
}

/** The id of the version that a reader sees. */
async function latest(stage: S3Stage, key: string): Promise<string> {
  const { Versions } = await stage.client.send(
    new ListObjectVersionsCommand({ Bucket: stage.bucket, Prefix: `${stage.prefix}/${key}` }),
  );
  return Versions?.find(({ IsLatest }) => IsLatest)?.VersionId ?? assert.fail(`${key} has no version`);
}

function flipped(bytes: Buffer): Buffer {
  if (bytes.length === 0) return Buffer.of(1);
  const changed = Buffer.from(bytes);
  changed[bytes.length >> 1] = (changed[bytes.length >> 1] ?? 0) ^ 1;
  return changed;
}

function smallCommit(seed: string): StandInCommit {
  return {
    files: [
      textFile('README.md', `# ${seed}\n`),
      textFile('config.json', JSON.stringify(CONFIG)),
      bytesFile('model.safetensors', safetensors(seed, 64)),
      textFile('sub/empty.txt', ''),
    ],
  };
}

/** Nothing needs what an older log had, and what older states named. */
function isSpare(key: string, { logSize, state }: { logSize: number; state: string }): boolean {
  if (key.startsWith('log/staging/')) return true;
  if (/\.p\/\d+$/.test(key)) return !key.endsWith(`.p/${logSize}`);
  return key.startsWith('registry/index/') && !state.includes(key.slice('registry/index/'.length));
}

/** Objects of one kind differ in digests and names only. */
function kindOf(key: string): string {
  return key
    .replace(/^(models|registry\/\w+)\/[^/]+\/[^/]+\/[0-9a-f]{40}\//, '$1/…/')
    .replace(/[0-9a-f]{64}/, '…')
    .replace(/\.p\/\d+$/, '.p/…');
}

for (const { name, skip, start } of S3_SERVERS) {
  describe(`a bucket of ${name} that somebody else writes to`, { skip }, () => {
    let server: S3Server;
    let stage: S3Stage;
    let keys: readonly string[];
    let spare: { logSize: number; state: string };
    const states: Buffer[] = [];
    before(async () => {
      server = await start();
      const models = ['org/a', 'org/twin', 'b'].map((id) => ({ id, commits: [smallCommit(id)] }));
      stage = await openS3Stage(server, { models });
      for (const { id } of models) {
        assert.equal((await stage.here(['admit', id])).exit, 0);
        states.push(await stage.get('registry/state'));
      }
      const all = (await stage.keys()).filter((key) => !key.startsWith('staging/'));
      // Real servers are asked about one object of each kind, the stand-in, which is quick, about all.
      keys = name === 'stand-in' ? all : [...new Map(all.map((key) => [kindOf(key), key])).values()];
      const { payload } = JSON.parse((await stage.get('registry/state')).toString()) as { payload: string };
      spare = { logSize: await stage.logSize(), state: Buffer.from(payload, 'base64').toString() };
      assert.deepEqual(await problems(stage), []);
      assert.ok(keys.length > 12);
    });
    after(async () => {
      await stage?.[Symbol.asyncDispose]();
      await server?.close();
    });

    /** Does something, verifies, and removes the versions that were put on top. */
    const during = async (deed: () => Promise<readonly (readonly [key: string, version: string])[]>) => {
      const put = await deed();
      const lines = await problems(stage);
      for (const [key, version] of put) await stage.remove(key, version);
      return lines;
    };

    it('has every object named that has a new version on top, and none once it is gone', async () => {
      const missed: string[] = [];
      for (const key of keys) {
        const changed = flipped(await stage.get(key));
        const lines = await during(async () => [[key, await stage.put(key, changed)]]);
        if (!names(lines, key)) missed.push(`${key}: ${lines.join(' | ') || 'nothing was said'}`);
      }
      assert.deepEqual(missed, []);
      assert.deepEqual(await problems(stage), []);
    });

    it('has every object named that has a delete marker on top, but for what no current object needs', async () => {
      const missed: string[] = [];
      for (const key of keys) {
        const lines = await during(async () => [[key, await stage.remove(key)]]);
        const right = isSpare(key, spare) ? lines.length === 0 : names(lines, key);
        if (!right) missed.push(`${key}: ${lines.join(' | ') || 'nothing was said'}`);
      }
      assert.deepEqual(missed, []);
      assert.deepEqual(await problems(stage), []);
    });

    it('has stray objects named wherever they lie, also those whose names file systems do not have', async () => {
      const missed: string[] = [];
      const folders = new Set(keys.map((key) => key.slice(0, key.lastIndexOf('/') + 1)));
      const strays = [
        ...[...folders].map((folder) => `${folder}stray`),
        'models/',
        'models//x',
        'models/org/a/',
        `models/org/a/${stage.hub.commitOf('org/a')}/`,
        `models/org/a/${stage.hub.commitOf('org/a')}/config.json/x`,
        'registry/',
        'log/',
      ];
      const before = new Set(await stage.keys());
      let listed = 0;
      for (const key of strays) {
        let strangers: readonly string[] = [];
        const lines = await during(async () => {
          // Stores that keep keys as files refuse some of these, and call others by another name.
          const version = await stage.put(key, Buffer.from('{}')).catch(() => undefined);
          strangers = (await stage.keys()).filter((one) => !before.has(one));
          return version === undefined ? [] : [[key, version]];
        });
        listed += strangers.length;
        for (const one of strangers)
          if (!lines.some((line) => line.startsWith(`${one} `)))
            missed.push(`${one}: ${lines.join(' | ') || 'nothing was said'}`);
      }
      assert.ok(listed > folders.size, `${listed} strays are listed`);
      assert.deepEqual(missed, []);
      assert.deepEqual(await problems(stage), []);
    });

    it('has both objects named that were swapped between models', async () => {
      const missed: string[] = [];
      const all = (await stage.keys()).filter((key) => /\/org\/(?:a|twin)\//.test(key));
      let pairs = 0;
      for (const key of all.filter((candidate) => candidate.includes('/org/a/'))) {
        const other = all.find((candidate) => candidate !== key && kindOf(candidate) === kindOf(key));
        assert.ok(other, key);
        const [one, two] = [await stage.get(key), await stage.get(other)];
        if (one.equals(two)) continue;
        pairs += 1;
        const lines = await during(async () => [
          [key, await stage.put(key, two)],
          [other, await stage.put(other, one)],
        ]);
        for (const each of [key, other])
          if (!names(lines, each)) missed.push(`${key} ↔ ${other}: ${lines.join(' | ') || 'nothing'}`);
      }
      assert.ok(pairs >= 6, `${pairs} pairs`);
      assert.deepEqual(missed, []);
    });

    it('is believed with no older state, put on top or laid bare', async () => {
      const rolledBack =
        /^registry\/state the vault shows state \d+, and state \d+ was already seen.*|^WL_STATE_ROLLED_BACK/;
      for (const state of states.slice(0, -1)) {
        const [first] = await during(async () => [
          ['registry/state', await stage.put('registry/state', state)],
        ]);
        assert.match(first ?? '', rolledBack);
      }
      const bytes = await stage.get('registry/state');
      await stage.remove('registry/state', await latest(stage, 'registry/state'));
      assert.match((await problems(stage))[0] ?? '', rolledBack);
      for (const command of [['list'], ['admit', 'b'], ['pull', 'org/a', './copy']]) {
        const { json, exit } = await stage.ask<VerifyJson>(command);
        assert.deepEqual([exit === 0, json.error?.code], [false, 'WL_STATE_ROLLED_BACK'], command.join(' '));
      }
      await stage.put('registry/state', bytes);
      assert.deepEqual(await problems(stage), []);
    });
  });

  describe(`an admission into a bucket of ${name} that was interrupted, and then tampered with`, {
    skip,
  }, () => {
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

    /** Everything is staged, and nothing is on record: the store refuses the record. */
    const withStaged = async (work: (stage: S3Stage, place: string) => Promise<void>) => {
      const commit = plainCommit('model', [bytesFile(LARGE, safetensors('large', 2_300_000))]);
      await using stage = await openS3Stage(proxy, { models: [{ id: MODEL, commits: [commit] }] });
      proxy.fault({
        operation: 'PutObject',
        target: /registry\/records\//,
        times: 10,
        what: { status: 403, code: 'AccessDenied' },
      });
      const { exit, stderr } = await stage.here(['admit', MODEL]);
      proxy.faults.clear();
      assert.equal(exit, 77, stderr);
      assert.deepEqual(await stage.keys('models/'), []);
      assert.equal((await stage.uploads()).length, 1);
      await work(stage, `models/${MODEL}/${stage.hub.commitOf(MODEL)}`);
    };

    /** Completes the pending upload as a stranger can: with its parts as they are now. */
    const complete = async (stage: S3Stage) => {
      const [upload] = await stage.uploads();
      assert.ok(upload);
      const at = {
        Bucket: stage.bucket,
        Key: `${stage.prefix}/${upload.key}`,
        UploadId: upload.uploadId,
      };
      const { Parts = [] } = await stage.client.send(new ListPartsCommand(at));
      const parts = Parts.map(({ PartNumber, ETag, ChecksumCRC32 }) => ({ PartNumber, ETag, ChecksumCRC32 }));
      await stage.client.send(
        new CompleteMultipartUploadCommand({ ...at, MultipartUpload: { Parts: parts } }),
      );
    };
    const overwritePart = async (stage: S3Stage) => {
      const [upload] = await stage.uploads();
      const at = {
        Bucket: stage.bucket,
        Key: `${stage.prefix}/${upload?.key}`,
        UploadId: upload?.uploadId,
      };
      const Body = Buffer.alloc(PART_BYTES, 'evil');
      await stage.client.send(
        new UploadPartCommand({ ...at, PartNumber: 1, Body, ChecksumAlgorithm: 'CRC32' }),
      );
    };
    const fetched = (stage: S3Stage, file: string) =>
      stage.hub.requests.filter(({ path }) => path.includes('/resolve/') && path.endsWith(`/${file}`)).length;
    const requireAdmitted = async (stage: S3Stage) => {
      const { exit, stderr } = await stage.here(['admit', MODEL]);
      assert.equal(exit, 0, stderr);
      assert.deepEqual(await problems(stage), []);
      assert.deepEqual(await stage.uploads(), []);
    };

    it('publishes nothing of an upload that a stranger completed, and finishes once the bytes are the right ones', async () => {
      await withStaged(async (stage, place) => {
        await complete(stage);
        assert.deepEqual(await stage.keys('models/'), [`${place}/${LARGE}`]);
        assert.match((await problems(stage))[0] ?? '', /is extra: no published revision is here/);
        assert.equal((await stage.ask<VerifyJson>(['verify', MODEL])).json.error?.code, 'WL_NOT_ADMITTED');
        await requireAdmitted(stage);
        assert.equal(fetched(stage, LARGE), 1);
      });
    });

    it('stops at a completed upload with other bytes, names it, and finishes when it is removed', async () => {
      await withStaged(async (stage, place) => {
        await overwritePart(stage);
        await complete(stage);
        const { exit, stderr } = await stage.here(['admit', MODEL]);
        assert.notEqual(exit, 0);
        assert.match(stderr, new RegExp(`${place}/${LARGE} was changed[\\s\\S]*WL_VAULT_CORRUPT`));
        assert.deepEqual(await stage.keys('models/'), [`${place}/${LARGE}`], 'nothing was put beside it');
        assert.equal((await stage.ask<VerifyJson>(['verify', MODEL])).json.error?.code, 'WL_NOT_ADMITTED');
        await stage.remove(`${place}/${LARGE}`, await latest(stage, `${place}/${LARGE}`));
        await requireAdmitted(stage);
        assert.equal(fetched(stage, LARGE), 2, 'times that the large file was fetched');
      });
    });

    it('never completes an upload whose part a stranger replaced', async () => {
      await withStaged(async (stage) => {
        await overwritePart(stage);
        await requireAdmitted(stage);
        assert.equal(fetched(stage, LARGE), 2, 'times that the large file was fetched');
      });
    });

    it('brings in again what a stranger aborted, changed in staging, or forged a note about', async () => {
      await withStaged(async (stage) => {
        const [upload] = await stage.uploads();
        if (upload) await stage.abort(upload);
        const staged = await stage.keys('staging/');
        const config = staged.find((key) => key.endsWith('/files/config.json')) ?? '';
        await stage.put(config, Buffer.from('{"auto_map": {"AutoModel": "evil.Model"}}'));
        await requireAdmitted(stage);
        assert.equal(fetched(stage, LARGE), 2, 'times that the large file was fetched');
        assert.equal(fetched(stage, 'config.json'), 2);
        assert.equal(fetched(stage, 'README.md'), 1);
      });
      await withStaged(async (stage) => {
        const staged = await stage.keys('staging/');
        const note = staged.find((key) => key.includes('/notes/')) ?? '';
        await stage.put(note, flipped(await stage.get(note)));
        const { exit, stderr } = await stage.here(['admit', MODEL]);
        assert.equal(exit, 0, stderr);
        assert.deepEqual(await problems(stage), []);
        assert.equal(fetched(stage, LARGE), 2, 'times that the large file was fetched');
      });
    });
  });
}
