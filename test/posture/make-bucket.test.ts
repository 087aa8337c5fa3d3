/** `vault init` by calls: against moto for AWS's whole control plane, against real stores for what they know. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { IAMClient } from '@aws-sdk/client-iam';
import { DescribeKeyCommand, GetKeyRotationStatusCommand, KMSClient } from '@aws-sdk/client-kms';
import {
  CreateBucketCommand,
  DeleteBucketPolicyCommand,
  GetBucketPolicyCommand,
  HeadBucketCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { PlanRequest } from '../../src/posture/bucket/bucket-plan.ts';
import { checkSettings } from '../../src/posture/bucket/bucket-settings.ts';
import { type MakeRequest, makeBucket } from '../../src/posture/bucket/make-bucket.ts';
import type { StepReport } from '../../src/posture/bucket/steps.ts';
import type { StoreUnderCheck } from '../../src/posture/store/check-store.ts';
import { Scratch } from '../../src/posture/store/scratch.ts';
import { connect, S3_SERVERS, type S3Server } from '../s3/server.ts';
import { startS3StandIn } from '../s3/stand-in/stand-in.ts';
import { ACCOUNT, MOTO, type Moto, REGION, startMoto } from './moto.ts';

const NOBODY = { gateway: [], worker: [], gate: [], remover: [] };

function planFor(bucket: string, more: Partial<PlanRequest> = {}): PlanRequest {
  return {
    partition: 'aws',
    account: ACCOUNT,
    region: REGION,
    bucket,
    prefix: '',
    holdDays: 14,
    signingKeyArns: [],
    principals: NOBODY,
    ...more,
  };
}

const kinds = (reports: readonly StepReport[]) =>
  Object.fromEntries(reports.map(({ id, outcome }) => [id, outcome.kind]));
const inWords = (reports: readonly StepReport[]) => JSON.stringify(reports, null, 1);

describe('vault init on AWS’s control plane', { skip: MOTO.skip }, () => {
  let moto: Moto;
  let clients: { readonly s3: S3Client; readonly kms: KMSClient; readonly iam: IAMClient };
  const make = (plan: PlanRequest, mode: MakeRequest['mode'] = 'apply') =>
    makeBucket({ plan, mode, store: 'aws', ...clients });

  before(async () => {
    moto = await startMoto();
    clients = {
      s3: new S3Client({ ...moto.config, forcePathStyle: true }),
      kms: new KMSClient(moto.config),
      iam: new IAMClient(moto.config),
    };
  });
  after(() => moto.close());

  it('shows without making anything', async () => {
    const reports = await make(planFor('dry-models'), 'dry run');
    assert.deepEqual([...new Set(reports.map(({ outcome }) => outcome.kind))], ['made'], inWords(reports));
    await assert.rejects(clients.s3.send(new HeadBucketCommand({ Bucket: 'dry-models' })));
    await assert.rejects(clients.kms.send(new DescribeKeyCommand({ KeyId: 'alias/weighlock-dry-models' })));
  });

  it('makes all of it, and finds all of it standing when run again', async () => {
    const first = await make(planFor('acme-models'));
    assert.deepEqual([...new Set(first.map(({ outcome }) => outcome.kind))].sort(), ['made'], inWords(first));
    const second = await make(planFor('acme-models'));
    assert.deepEqual([...new Set(second.map(({ outcome }) => outcome.kind))], ['stands'], inWords(second));
    const { KeyMetadata: key } = await clients.kms.send(
      new DescribeKeyCommand({ KeyId: 'alias/weighlock-acme-models' }),
    );
    const rotation = await clients.kms.send(new GetKeyRotationStatusCommand({ KeyId: key?.KeyId }));
    assert.equal(rotation.KeyRotationEnabled, true);
  });

  it('makes a bucket that its own check finds sound in every setting', async () => {
    await make(planFor('checked-models'));
    const store: StoreUnderCheck = {
      open: () => new S3Client({ ...moto.config, forcePathStyle: true }),
      bucket: 'checked-models',
      prefix: '',
      store: 'aws',
      holdDays: 14,
    };
    const rows = await checkSettings(new Scratch(store), store);
    const settings = rows.filter(({ id }) =>
      /^(policy-|lifecycle-|public-access|not-public|ownership|encryption|access-logs)/.test(id),
    );
    assert.equal(settings.length, 13);
    assert.deepEqual(
      settings.filter(({ status }) => status !== 'ok'),
      [],
    );
  });

  it('changes what was changed, and leaves what is the owner’s own', async () => {
    const { s3 } = clients;
    const Bucket = 'drifted-models';
    await make(planFor(Bucket));
    await s3.send(
      new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Suspended' } }),
    );
    const own = {
      ID: 'owners',
      Status: 'Enabled',
      Filter: { Prefix: 'other/' },
      Expiration: { Days: 3 },
    } as const;
    await s3.send(
      new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules: [own] } }),
    );
    const statement = {
      Sid: 'Owners',
      Effect: 'Deny',
      Principal: '*',
      Action: 's3:PutBucketAcl',
      Resource: `arn:aws:s3:::${Bucket}`,
    };
    await s3.send(
      new PutBucketPolicyCommand({
        Bucket,
        Policy: JSON.stringify({ Version: '2012-10-17', Statement: [statement] }),
      }),
    );
    const again = kinds(await make(planFor(Bucket)));
    assert.equal(again.versioning, 'changed');
    assert.equal(again.lifecycle, 'made');
    assert.equal(again.policy, 'made');
    assert.equal(again['public-access'], 'stands');
    const { Policy: text = '' } = await s3.send(new GetBucketPolicyCommand({ Bucket }));
    const sids = (JSON.parse(text) as { Statement: { Sid: string }[] }).Statement.map(({ Sid }) => Sid);
    assert.ok(sids.includes('Owners') && sids.includes('WeighlockTlsOnly'), text);
  });

  it('gives two vaults of one bucket their statements, rules and roles side by side', async () => {
    await make(planFor('shared-models', { prefix: 'team-a' }));
    const second = kinds(await make(planFor('shared-models', { prefix: 'team-b' })));
    assert.deepEqual(
      {
        policy: second.policy,
        lifecycle: second.lifecycle,
        role: second['role-gate'],
        bucket: second.bucket,
      },
      { policy: 'changed', lifecycle: 'made', role: 'made', bucket: 'stands' },
    );
    const first = await make(planFor('shared-models', { prefix: 'team-a' }));
    assert.deepEqual([...new Set(first.map(({ outcome }) => outcome.kind))], ['stands'], inWords(first));
  });

  it('uses a given key and log bucket, and says which key it cannot find', async () => {
    await clients.s3.send(
      new CreateBucketCommand({
        Bucket: 'our-logs',
        CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' },
      }),
    );
    const nowhere = `arn:aws:kms:${REGION}:${ACCOUNT}:key/00000000-0000-0000-0000-000000000000`;
    const reports = await make(planFor('given-models', { encryptionKeyArn: nowhere, logBucket: 'our-logs' }));
    const key = reports.find(({ id }) => id === 'key');
    assert.ok(key?.outcome.kind === 'cannot' && /NotFound/.test(key.outcome.reason), inWords(reports));
    assert.equal(
      reports.find(({ id }) => id === 'encryption'),
      undefined,
    );
    assert.equal(kinds(reports)['logs-bucket'], undefined);
  });
});

for (const { name, skip, start } of S3_SERVERS) {
  describe(`vault init on ${name}`, { skip }, () => {
    let server: S3Server;
    let s3: S3Client;
    before(async () => {
      server = await start();
      s3 = connect(server);
    });
    after(async () => {
      s3.destroy();
      await server.close();
    });
    const make = (bucket: string) =>
      makeBucket({
        plan: planFor(bucket, { region: server.region }),
        mode: 'apply',
        store: 'compatible',
        s3,
      });

    it('makes a versioned bucket, and reports what the store does not know', async () => {
      const reports = await make('acme-models');
      const found = kinds(reports);
      assert.equal(found.bucket, 'made', inWords(reports));
      assert.equal(found.versioning, 'made', inWords(reports));
      assert.equal(found.key, 'cannot');
      for (const { outcome } of reports) {
        if (outcome.kind === 'cannot') assert.notEqual(outcome.reason, '', inWords(reports));
      }
      const again = kinds(await make('acme-models'));
      assert.equal(again.bucket, 'stands');
      assert.equal(again.versioning, 'stands');
      assert.ok(!Object.values(again).includes('made'), JSON.stringify(again));
    });

    it('sets no policy whose conditions the store would not read', async () => {
      const reports = await make('policy-models');
      const { Policy: text = '' } = await s3
        .send(new GetBucketPolicyCommand({ Bucket: 'policy-models' }))
        .catch(() => ({ Policy: '' }));
      assert.doesNotMatch(text, /WeighlockTrial/);
      const { policy } = kinds(reports);
      assert.equal(text.includes('WeighlockTlsOnly'), policy !== 'cannot', `${text}\n${inWords(reports)}`);
      await s3.send(new DeleteBucketPolicyCommand({ Bucket: 'policy-models' })).catch(() => undefined);
    });
  });
}

describe('vault init on a bucket that cannot be had', () => {
  it('stops at the bucket, and says whose permission is missing', async () => {
    const server = await startS3StandIn();
    const s3 = connect(server, { credentials: { accessKeyId: 'AKIASTRANGER', secretAccessKey: 'wrong' } });
    const reports = await makeBucket({
      plan: planFor('acme-models', { region: server.region }),
      mode: 'apply',
      store: 'compatible',
      s3,
    });
    s3.destroy();
    await server.close();
    assert.deepEqual(kinds(reports), { bucket: 'cannot' });
    const [{ essential, outcome } = { essential: false, outcome: undefined }] = reports;
    assert.ok(essential && outcome?.kind === 'cannot' && /belongs to somebody else/.test(outcome.reason));
  });
});
