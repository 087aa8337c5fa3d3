/** Who the stand-in lets in: signatures, times, tokens, presigned URLs, hosts, regions. */
import assert from 'node:assert/strict';
import http from 'node:http';
import { Readable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { crc32 } from 'node:zlib';
import {
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  PutObjectCommand,
  type S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { makeCertificate, noCertificates } from '../certificate.ts';
import { presign, signHeaders } from '../presign.ts';
import { connect } from '../server.ts';
import { type S3StandIn, type StandInOptions, startS3StandIn } from './stand-in.ts';

const Bucket = 'signed';
const KEY = { Bucket, Key: 'k' };
const MINUTE_MS = 60_000;

async function open(t: TestContext, options: StandInOptions = {}, config: Partial<S3ClientConfig> = {}) {
  const server = await startS3StandIn(options);
  await server.makeBucket(Bucket);
  // The SDK would mend its clock by the server's answers, and try again.
  const client = connect(server, { maxAttempts: 1, ...config });
  t.after(async () => {
    client.destroy();
    await server.close();
  });
  return { server, client };
}

/** Status and error code of a plain request. */
async function ask(url: string, init: RequestInit = {}) {
  const answer = await fetch(url, init);
  const text = await answer.text();
  return {
    status: answer.status,
    code: /<Code>(.*?)<\/Code>/.exec(text)?.[1],
    text,
    headers: answer.headers,
  };
}

const STREAM_BYTES = 200_000;

async function putStream(client: S3Client): Promise<void> {
  const Body = Readable.from([Buffer.alloc(STREAM_BYTES / 2, 'a'), Buffer.alloc(STREAM_BYTES / 2, 'b')]);
  await client.send(new PutObjectCommand({ ...KEY, Body, ContentLength: STREAM_BYTES }));
}

interface Chunks {
  readonly bytes: Buffer;
  readonly chunkBytes?: number;
  readonly trailer?: 'x-amz-checksum-crc32' | undefined;
  readonly spoil?: 'bytes' | 'signature';
}

/** A PutObject in chunks that are signed one by one, as AWS's older clients send them. */
function askChunks(server: S3StandIn, { bytes, chunkBytes = 10_000, trailer, spoil }: Chunks) {
  const kind = trailer ? 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER' : 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
  const { url, headers, chain } = signHeaders(server, {
    method: 'PUT',
    path: `/${Bucket}/k`,
    payload: kind,
    headers: {
      'content-encoding': 'aws-chunked',
      'x-amz-decoded-content-length': String(bytes.length),
      ...(trailer ? { 'x-amz-trailer': trailer } : {}),
    },
  });
  const pieces: Buffer[] = [];
  for (let at = 0; at <= bytes.length; at += chunkBytes) {
    const piece = bytes.subarray(at, at + chunkBytes);
    pieces.push(Buffer.from(`${piece.length.toString(16)};chunk-signature=${chain.chunk(piece)}\r\n`), piece);
    if (piece.length > 0) pieces.push(Buffer.from('\r\n'));
  }
  if (bytes.length % chunkBytes !== 0) {
    pieces.push(Buffer.from(`0;chunk-signature=${chain.chunk(Buffer.alloc(0))}\r\n`));
  }
  if (trailer) {
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(bytes));
    const value = sum.toString('base64');
    const signature = chain.trailer(`${trailer}:${value}\n`);
    pieces.push(Buffer.from(`${trailer}:${value}\r\nx-amz-trailer-signature:${signature}\r\n`));
  }
  pieces.push(Buffer.from('\r\n'));
  const body = Buffer.concat(pieces);
  const target = spoil === 'bytes' ? 200 : body.indexOf('=') + 1;
  if (spoil) body.writeUInt8(body.readUInt8(target) === 0x62 ? 0x63 : 0x62, target);
  return ask(url, { method: 'PUT', headers, body });
}

/** A request with a Host of its choosing, which fetch does not allow. */
async function askHost(endpoint: string, path: string, host: string): Promise<number | undefined> {
  const { hostname, port } = new URL(endpoint);
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  http
    .get({ hostname, port, path, headers: { host } }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode));
    })
    .on('error', reject);
  return promise;
}

