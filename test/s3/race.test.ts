/** Conditions under a race, on every server that is at hand: of many writers at once exactly one wins. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { connect, S3_SERVERS, type S3Server } from './server.ts';

const WRITERS = 12;
const ROUNDS = 10;

for (const { name, skip, start } of S3_SERVERS) {
  for (const versioning of ['on', 'off'] as const) {
    describe(`a race on ${name}, versioning ${versioning}`, { skip }, () => {
      const Bucket = 'race';
      let server: S3Server;
      /** A client a writer, so that no queue of connections puts the writers in a row. */
      let clients: readonly S3Client[];
      before(async () => {
        server = await start();
        await server.makeBucket(Bucket, { versioning });
        clients = Array.from({ length: WRITERS }, () => connect(server));
      });
      after(async () => {
        for (const client of clients ?? []) client.destroy();
        await server?.close();
      });

      const race = async (Key: string, write: (client: S3Client, writer: number) => Promise<unknown>) => {
        const ends = await Promise.allSettled(clients.map(write));
        const winners = ends.flatMap((end, writer) => (end.status === 'fulfilled' ? [writer] : []));
        const lost = ends.flatMap((end) => (end.status === 'rejected' ? [codeOf(end.reason)] : []));
        const kept = await clients[0]?.send(new GetObjectCommand({ Bucket, Key }));
        return { winners, lost, kept: await kept?.Body?.transformToString() };
      };

      it('creates once under If-None-Match', async () => {
        for (let round = 0; round < ROUNDS; round += 1) {
          const Key = `created-${round}`;
          const put = (client: S3Client, writer: number) =>
            client.send(new PutObjectCommand({ Bucket, Key, Body: `${writer}`, IfNoneMatch: '*' }));
          one(await race(Key, put));
        }
      });

      it('moves once under If-Match', async () => {
        const Key = 'moved';
        let ETag = (await clients[0]?.send(new PutObjectCommand({ Bucket, Key, Body: 'start' })))?.ETag;
        for (let round = 0; round < ROUNDS; round += 1) {
          const IfMatch = ETag;
          const put = async (client: S3Client, writer: number) => {
            const Body = `${writer} in round ${round}`;
            ({ ETag } = await client.send(new PutObjectCommand({ Bucket, Key, Body, IfMatch })));
          };
          one(await race(Key, put));
        }
      });

      it('completes once under If-None-Match', async () => {
        for (let round = 0; round < ROUNDS; round += 1) {
          const Key = `completed-${round}`;
          const uploads = await Promise.all(clients.map((client, writer) => begin(client, { Key, writer })));
          const complete = async (client: S3Client, writer: number) => {
            const upload = uploads[writer];
            assert.ok(upload);
            await client.send(new CompleteMultipartUploadCommand({ ...upload, IfNoneMatch: '*' }));
          };
          one(await race(Key, complete));
        }
      });

      const begin = async (client: S3Client, { Key, writer }: { Key: string; writer: number }) => {
        const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
        const part = { Bucket, Key, UploadId, PartNumber: 1, Body: `${writer}` };
        const { ETag } = await client.send(new UploadPartCommand(part));
        return { Bucket, Key, UploadId, MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] } };
      };
    });
  }
}

interface Outcome {
  readonly winners: readonly number[];
  readonly lost: readonly string[];
  readonly kept: string | undefined;
}

/** One writer won, what is kept is what it wrote, and the others were told so. */
function one({ winners, lost, kept }: Outcome): void {
  assert.equal(winners.length, 1, `${winners.length} won; the others: ${lost.join(', ')}`);
  assert.equal(kept?.split(' ', 1)[0], String(winners[0]));
  for (const code of lost) assert.match(code, /^(?:PreconditionFailed|ConditionalRequestConflict)$/);
}

function codeOf(error: unknown): string {
  return error instanceof S3ServiceException ? error.name : String(error);
}
