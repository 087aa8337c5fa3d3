/** What the stand-in refuses, lacks or breaks when it is told to, as the SDK meets it. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { FaultWhat } from '../fault.ts';
import { connect } from '../server.ts';
import { type StandInOptions, startS3StandIn } from './stand-in.ts';

const Bucket = 'told';
const KEY = { Bucket, Key: 'k' };

async function open(t: TestContext, options: StandInOptions = {}) {
  const server = await startS3StandIn(options);
  await server.makeBucket(Bucket);
  const client = connect(server, { maxAttempts: 1 });
  t.after(async () => {
    client.destroy();
    await server.close();
  });
  const put = (more: Partial<PutObjectCommandInput> = {}) =>
    client.send(new PutObjectCommand({ ...KEY, Body: 'x', ...more }));
  const upload = async () => {
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(KEY));
    const part = new UploadPartCommand({ ...KEY, UploadId, PartNumber: 1, Body: 'part' });
    const { ETag } = await client.send(part);
    const complete = (more: { IfNoneMatch?: string } = {}) =>
      client.send(
        new CompleteMultipartUploadCommand({
          ...KEY,
          UploadId,
          MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
          ...more,
        }),
      );
    return { UploadId, complete };
  };
  return { server, client, put, upload };
}

describe('the stand-in, told what it lacks', () => {
  it('ignores conditions', async (t) => {
    const { put } = await open(t, { conditions: 'ignored' });
    await put({ IfNoneMatch: '*' });
    await put({ IfNoneMatch: '*' });
    await put({ IfMatch: '"5d41402abc4b2a76b9719d911017c592"' });
  });

  it('has no versioning', async (t) => {
    const { client } = await open(t, { versioning: 'unsupported' });
    const VersioningConfiguration = { Status: 'Enabled' } as const;
    const asked = client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    await assert.rejects(asked, { name: 'NotImplemented' });
  });

  it('has no tags', async (t) => {
    const { client, put } = await open(t, { tagging: 'unsupported' });
    await assert.rejects(put({ Tagging: 'a=b' }), { name: 'NotImplemented' });
    await put();
    await assert.rejects(client.send(new GetObjectTaggingCommand(KEY)), { name: 'NotImplemented' });
  });

  it('knows no completed upload any more', async (t) => {
    const { upload } = await open(t, { repeatedComplete: 'no-such-upload' });
    const { complete } = await upload();
    await complete();
    await assert.rejects(complete(), { name: 'NoSuchUpload' });
  });
});

describe('the stand-in, told what to refuse', () => {
  it('denies writes to who may only read, naming the action', async (t) => {
    const { server, put } = await open(t);
    await put();
    const reader = connect(server, { credentials: server.readOnlyCredentials });
    await reader.send(new GetObjectCommand(KEY));
    await reader.send(new ListObjectsV2Command({ Bucket }));
    for (const [command, action] of [
      [new PutObjectCommand({ ...KEY, Body: 'y' }), 's3:PutObject'],
      [new CreateMultipartUploadCommand(KEY), 's3:PutObject'],
      [new DeleteObjectCommand(KEY), 's3:DeleteObject'],
    ] as const) {
      const message = new RegExp(
        `is not authorized to perform: ${action} on resource: "arn:aws:s3:::told/k"`,
      );
      await assert.rejects(reader.send(command as PutObjectCommand), { name: 'AccessDenied', message });
    }
  });

  it('denies single actions', async (t) => {
    const { put } = await open(t, { deniedActions: ['s3:PutObjectTagging'] });
    await put();
    await assert.rejects(put({ Tagging: 'a=b' }), { message: /perform: s3:PutObjectTagging/ });
  });

  it('denies writes without If-None-Match by policy, but not the steps of an upload', async (t) => {
    const { put, upload } = await open(t, { policy: 'deny-without-if-none-match' });
    await assert.rejects(put(), {
      name: 'AccessDenied',
      message: /explicit deny in a resource-based policy/,
    });
    const { complete } = await upload();
    await assert.rejects(complete(), { name: 'AccessDenied' });
    await complete({ IfNoneMatch: '*' });
  });

  it('lets If-Match pass where the policy denies only writes without any condition', async (t) => {
    const { put } = await open(t, { policy: 'deny-unconditional' });
    const { ETag } = await put({ IfNoneMatch: '*' });
    await put({ IfMatch: ETag });
    await assert.rejects(put(), { name: 'AccessDenied' });
  });

  it('denies the KMS key, in the words of AWS', async (t) => {
    const { client, put } = await open(t, { kms: 'denied' });
    const asked = put({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'arn:aws:kms:eu-west-1:1:key/k' });
    await assert.rejects(asked, {
      name: 'AccessDenied',
      message:
        /not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:eu-west-1:1:key\/k because/,
    });
    await assert.rejects(client.send(new HeadObjectCommand(KEY)), { name: 'NotFound' });
  });

  it('says by which key it encrypted, and keeps the ETag from being a digest', async (t) => {
    const { client, put } = await open(t);
    const encryption = {
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: 'one',
      BucketKeyEnabled: true,
    } as const;
    const [first, second] = [await put(encryption), await put(encryption)];
    const head = await client.send(new HeadObjectCommand(KEY));
    for (const answer of [first, second, head]) {
      assert.equal(answer.SSEKMSKeyId, 'arn:aws:kms:eu-west-1:111122223333:key/one');
      assert.equal(answer.BucketKeyEnabled, true);
    }
    assert.notEqual(first.ETag, second.ETag);
  });

  it('holds no more bytes than it may', async (t) => {
    const { put } = await open(t, { heldBytesMax: 1000 });
    await put({ Body: 'x'.repeat(1000) });
    await assert.rejects(put({ Body: 'y' }), { name: 'InternalError' });
  });
});

describe('the stand-in, told to fail', () => {
  for (const [what, name] of [
    [{ status: 500, code: 'InternalError' }, 'InternalError'],
    [{ status: 503, code: 'SlowDown' }, 'SlowDown'],
    ['expired-token', 'ExpiredToken'],
    ['conflict', 'ConditionalRequestConflict'],
    ['reset', 'TimeoutError'],
  ] as const satisfies readonly (readonly [FaultWhat, string])[]) {
    const named = typeof what === 'string' ? what : what.code;
    it(`fails by ${named} before the work, on the second call and on no other`, async (t) => {
      const { server, client, put } = await open(t);
      server.fault({ operation: 'PutObject', nth: 2, what });
      await put({ Key: 'first' });
      await assert.rejects(put({ Key: 'second' }), { name });
      await put({ Key: 'third' });
      const { Contents } = await client.send(new ListObjectsV2Command({ Bucket }));
      assert.deepEqual(
        Contents?.map(({ Key }) => Key),
        ['first', 'third'],
      );
    });
  }

  it('loses an answer after the work', async (t) => {
    const { server, client, put } = await open(t);
    server.fault({ operation: 'PutObject', what: 'drop-response' });
    await assert.rejects(put({ IfNoneMatch: '*' }), { name: 'TimeoutError' });
    await client.send(new HeadObjectCommand(KEY));
    assert.deepEqual(
      server.requests.map(({ operation, status }) => [operation, status]),
      [
        ['PutObject', 0],
        ['HeadObject', 200],
      ],
    );
  });

  it('fails a completion with an error under status 200', async (t) => {
    const { server, client, upload } = await open(t);
    const { complete } = await upload();
    server.fault({ operation: 'CompleteMultipartUpload', what: { status: 200, code: 'InternalError' } });
    await assert.rejects(complete(), { name: 'InternalError' });
    await assert.rejects(client.send(new HeadObjectCommand(KEY)), { name: 'NotFound' });
    await complete();
  });

  it('forgets an upload', async (t) => {
    const { server, upload } = await open(t);
    const { complete } = await upload();
    server.fault({ operation: 'CompleteMultipartUpload', what: 'abort-upload' });
    await assert.rejects(complete(), { name: 'NoSuchUpload' });
    await assert.rejects(complete(), { name: 'NoSuchUpload' });
    assert.equal(server.store.heldBytes, 0);
  });

  it('stalls until it is closed', async (t) => {
    const { server, put } = await open(t);
    server.fault({ what: 'stall' });
    const stalled = assert.rejects(put(), { name: 'TimeoutError' });
    await put({ Key: 'other' });
    await server.close();
    await stalled;
  });

  it('strikes each distinct request once', async (t) => {
    const { server, put } = await open(t);
    server.fault({ each: 'distinct', what: { status: 503, code: 'SlowDown' } });
    for (const Body of ['one', 'two']) {
      await assert.rejects(put({ Body }), { name: 'SlowDown' });
      await put({ Body });
    }
    assert.equal(server.counter('PutObject').requests, 4);
  });
});

describe('the stand-in’s bookkeeping', () => {
  it('pages through versions and markers of one key', async (t) => {
    const { client, put } = await open(t);
    await client.send(
      new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }),
    );
    for (const Body of ['1', '2', '3']) await put({ Body });
    await client.send(new DeleteObjectCommand(KEY));
    const seen: (string | undefined)[] = [];
    let markers: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } = {};
    for (let pages = 0; pages < 4; pages += 1) {
      const page = await client.send(new ListObjectVersionsCommand({ Bucket, MaxKeys: 1, ...markers }));
      seen.push(...[...(page.DeleteMarkers ?? []), ...(page.Versions ?? [])].map((entry) => entry.VersionId));
      assert.equal(page.IsTruncated, pages < 3);
      markers = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
    }
    assert.equal(new Set(seen).size, 4);
  });

  it('keeps a bucket’s configuration and says what was never set', async (t) => {
    const { client } = await open(t);
    await assert.rejects(client.send(new GetBucketPolicyCommand({ Bucket })), { name: 'NoSuchBucketPolicy' });
    const Rules = [
      {
        ID: 'uploads',
        Status: 'Enabled' as const,
        Filter: { Prefix: '' },
        AbortIncompleteMultipartUpload: { DaysAfterInitiation: 30 },
      },
    ];
    const LifecycleConfiguration = { Rules };
    await client.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration }));
    const kept = await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
    assert.deepEqual(kept.Rules, Rules);
  });

  it('counts requests and bytes by operation', async (t) => {
    const { server, client, put } = await open(t);
    await put({ Body: 'x'.repeat(5000) });
    const { Body } = await client.send(new GetObjectCommand({ ...KEY, Range: 'bytes=0-999' }));
    await Body?.transformToString();
    assert.deepEqual(server.counter('PutObject'), { requests: 1, receivedBytes: 5000, sentBytes: 0 });
    assert.deepEqual(server.counter('GetObject'), { requests: 1, receivedBytes: 0, sentBytes: 1000 });
  });
});