describe('the stand-in, asked by signed headers', () => {
  for (const [what, offMs, refused] of [
    ['fourteen minutes late', -14 * MINUTE_MS, false],
    ['sixteen minutes late', -16 * MINUTE_MS, true],
    ['sixteen minutes early', 16 * MINUTE_MS, true],
  ] as const) {
    it(`${refused ? 'refuses' : 'takes'} a clock that is ${what}`, async (t) => {
      const { client } = await open(t, { now: () => Date.now() - offMs });
      const asked = client.send(new ListBucketsCommand({}));
      await (refused ? assert.rejects(asked, { name: 'RequestTimeTooSkewed' }) : asked);
    });
  }

  it('knows its own keys alone, and their secrets', async (t) => {
    const { server } = await open(t);
    const { accessKeyId, secretAccessKey } = server.credentials;
    for (const [credentials, name] of [
      [{ accessKeyId: 'AKIAUNKNOWN', secretAccessKey }, 'InvalidAccessKeyId'],
      [{ accessKeyId, secretAccessKey: 'wrong' }, 'SignatureDoesNotMatch'],
      [{ accessKeyId, secretAccessKey, sessionToken: 'made-up' }, 'InvalidToken'],
    ] as const) {
      await assert.rejects(connect(server, { credentials }).send(new ListBucketsCommand({})), { name });
    }
    assert.equal((await ask(server.endpoint)).status, 403);
  });

  it('takes a session token until it expires', async (t) => {
    let nowMs = Date.now();
    const { server, client } = await open(t, { credentialsExpireAt: nowMs + MINUTE_MS, now: () => nowMs });
    await client.send(new PutObjectCommand({ ...KEY, Body: 'x' }));
    nowMs += MINUTE_MS;
    await assert.rejects(client.send(new GetObjectCommand(KEY)), { name: 'ExpiredToken' });
    server.expireAt(nowMs + MINUTE_MS);
    await client.send(new GetObjectCommand(KEY));
  });

  it('refuses headers of Amazon that are not signed', async (t) => {
    const { client } = await open(t);
    client.middlewareStack.add(
      (next) => (args) => {
        (args.request as { headers: Record<string, string> }).headers['x-amz-meta-late'] = 'yes';
        return next(args);
      },
      { step: 'finalizeRequest', priority: 'low' },
    );
    await assert.rejects(client.send(new PutObjectCommand({ ...KEY, Body: 'x' })), /were not signed/);
  });

  it('takes a stream over https, unsigned with a trailer', { skip: noCertificates }, async (t) => {
    const tls = makeCertificate();
    const requestHandler = { httpsAgent: { ca: tls.cert } };
    const { server, client } = await open(t, { tls }, { requestHandler });
    await putStream(client);
    const { Body: back } = await client.send(new GetObjectCommand(KEY));
    assert.equal((await back?.transformToString())?.length, STREAM_BYTES);
    const [asked] = server.requests;
    assert.equal(asked?.headers['x-amz-content-sha256'], 'STREAMING-UNSIGNED-PAYLOAD-TRAILER');
    assert.equal(asked?.headers['x-amz-trailer'], 'x-amz-checksum-crc32');
  });

  it('takes signed chunks, with and without a signed trailer, and refuses them changed', async (t) => {
    const { server, client } = await open(t);
    for (const trailer of [undefined, 'x-amz-checksum-crc32'] as const) {
      const whole = await askChunks(server, { bytes: Buffer.alloc(20_000, 'a'), trailer });
      assert.equal(whole.status, 200, whole.text);
      const { ContentLength, ContentEncoding } = await client.send(new HeadObjectCommand(KEY));
      assert.deepEqual([ContentLength, ContentEncoding], [20_000, undefined]);
      for (const spoil of ['bytes', 'signature'] as const) {
        const changed = await askChunks(server, { bytes: Buffer.alloc(20_000, 'a'), trailer, spoil });
        assert.deepEqual([changed.status, changed.code], [403, 'SignatureDoesNotMatch']);
      }
    }
    const small = await askChunks(server, { bytes: Buffer.alloc(20_000, 'a'), chunkBytes: 8_191 });
    assert.equal(small.code, 'InvalidChunkSizeError');
  });
});

