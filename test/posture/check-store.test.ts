/** `vault check` against real stores, and against one whose conditions are taken away. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  CreateBucketCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { type CheckRow, verdictOf } from '../../src/posture/store/check-row.ts';
import { checkStore } from '../../src/posture/store/check-store.ts';
import { connect, S3_SERVERS, type S3Server } from '../s3/server.ts';
import { MOTO, type Moto, REGION, startMoto } from './moto.ts';

const BUCKET = 'acme-models';
const HOLD_DAYS = 14;
const CONDITIONS = ['create-race', 'swap-race', 'complete-race', 'stale-swap', 'create-after-delete'];

const ABILITIES = [
  'versioning',
  'after-delete',
  'object-lock',
  'tags',
  'checksum-put',
  'checksum-part',
  'checksum-whole',
  'part-copy',
  'list-uploads',
  'presigned',
];

/** What each store cannot do in a bucket with versions, found by its own check; Object Lock is off everywhere. */
const LACKS: Readonly<Record<S3Server['kind'], readonly string[]>> = {
  // With versions on, its conditions look behind a delete marker.
  versitygw: ['after-delete: failed', 'object-lock: missing'],
  // It lists the uploads of one key, not of a prefix.
  minio: ['object-lock: missing', 'list-uploads: missing'],
  'stand-in': ['object-lock: missing'],
};

async function check(open: () => S3Client, bucket = BUCKET): Promise<CheckRow[]> {
  return checkStore({
    open,
    bucket,
    prefix: 'team/a',
    store: 'compatible',
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
      const rows = await check(open);
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

    it('lists what this store lacks, and what that costs', async () => {
      const rows = await check(open);
      const lacking = rows.filter(({ id, status }) => ABILITIES.includes(id) && status !== 'ok');
      assert.deepEqual(
        lacking.map(({ id, status }) => `${id}: ${status}`),
        LACKS[name],
        inWords(rows),
      );
      for (const { id, costs, remedy } of lacking) assert.ok(costs !== '' && remedy !== '', id);
    });

    it('says that versions are missing where the bucket keeps none', async () => {
      const rows = await check(open, 'plain');
      assert.equal(statusOf(rows, 'versioning'), 'missing', inWords(rows));
      assert.equal(verdictOf(rows), 'costs safety');
      for (const id of CONDITIONS) assert.equal(statusOf(rows, id), 'ok', inWords(rows));
    });

    it('leaves nothing behind', async () => {
      const rows = await check(open);
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
        const rows = await check(() => deaf(open(), header));
        assert.equal(verdictOf(rows), 'never use', inWords(rows));
        const broken = header === 'if-match' ? ['swap-race', 'stale-swap'] : ['create-race', 'complete-race'];
        for (const id of broken) assert.equal(statusOf(rows, id), 'failed', inWords(rows));
      });
    }

    it('names a bucket that is not there', async () => {
      await assert.rejects(check(open, 'no-such-bucket'), {
        code: 'WL_VAULT_UNAVAILABLE',
        message: /no-such-bucket/,
      });
    });
  });
}

describe('vault check on moto', { skip: MOTO.skip }, () => {
  let moto: Moto;
  before(async () => {
    moto = await startMoto();
  });
  after(() => moto.close());

  it('finds a store that accepts wrong checksums', async () => {
    const open = () => new S3Client({ ...moto.config, forcePathStyle: true });
    const client = open();
    await client.send(
      new CreateBucketCommand({ Bucket: BUCKET, CreateBucketConfiguration: { LocationConstraint: REGION } }),
    );
    client.destroy();
    const rows = await check(open);
    for (const id of ['checksum-put', 'checksum-part'])
      assert.equal(statusOf(rows, id), 'failed', inWords(rows));
    assert.notEqual(verdictOf(rows), 'sound');
  });
});

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
