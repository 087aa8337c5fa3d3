/** The proxy in front of the bucket lets pass what AWS lets pass, refuses what AWS refuses, and remembers both. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { presign } from '../s3/presign.ts';
import { connect, S3_SERVERS, type S3Server } from '../s3/server.ts';
import { type StrictPresignProxy, startStrictPresignProxy } from './strict-presign-proxy.ts';

const Bucket = 'models';
const Key = 'a folder/model+1.bin';
const bytes = randomBytes(3_000_000);

for (const { name, skip, start } of S3_SERVERS) {
  describe(`A presigned URL of ${name} behind the proxy`, { skip }, () => {
    let server: S3Server;
    let proxy: StrictPresignProxy;
    let url: string;
    before(async () => {
      server = await start();
      await server.makeBucket(Bucket);
      const client = connect(server);
      await client.send(new PutObjectCommand({ Bucket, Key, Body: bytes }));
      client.destroy();
      proxy = await startStrictPresignProxy(server);
      url = presign({ ...server, endpoint: proxy.endpoint }, { bucket: Bucket, key: Key });
    });
    after(async () => {
      await proxy?.close();
      await server?.close();
    });

    test('gives the bytes, whole and in part', async () => {
      const before = proxy.served();
      const whole = Buffer.from(await (await fetch(url)).arrayBuffer());
      assert.equal(digest(whole), digest(bytes));
      const part = await fetch(url, { headers: { range: 'bytes=1000-1999' } });
      assert.equal(part.status, 206);
      assert.deepEqual(Buffer.from(await part.arrayBuffer()), bytes.subarray(1000, 2000));
      assert.equal(proxy.served(), before + 2);
    });

    for (const [what, request, status, words] of [
      ['HEAD', { method: 'HEAD' }, 403, ''],
      [
        'a token beside the signature',
        { headers: { authorization: 'Bearer hf_x' } },
        400,
        'Only one auth mechanism allowed',
      ],
    ] as const) {
      test(`refuses ${what}`, async () => {
        const before = proxy.faulty().length;
        const answer = await fetch(url, request);
        assert.equal(answer.status, status);
        assert.ok((await answer.text()).includes(words));
        assert.equal(proxy.faulty().length, before + 1);
      });
    }

    test('refuses who has none', async () => {
      const answer = await fetch(url.split('?', 1)[0] ?? '');
      assert.equal(answer.status, 403);
      assert.match(proxy.faulty().at(-1) ?? '', /^GET .* 403/);
    });
  });
}

function digest(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
