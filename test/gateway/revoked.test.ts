/**
 * Revoked: what every kind of reader gets once a revision was revoked, and after how many seconds at the latest.
 * huggingface_hub with a warm cache, a reader of the bucket with the runtime's rights, and a URL that was given out.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { bucketPolicy } from '../../src/posture/bucket/bucket-policy.ts';
import { connect, S3_SERVERS, type S3Server } from '../s3/server.ts';
import { bytesFile, plainCommit, safetensors } from '../story/models.ts';
import { openS3Stage, type S3Stage } from '../story/s3-stage.ts';
import { openStage, peer, type Stage } from '../story/stage.ts';
import { type Serving, startServe, until } from './serving.ts';

const run = promisify(execFile);
const MODEL = 'org/model';
/** What the gateway promises, and what a busy machine adds to asking. */
const FOLLOWS_MS = 5_000 + 2_000;
const PRESIGN_SECONDS = 6;
const LARGE = 'large.safetensors';

/** Whether a client with everything in its cache still asks about a commit that it is pinned to. */
const CLIENTS = [
  { name: 'hub-0.36', asksWhenPinned: true },
  { name: 'hub-2.4', asksWhenPinned: false },
].map((client) => ({ ...client, ...peer(`${client.name}/bin/python`, 'hub-clients') }));

/** As `vault init` names it; the store under test has no accounts. */
const OWNER = { partition: 'aws', account: '111122223333', region: 'us-east-1' };

