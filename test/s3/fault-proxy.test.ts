/** The proxy in front of every server that is at hand, asked by the SDK with its usual retries. */
import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { startFaultProxy } from './fault-proxy.ts';
import { WRITES } from './operation.ts';
import { presign } from './presign.ts';
import { connect, S3_SERVERS, type S3Server } from './server.ts';

const Bucket = 'behind-a-proxy';

/** How a server answers a completion that it has done; the object is there all the same. */
const REPEATED = { versitygw: undefined, minio: 'NoSuchUpload', 'stand-in': undefined };

/** A proxy of this test's own, and a client that knows only the proxy. */
async function open(t: TestContext, server: S3Server) {
  const proxy = await startFaultProxy(server);
  const client = connect(proxy);
  t.after(async () => {
    client.destroy();
    await proxy.close();
  });
  return {
    proxy,
    client,
    put: (Key: string, Body: string | Buffer, more: Partial<PutObjectCommandInput> = {}) =>
      client.send(new PutObjectCommand({ Bucket, Key, Body, ...more })),
    text: async (Key: string) => {
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
      return Body?.transformToString();
    },
  };
}

for (const { name, skip, start } of S3_SERVERS) {
  describe(`the fault proxy before ${name}`, { skip }, () => {
    let server: S3Server;
    before(async () => {
      server = await start();
      await server.makeBucket(Bucket);
    });
    after(() => server?.close());

    it('passes bodies of any size both ways, and counts them', async (t) => {
      const { proxy, put, text } = await open(t, server);
      const bytes = Buffer.alloc(9 << 20, 'x');
      await put('large', bytes);
      assert.equal((await text('large'))?.length, bytes.length);
      assert.equal(proxy.counter('PutObject').requests, 1);
      assert.ok(proxy.counter('PutObject').receivedBytes >= bytes.length);
      assert.equal(proxy.counter('GetObject').sentBytes, bytes.length);
      assert.equal(proxy.requests.at(-1)?.status, 200);
    });

    it('loses the answer of every distinct write once: a retry meets its own success', async (t) => {
      const { proxy, put, text } = await open(t, server);
      proxy.fault({ operation: WRITES, each: 'distinct', what: 'drop-response' });
      await assert.rejects(put('once', 'mine', { IfNoneMatch: '*' }), { name: 'PreconditionFailed' });
      assert.equal(await text('once'), 'mine');
      await put('twice', 'a');
      await put('twice', 'b');
      assert.equal(await text('twice'), 'b');
      assert.deepEqual(
        proxy.requests.map(({ operation, status }) => `${operation} ${status}`),
        [
          ...['PutObject 0', 'PutObject 412', 'GetObject 200'],
          ...['PutObject 0', 'PutObject 200', 'PutObject 0', 'PutObject 200', 'GetObject 200'],
        ],
      );
    });

    it('loses the answers of an upload in parts, and the upload still ends', async (t) => {
      const { proxy, client, text } = await open(t, server);
      const Key = 'parts';
      proxy.fault({ operation: WRITES, each: 'distinct', what: 'drop-response' });
      const { UploadId } = await client.send(
        new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: 'CRC32' }),
      );
      const { ETag, ChecksumCRC32 } = await client.send(
        new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: 1, Body: 'part' }),
      );
      const Parts = [{ PartNumber: 1, ETag, ChecksumCRC32 }];
      const done = client.send(
        new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }),
      );
      const error: unknown = await done.then(
        () => undefined,
        (reason: Error) => reason.name,
      );
      assert.equal(error, REPEATED[name]);
      assert.equal(await text(Key), 'part');
      assert.equal(proxy.faults.struck.length, 3);
    });

    for (const [what, retried] of [
      [{ status: 500, code: 'InternalError' }, true],
      [{ status: 503, code: 'SlowDown' }, true],
      ['reset', true],
      ['expired-token', false],
      ['conflict', false],
    ] as const) {
      const named = typeof what === 'string' ? what : what.code;
      it(`answers ${named} once, without asking the server`, async (t) => {
        const { proxy, put, text } = await open(t, server);
        proxy.fault({ operation: 'PutObject', nth: 2, what });
        await put(named, 'first');
        const second = put(named, 'second');
        await (retried ? second : assert.rejects(second));
        assert.equal(await text(named), retried ? 'second' : 'first');
        assert.equal(proxy.faults.struck.length, 1);
      });
    }

    it('refuses HEAD on a presigned URL, and any Authorization beside one', async (t) => {
      const { proxy, client, put } = await open(t, server);
      await put('signed', 'body');
      const url = presign(proxy, { bucket: Bucket, key: 'signed' });
      const got = await fetch(url, { headers: { range: 'bytes=1-2' } });
      assert.deepEqual([got.status, await got.text()], [206, 'od']);
      assert.equal((await fetch(url, { method: 'HEAD' })).status, 403);
      const both = await fetch(url, { headers: { authorization: 'Bearer hf_x' } });
      assert.deepEqual(
        [both.status, /<Code>(.*)<\/Code>/.exec(await both.text())?.[1]],
        [400, 'InvalidArgument'],
      );
      await client.send(new HeadObjectCommand({ Bucket, Key: 'signed' }));
    });
  });
}
