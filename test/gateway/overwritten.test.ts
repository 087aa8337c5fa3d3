/** Overwritten: an object that somebody with the keys of the bucket writes over, at equal size, is never handed out. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { connect, S3_SERVERS, type S3Server } from '../s3/server.ts';
import { bytesFile, plainCommit, safetensors } from '../story/models.ts';
import { openStage } from '../story/stage.ts';
import { type Serving, startServe } from './serving.ts';

const MODEL = 'org/model';
const LARGE = 'large.safetensors';
/** More than one part of an upload. */
const ADMITTED = safetensors('large', 3_000_000);

/** What a client gets in the end, following redirects. */
async function read(gateway: Serving, file: string): Promise<{ status: number; bytes: Buffer }> {
  const answer = await fetch(`${gateway.endpoint}/${MODEL}/resolve/main/${file}`);
  return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()) };
}

for (const { name, skip, start } of S3_SERVERS)
  describe(`an object written over in ${name}`, { skip }, () => {
    let server: S3Server;
    before(async () => {
      server = await start();
    });
    after(() => server?.close());

    for (const versioning of ['on', 'off'] as const)
      for (const asked of ['before', 'only after'] as const)
        it(`is not handed out, versions ${versioning}, asked for ${asked}`, async () => {
          const bucket = `over-${randomBytes(6).toString('hex')}`;
          await server.makeBucket(bucket, { versioning });
          const commits = [plainCommit('one', [bytesFile(LARGE, ADMITTED)])];
          const place = { place: `s3://${bucket}`, environment: server.environment };
          await using stage = await openStage({ models: [{ id: MODEL, commits }] }, place);
          const admitted = await stage.run(['admit', MODEL]);
          assert.equal(admitted.exit, 0, admitted.stderr);
          await using gateway = await startServe(stage, ['--anonymous']);
          if (asked === 'before') assert.ok((await read(gateway, LARGE)).bytes.equals(ADMITTED));

          const client = connect(server);
          const Key = `models/${MODEL}/${stage.hub.commitOf(MODEL)}/${LARGE}`;
          const other = Buffer.alloc(ADMITTED.length, 'not what was admitted');
          await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: other }));
          const there = await client.send(new GetObjectCommand({ Bucket: bucket, Key }));
          assert.ok(Buffer.from((await there.Body?.transformToByteArray()) ?? []).equals(other));
          client.destroy();

          const { status, bytes } = await read(gateway, LARGE).catch(() => ({
            status: 0,
            bytes: Buffer.alloc(0),
          }));
          assert.ok(!bytes.includes('not what was admitted'));
          // With versions the admitted bytes are still there to be had; without them nothing is.
          if (versioning === 'on') assert.ok(bytes.equals(ADMITTED));
          else assert.ok(status === 502 || status === 503 || status === 0, `${status}`);
          assert.equal((await read(gateway, 'config.json')).status, 200);
        });
  });