/** What `snapshot_download` ends with: the folder, or the name of its error. */
async function snapshot(
  python: string,
  at: { readonly endpoint: string; readonly home: string; readonly revision?: string },
): Promise<{ readonly folder?: string; readonly error?: string; readonly message?: string }> {
  const { endpoint, home, revision } = at;
  const code = [
    'import json, sys',
    'from huggingface_hub import snapshot_download',
    'try:',
    `    print(json.dumps({"folder": snapshot_download("${MODEL}", revision=${JSON.stringify(revision ?? null).replace('null', 'None')})}))`,
    'except Exception as error:',
    '    print(json.dumps({"error": type(error).__name__, "message": str(error)}))',
  ].join('\n');
  const environment = { HF_ENDPOINT: endpoint, HF_HOME: home, HF_HUB_DISABLE_PROGRESS_BARS: '1' };
  const { stdout } = await run(python, ['-c', code], { env: { PATH: process.env.PATH, ...environment } });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

describe('a client with a warm cache', () => {
  for (const { name, path: python, skip, asksWhenPinned } of CLIENTS)
    it(`of ${name} is told, unless it is pinned, and then the sweep finds it`, { skip }, async () => {
      await using stage: Stage = await openStage({ models: [{ id: MODEL, commits: [plainCommit('one')] }] });
      assert.equal((await stage.here(['admit', MODEL])).exit, 0);
      await using gateway = await startServe(stage, ['--anonymous']);
      const { endpoint } = gateway;
      const home = path.join(stage.folder, 'hf');
      const revision = stage.hub.commitOf(MODEL);
      const warm = await snapshot(python, { endpoint, home });
      assert.ok(warm.folder && existsSync(path.join(warm.folder, 'config.json')));

      const revoked = await stage.here([
        'revoke',
        `${MODEL}@${revision}`,
        '--reason',
        'its author was hacked',
      ]);
      assert.equal(revoked.exit, 0, revoked.stderr);
      // Unpinned: an error with the reason, not the cached files.
      await until(async () => (await snapshot(python, { endpoint, home })).error !== undefined, {
        withinMs: FOLLOWS_MS * 2,
        what: 'the client is told',
      });
      const { error, message } = await snapshot(python, { endpoint, home });
      assert.equal(error, 'RevisionNotFoundError');
      assert.match(message ?? '', /was revoked at .*: its author was hacked/);
      // Pinned: a client that asks nobody is stopped by nothing at a gateway.
      const pinned = await snapshot(python, { endpoint, home, revision });
      if (asksWhenPinned) assert.equal(pinned.error, 'RevisionNotFoundError');
      else assert.ok(pinned.folder && existsSync(path.join(pinned.folder, 'config.json')));
      const swept = await stage.here(['sweep', home, '--remove']);
      assert.equal(swept.exit, 0, swept.stdout + swept.stderr);
      assert.match(swept.stdout, /revoked, removed .* config\.json .*its author was hacked/);
      const after = await snapshot(python, { endpoint, home, revision });
      assert.equal(after.error, 'RevisionNotFoundError', JSON.stringify(after));
    });
});

const MINIO = S3_SERVERS.find(({ name }) => name === 'minio');

describe('a reader of the bucket', { skip: MINIO?.skip ?? 'no MinIO' }, () => {
  let server: S3Server;
  let stage: S3Stage;
  let gateway: Serving;
  let revision: string;
  before(async () => {
    assert.ok(MINIO);
    server = await MINIO.start();
    const large = bytesFile(LARGE, safetensors('large', 3_000_000));
    stage = await openS3Stage(server, { models: [{ id: MODEL, commits: [plainCommit('one', [large])] }] });
    assert.equal((await stage.here(['admit', MODEL])).exit, 0);
    revision = stage.hub.commitOf(MODEL);
    gateway = await startServe(stage, ['--anonymous', '--presign-seconds', String(PRESIGN_SECONDS)]);
  });
  after(async () => {
    await gateway?.stop();
    await stage?.[Symbol.asyncDispose]();
    await server?.close();
  });

  const key = (file: string) => `${stage.prefix}/models/${MODEL}/${revision}/${file}`;

  /** Credentials that may read models, under what the bucket's own policy denies to everybody. */
  const runtime = async () => {
    const deny = JSON.parse(
      JSON.stringify(bucketPolicy({ bucket: stage.bucket, prefix: stage.prefix, ...OWNER })),
    ).Statement.find(({ Sid }: { Sid: string }) => Sid.includes('NoReadsOfRevoked'));
    const { Principal: _, ...denied } = deny;
    const resource = `arn:aws:s3:::${stage.bucket}/${stage.prefix}/models/*`;
    const allow = { Effect: 'Allow', Action: ['s3:GetObject', 's3:GetObjectVersion'], Resource: [resource] };
    const sts = new STSClient({
      endpoint: server.endpoint,
      region: server.region,
      credentials: server.credentials,
    });
    const { Credentials: given } = await sts.send(
      new AssumeRoleCommand({
        RoleArn: 'arn:aws:iam::111122223333:role/runtime',
        RoleSessionName: 'runtime',
        Policy: JSON.stringify({ Version: '2012-10-17', Statement: [allow, denied] }),
      }),
    );
    return connect(server, {
      credentials: {
        accessKeyId: given?.AccessKeyId ?? '',
        secretAccessKey: given?.SecretAccessKey ?? '',
        sessionToken: given?.SessionToken ?? '',
      },
    });
  };

  it('is refused at once with the runtime’s rights, and by a URL when it ends', async () => {
    const client = await runtime();
    const read = (file: string) =>
      client.send(new GetObjectCommand({ Bucket: stage.bucket, Key: key(file) })).then(
        async ({ Body }) => (await Body?.transformToByteArray())?.length,
        (error: Error) => error.name,
      );
    assert.equal(typeof (await read(LARGE)), 'number');
    const answer = await fetch(`${gateway.endpoint}/${MODEL}/resolve/main/${LARGE}`, { redirect: 'manual' });
    const issuedAt = performance.now();
    const url = answer.headers.get('location') ?? '';
    assert.equal(answer.status, 302);
    assert.equal((await fetch(url)).status, 200);

    const { json } = await stage.ask<{ filesTagged: number }>([
      'revoke',
      `${MODEL}@${revision}`,
      '--reason',
      'bad',
    ]);
    // Every file of the revision, and its signature.
    assert.equal(json.filesTagged, 8);
    for (const file of [LARGE, 'config.json', 'model.sig'])
      assert.equal(await read(file), 'AccessDenied', file);
    await until(async () => (await fetch(url)).status === 403, {
      withinMs: PRESIGN_SECONDS * 1000 + 2_000 - (performance.now() - issuedAt),
      what: 'the URL ends',
    });
    const refused = await fetch(`${gateway.endpoint}/${MODEL}/resolve/${revision}/${LARGE}`, {
      redirect: 'manual',
    });
    assert.deepEqual([refused.status, refused.headers.get('x-error-code')], [404, 'RevisionNotFound']);
    client.destroy();
  });
});
