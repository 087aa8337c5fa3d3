/** `vault check` against real stores, and against one whose conditions are taken away. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ListMultipartUploadsCommand, ListObjectVersionsCommand, type S3Client } from '@aws-sdk/client-s3';
import { type CheckRow, verdictOf } from '../../src/posture/check-row.ts';
import { checkStore } from '../../src/posture/check-store.ts';
import { connect, S3_SERVERS, type S3Server } from '../s3/server.ts';

const BUCKET = 'acme-models';
const HOLD_DAYS = 14;
const CONDITIONS = ['create-race', 'swap-race', 'complete-race', 'stale-swap', 'create-after-delete'];

async function check(server: S3Server, open: () => S3Client, bucket = BUCKET): Promise<CheckRow[]> {
  return checkStore({
    open,
    bucket,
    prefix: 'team/a',
    store: 'compatible',
    endpoint: server.endpoint,
    holdDays: HOLD_DAYS,
  });
}

const statusOf = (rows: readonly CheckRow[], id: string) => rows.find((row) => row.id === id)?.status;
const inWords = (rows: readonly CheckRow[]) =>
  rows.map((row) => `${row.id}: ${row.status}, ${row.found}`).join('\n');

for (const { name, skip, start } of S3_SERVERS) {
  describe(`vault check on ${name}`, { skip }, () => {
    let server: S3Server;
    const open = () => connect(server);
    before(async () => {
      server = await start();
      await server.makeBucket(BUCKET, { versioning: 'on' });
      await server.makeBucket('plain');
    });
    after(() => server.close());

    it('proves that the store enforces every condition, and finds its versions', async () => {
      const rows = await check(server, open);
      const found = rows.filter((row) => row.weight === 'condition').map(({ id, status }) => [id, status]);
      assert.deepEqual(
        found,
        CONDITIONS.map((id) => [id, 'ok']),
        inWords(rows),
      );
      for (const id of ['versioning', 'presigned', 'checksum-put', 'checksum-part', 'part-copy']) {
        assert.equal(statusOf(rows, id), 'ok', inWords(rows));
      }
      assert.notEqual(verdictOf(rows), 'never use');
    });

    it('says that versions are missing where the bucket keeps none', async () => {
      const rows = await check(server, open, 'plain');
      assert.equal(statusOf(rows, 'versioning'), 'missing', inWords(rows));
      assert.equal(verdictOf(rows), 'costs safety');
      for (const id of CONDITIONS) assert.equal(statusOf(rows, id), 'ok', inWords(rows));
    });

    it('leaves nothing behind', async () => {
      const rows = await check(server, open);
      assert.equal(statusOf(rows, 'clean-up'), undefined, inWords(rows));
      const client = open();
      const versions = await client.send(new ListObjectVersionsCommand({ Bucket: BUCKET }));
      assert.deepEqual([...(versions.Versions ?? []), ...(versions.DeleteMarkers ?? [])], []);
      const uploads = await client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
      assert.deepEqual(uploads.Uploads ?? [], []);
      client.destroy();
    });

    for (const header of ['if-none-match', 'if-match'] as const) {
      it(`finds out where ${header} is ignored`, async () => {
        const rows = await check(server, () => deaf(open(), header));
        assert.equal(verdictOf(rows), 'never use', inWords(rows));
        const broken = header === 'if-match' ? ['swap-race', 'stale-swap'] : ['create-race', 'complete-race'];
        for (const id of broken) assert.equal(statusOf(rows, id), 'failed', inWords(rows));
      });
    }

    it('names a bucket that is not there', async () => {
      await assert.rejects(check(server, open, 'no-such-bucket'), {
        code: 'WL_VAULT_UNAVAILABLE',
        message: /no-such-bucket/,
      });
    });
  });
}

/** A client whose store never hears of a condition: what a store that ignores the header looks like. */
function deaf(client: S3Client, header: string): S3Client {
  client.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { headers: Record<string, string> };
      delete request.headers[header];
      return next(args);
    },
    { step: 'build', priority: 'low', name: 'deaf' },
  );
  return client;
}