describe('the stand-in, asked by presigned URLs', () => {
  it('gives the object, also in ranges and under another name', async (t) => {
    const { server, client } = await open(t);
    await client.send(new PutObjectCommand({ ...KEY, Body: '0123456789' }));
    const url = presign(server, {
      bucket: Bucket,
      key: 'k',
      query: { 'response-content-disposition': 'attachment; filename="x"' },
    });
    const got = await ask(url, { headers: { range: 'bytes=2-3' } });
    assert.deepEqual([got.status, got.text], [206, '23']);
    assert.equal(got.headers.get('content-disposition'), 'attachment; filename="x"');
  });

  it('refuses what the URL was not signed for', async (t) => {
    const { server, client } = await open(t);
    await client.send(new PutObjectCommand({ ...KEY, Body: 'x' }));
    const at = { bucket: Bucket, key: 'k' };
    const url = presign(server, at);
    assert.equal((await ask(url, { method: 'HEAD' })).status, 403);
    const cases = [
      [url.replace('/k?', '/other?'), {}, 403, 'SignatureDoesNotMatch'],
      [`${url}&versionId=null`, {}, 403, 'SignatureDoesNotMatch'],
      [url, { authorization: 'Bearer hf_x' }, 400, 'InvalidArgument'],
      [url, { 'x-amz-checksum-mode': 'ENABLED' }, 403, 'AccessDenied'],
      [presign(server, { ...at, at: Date.now() - 301_000 }), {}, 403, 'AccessDenied'],
      [presign(server, { ...at, expiresSeconds: 604_801 }), {}, 400, 'AuthorizationQueryParametersError'],
      [presign({ ...server, region: 'us-east-2' }, at), {}, 400, 'AuthorizationQueryParametersError'],
    ] as const;
    for (const [address, headers, status, code] of cases) {
      const got = await ask(address, { headers });
      assert.deepEqual([got.status, got.code], [status, code], got.text);
    }
    assert.equal((await ask(presign(server, { ...at, method: 'HEAD' }), { method: 'HEAD' })).status, 200);
  });

  it('outlives no session token', async (t) => {
    const { server } = await open(t, { credentialsExpireAt: Date.now() - 1 });
    assert.equal((await ask(presign(server, { bucket: Bucket, key: 'k' }))).code, 'ExpiredToken');
  });

  it('finds the bucket in the host as in the path', async (t) => {
    const { server, client } = await open(t);
    await client.send(new PutObjectCommand({ ...KEY, Body: 'x' }));
    const host = `${Bucket}.s3.${server.region}.amazonaws.com`;
    const { pathname, search } = new URL(presign(server, { bucket: Bucket, key: 'k', host }));
    assert.equal(await askHost(server.endpoint, `${pathname}${search}`, host), 200);
    const path = `${pathname}${search}`;
    assert.equal(await askHost(server.endpoint, path, `other.s3.${server.region}.amazonaws.com`), 403);
  });
});

describe('the stand-in with a bucket in another region', () => {
  it('redirects, and serves who signs for that region', async (t) => {
    const { server, client } = await open(t);
    server.moveBucket(Bucket, 'ap-south-1');
    await assert.rejects(client.send(new GetObjectCommand(KEY)), { name: 'PermanentRedirect' });
    await assert.rejects(client.send(new HeadBucketCommand({ Bucket })), (error: HeadError) => {
      assert.equal(error.$metadata.httpStatusCode, 301);
      assert.equal(error.$response?.headers['x-amz-bucket-region'], 'ap-south-1');
      return true;
    });
    const there = connect(server, { region: 'ap-south-1' });
    await there.send(new PutObjectCommand({ ...KEY, Body: 'x' }));
    const elsewhere = connect(server, { region: 'us-west-2' });
    await assert.rejects(elsewhere.send(new GetObjectCommand(KEY)), {
      name: 'AuthorizationHeaderMalformed',
      message: /expecting 'ap-south-1'/,
    });
  });
});

interface HeadError extends Error {
  readonly $metadata: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers: Readonly<Record<string, string>> };
}
