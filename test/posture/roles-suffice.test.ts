/**
 * The planned policies against what Weighlock really asks of a store: every request of a story is decided by the
 * policies of the role that makes it. A permission too few would be a 403 on AWS.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { planBucket } from '../../src/posture/bucket/bucket-plan.ts';
import { type RoleName, roleArn } from '../../src/posture/bucket/place.ts';
import type { LoggedRequest } from '../s3/request-log.ts';
import { startS3StandIn } from '../s3/stand-in/stand-in.ts';
import { bytesFile, plainModel, safetensors } from '../story/models.ts';
import { openStage } from '../story/stage.ts';
import { decide } from './policy-simulator.ts';

const BUCKET = 'acme-models';

/** The actions that AWS asks for each operation, on the object, or on the bucket where `bucket:` stands before it. */
const ACTIONS: Readonly<Record<string, readonly string[]>> = {
  GetObject: ['s3:GetObject', 'bucket:s3:ListBucket'],
  HeadObject: ['s3:GetObject', 'bucket:s3:ListBucket'],
  PutObject: ['s3:PutObject'],
  DeleteObject: ['s3:DeleteObject'],
  // Its keys are in the body; they come from the list of versions that was asked for just before.
  DeleteObjects: ['s3:DeleteObject', 's3:DeleteObjectVersion'],
  CreateMultipartUpload: ['s3:PutObject'],
  UploadPart: ['s3:PutObject'],
  UploadPartCopy: ['s3:PutObject'],
  CompleteMultipartUpload: ['s3:PutObject'],
  AbortMultipartUpload: ['s3:AbortMultipartUpload'],
  ListParts: ['s3:ListMultipartUploadParts'],
  ListObjectsV2: ['bucket:s3:ListBucket'],
  ListObjectVersions: ['bucket:s3:ListBucketVersions'],
  ListMultipartUploads: ['bucket:s3:ListBucketMultipartUploads'],
  HeadBucket: ['bucket:s3:ListBucket'],
  GetBucketVersioning: ['bucket:s3:GetBucketVersioning'],
};

const CREATES_AN_OBJECT = ['PutObject', 'CompleteMultipartUpload', 'CopyObject'];

/** What the role may not do of what was asked, as `operation key: decision`. */
function refused(requests: readonly LoggedRequest[], role: RoleName, prefix: string): string[] {
  const planned = planBucket({
    partition: 'aws',
    account: '111122223333',
    region: 'eu-west-1',
    bucket: BUCKET,
    prefix,
    holdDays: 14,
    signingKeyArns: [],
    principals: { gateway: [], worker: [], gate: [], remover: [] },
  });
  const policies = [
    planned.policy,
    planned.roles.find((plan) => plan.role === role)?.policy ?? planned.policy,
  ];
  const lines = requests.flatMap((request) => {
    const { operation, path } = request;
    const key =
      operation === 'DeleteObjects'
        ? `/${stagingIn(prefix)}x`
        : decodeURIComponent(path).replace(`/${BUCKET}`, '');
    const actions = ACTIONS[operation] ?? [`unknown:${operation}`];
    return actions.flatMap((action) => {
      const onBucket = action.startsWith('bucket:');
      const decision = decide(
        {
          principal: roleArn(planned.place, role),
          action: versioned(action.replace('bucket:', ''), request),
          resource: `arn:aws:s3:::${BUCKET}${onBucket ? '' : key}`,
          context: contextOf(request),
        },
        policies,
      );
      return decision === 'allowed' ? [] : [`${operation} ${key} by ${action}: ${decision}`];
    });
  });
  return [...new Set(lines)];
}

function stagingIn(prefix: string): string {
  return `${prefix && `${prefix}/`}staging/`;
}

function versioned(action: string, { query }: LoggedRequest): string {
  const byVersion = query.versionId !== undefined && /^s3:(Get|Delete)Object$/.test(action);
  return byVersion ? `${action}Version` : action;
}

function contextOf({ operation, headers, query }: LoggedRequest): Record<string, string> {
  const context: Record<string, string> = {
    'aws:securetransport': 'true',
    's3:objectcreationoperation': String(CREATES_AN_OBJECT.includes(operation)),
  };
  for (const name of ['if-match', 'if-none-match']) {
    const value = headers[name];
    if (typeof value === 'string' && operation !== 'GetObject') context[`s3:${name}`] = value;
  }
  if (query.prefix !== undefined) context['s3:prefix'] = query.prefix;
  return context;
}

for (const prefix of ['', 'team/a']) {
  describe(`the roles of s3://${BUCKET}${prefix && `/${prefix}`}`, () => {
    it('let the gate admit, and the gateway read what was admitted', async () => {
      const weights = bytesFile('model-large.safetensors', safetensors('large', 3 << 20));
      const model = plainModel('org/model');
      const [first] = model.commits;
      assert.ok(first);
      await using stage = await openStage({
        models: [{ ...model, commits: [{ ...first, files: [...first.files, weights] }] }],
      });
      const server = await startS3StandIn();
      try {
        await server.makeBucket(BUCKET, { versioning: 'on' });
        const place = `s3://${BUCKET}${prefix && `/${prefix}`}`;
        const weighlock = (...args: string[]) => stage.run([...args, '--vault', place], server.environment);
        const admitted = await weighlock('admit', 'org/model');
        assert.equal(admitted.exit, 0, admitted.stdout + admitted.stderr);
        const written = server.requests.length;
        assert.ok(
          server.counter('CompleteMultipartUpload').requests > 0,
          'a large file is uploaded in parts',
        );
        assert.deepEqual(refused(server.requests, 'gate', prefix), []);
        const purged = server.requests.filter(({ operation }) => operation === 'ListObjectVersions');
        assert.ok(purged.length > 0);
        for (const { query } of purged) assert.ok(query.prefix?.startsWith(stagingIn(prefix)), query.prefix);

        const verified = await weighlock('verify');
        assert.equal(verified.exit, 0, verified.stdout + verified.stderr);
        const pulled = await weighlock('pull', 'org/model', 'pulled');
        assert.equal(pulled.exit, 0, pulled.stdout + pulled.stderr);
        assert.ok(server.requests.length > written);
        const read = server.requests.slice(written);
        assert.deepEqual(refused(read, 'gate', prefix), []);
        assert.deepEqual(refused(read, 'gateway', prefix), []);
      } finally {
        await server.close();
      }
    });
  });
}
