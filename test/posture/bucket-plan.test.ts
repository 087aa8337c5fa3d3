/** What the planned policies let each role do, request by request, and the plan as a template. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { type BucketPlan, type PlanRequest, planBucket } from '../../src/posture/bucket/bucket-plan.ts';
import { cloudFormation } from '../../src/posture/bucket/cloudformation.ts';
import { logBucketName, type RoleName, roleArn, roleName } from '../../src/posture/bucket/place.ts';
import { policyDocument } from '../../src/posture/bucket/policy-document.ts';
import { peer, ROOT } from '../story/stage.ts';
import { type Decision, decide } from './policy-simulator.ts';

const ACCOUNT = '111122223333';
const NOBODY = { gateway: [], worker: [], gate: [], remover: [] };
const KEY = `arn:aws:kms:eu-west-1:${ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;

function plan(more: Partial<PlanRequest> = {}): BucketPlan {
  return planBucket({
    partition: 'aws',
    account: ACCOUNT,
    region: 'eu-west-1',
    bucket: 'acme-models',
    prefix: '',
    holdDays: 14,
    signingKeyArns: [],
    principals: NOBODY,
    ...more,
  });
}

const COMMIT = 'ab'.repeat(20);
const WEIGHTS = `models/org/name/${COMMIT}/model.safetensors`;
const SIGNATURE = `models/org/name/${COMMIT}/model.sig`;
const RECORD = `registry/records/org/name/${COMMIT}/1`;

/** What a request carries. `create`, `swap` and `bare` make an object; `part` is a step that makes none. */
const CARRIES = {
  create: { 's3:if-none-match': '*', 's3:objectcreationoperation': 'true' },
  swap: { 's3:if-match': '"etag"', 's3:objectcreationoperation': 'true' },
  bare: { 's3:objectcreationoperation': 'true' },
  part: { 's3:objectcreationoperation': 'false' },
  revoked: { 's3:existingobjecttag/weighlock-revoked': 'true' },
  nothing: {},
} as const;

type Who = RoleName | 'administrator';
type Case = readonly [Who, string, string, keyof typeof CARRIES, Decision];

const CASES: readonly Case[] = [
  // The gateway reads, and nothing else.
  ['gateway', 's3:GetObject', WEIGHTS, 'nothing', 'allowed'],
  ['gateway', 's3:GetObjectVersion', WEIGHTS, 'nothing', 'allowed'],
  ['gateway', 's3:GetObject', 'registry/state', 'nothing', 'allowed'],
  ['gateway', 's3:GetObject', 'log/checkpoint', 'nothing', 'allowed'],
  ['gateway', 's3:GetObject', 'staging/x/files/config.json', 'nothing', 'not allowed'],
  ['gateway', 's3:GetObject', WEIGHTS, 'revoked', 'denied'],
  ['gateway', 's3:PutObject', WEIGHTS, 'create', 'not allowed'],
  ['gateway', 's3:PutObject', 'staging/x', 'create', 'not allowed'],
  // A worker uploads parts, and cannot make a model appear.
  ['worker', 's3:PutObject', WEIGHTS, 'part', 'allowed'],
  ['worker', 's3:PutObject', WEIGHTS, 'create', 'not allowed'],
  ['worker', 's3:PutObject', WEIGHTS, 'bare', 'denied'],
  ['worker', 's3:PutObject', RECORD, 'create', 'not allowed'],
  ['worker', 's3:PutObject', RECORD, 'part', 'not allowed'],
  ['worker', 's3:PutObject', 'staging/x/files/config.json', 'bare', 'allowed'],
  ['worker', 's3:DeleteObject', 'staging/x/files/config.json', 'nothing', 'allowed'],
  ['worker', 's3:DeleteObject', WEIGHTS, 'nothing', 'denied'],
  ['worker', 's3:PutObjectTagging', WEIGHTS, 'nothing', 'denied'],
  // The gate creates once, and moves only what moves.
  ['gate', 's3:PutObject', WEIGHTS, 'create', 'allowed'],
  ['gate', 's3:PutObject', WEIGHTS, 'part', 'allowed'],
  ['gate', 's3:PutObject', WEIGHTS, 'bare', 'denied'],
  ['gate', 's3:PutObject', SIGNATURE, 'create', 'allowed'],
  ['gate', 's3:PutObject', SIGNATURE, 'swap', 'allowed'],
  ['gate', 's3:PutObject', SIGNATURE, 'bare', 'denied'],
  ['gate', 's3:PutObject', RECORD, 'create', 'allowed'],
  ['gate', 's3:PutObject', RECORD, 'swap', 'denied'],
  ['gate', 's3:PutObject', 'registry/state', 'swap', 'allowed'],
  ['gate', 's3:PutObject', 'registry/state', 'bare', 'denied'],
  ['gate', 's3:PutObject', 'log/head', 'swap', 'allowed'],
  ['gate', 's3:PutObject', 'log/checkpoint', 'swap', 'allowed'],
  ['gate', 's3:PutObject', 'log/tile/0/000', 'create', 'allowed'],
  ['gate', 's3:PutObject', 'log/tile/0/000', 'swap', 'denied'],
  ['gate', 's3:PutObject', 'staging/x/lease', 'swap', 'allowed'],
  ['gate', 's3:DeleteObject', 'staging/x/lease', 'nothing', 'allowed'],
  ['gate', 's3:DeleteObject', WEIGHTS, 'nothing', 'denied'],
  ['gate', 's3:DeleteObjectVersion', 'log/checkpoint', 'nothing', 'denied'],
  ['gate', 's3:PutObjectTagging', WEIGHTS, 'nothing', 'allowed'],
  ['gate', 's3:DeleteObjectTagging', WEIGHTS, 'nothing', 'not allowed'],
  // The remover deletes, but neither records nor the log.
  ['remover', 's3:DeleteObject', WEIGHTS, 'nothing', 'allowed'],
  ['remover', 's3:DeleteObjectVersion', WEIGHTS, 'nothing', 'allowed'],
  ['remover', 's3:DeleteObject', RECORD, 'nothing', 'not allowed'],
  ['remover', 's3:DeleteObject', 'log/checkpoint', 'nothing', 'not allowed'],
  ['remover', 's3:PutObject', WEIGHTS, 'create', 'not allowed'],
  // Whoever has all of S3 in the account is still held to the bucket's policy.
  ['administrator', 's3:PutObject', WEIGHTS, 'bare', 'denied'],
  ['administrator', 's3:PutObject', RECORD, 'swap', 'denied'],
  ['administrator', 's3:DeleteObject', WEIGHTS, 'nothing', 'denied'],
  ['administrator', 's3:DeleteObjectVersion', 'registry/state', 'nothing', 'denied'],
  ['administrator', 's3:GetObject', WEIGHTS, 'revoked', 'denied'],
  ['administrator', 's3:DeleteObjectTagging', WEIGHTS, 'nothing', 'denied'],
  ['administrator', 's3:GetObject', WEIGHTS, 'nothing', 'allowed'],
  ['administrator', 's3:PutObject', WEIGHTS, 'part', 'allowed'],
];

/** An administrator may do everything that no bucket policy denies. */
const ALL_OF_S3 = policyDocument([{ Sid: 'All', Effect: 'Allow', Action: 's3:*', Resource: '*' }]);

function decision(
  planned: BucketPlan,
  [who, action, key, carries]: readonly [Who, string, string, keyof typeof CARRIES],
  more: Readonly<Record<string, string>> = {},
): Decision {
  const own = planned.roles.find(({ role }) => role === who)?.policy ?? ALL_OF_S3;
  const principal =
    who === 'administrator' ? `arn:aws:iam::${ACCOUNT}:role/administrator` : roleArn(planned.place, who);
  const root = planned.place.prefix === '' ? '' : `${planned.place.prefix}/`;
  const resource = `arn:aws:s3:::acme-models${key === '' ? '' : `/${root}${key}`}`;
  const context = { 'aws:securetransport': 'true', ...CARRIES[carries], ...more };
  return decide({ principal, action, resource, context }, [planned.policy, own]);
}

for (const prefix of ['', 'team/a']) {
  describe(`the roles of a vault ${prefix === '' ? 'in a bucket of its own' : `below ${prefix}/`}`, () => {
    const planned = plan({ prefix });
    for (const [who, action, key, carries, expected] of CASES) {
      it(`${who}: ${action} on ${key} (${carries}) is ${expected}`, () => {
        assert.equal(decision(planned, [who, action, key, carries]), expected);
      });
    }

    it('lets nobody replace weights by comparison either, in a bucket of its own; no role of ours beside others', () => {
      const swap = (who: Who) => decision(planned, [who, 's3:PutObject', WEIGHTS, 'swap']);
      for (const who of ['gateway', 'worker', 'gate', 'remover'] as const)
        assert.notEqual(swap(who), 'allowed', who);
      assert.equal(swap('administrator'), prefix === '' ? 'denied' : 'allowed');
    });

    it('refuses everybody without TLS', () => {
      const plainHttp = { 'aws:securetransport': 'false' };
      for (const who of ['gate', 'remover', 'administrator'] as const) {
        assert.equal(decision(planned, [who, 's3:GetObject', WEIGHTS, 'nothing'], plainHttp), 'denied');
      }
    });

    it('lets a role list its folders, and find out that an object is absent', () => {
      const root = prefix === '' ? '' : `${prefix}/`;
      const list = (who: Who, below: string | undefined) =>
        decision(
          planned,
          [who, 's3:ListBucket', '', 'nothing'],
          below === undefined ? {} : { 's3:prefix': below },
        );
      assert.equal(list('gateway', `${root}models/org/`), 'allowed');
      assert.equal(list('gateway', `${root}staging/`), 'not allowed');
      assert.equal(list('gate', root), 'allowed');
      // S3 asks for s3:ListBucket without a prefix before it says 404 instead of 403.
      for (const who of ['gateway', 'worker', 'gate'] as const) assert.equal(list(who, undefined), 'allowed');
      if (prefix !== '') assert.equal(list('gate', 'other/'), 'not allowed');
    });
  });
}

describe('the plan of a bucket', () => {
  it('leaves what lies beside the vault’s prefix alone', () => {
    const { policy } = plan({ prefix: 'team/a' });
    const elsewhere = (action: string) =>
      decide(
        {
          principal: `arn:aws:iam::${ACCOUNT}:role/other`,
          action,
          resource: 'arn:aws:s3:::acme-models/other/file',
          context: { 'aws:securetransport': 'true', 's3:objectcreationoperation': 'true' },
        },
        [policy, ALL_OF_S3],
      );
    assert.equal(elsewhere('s3:PutObject'), 'allowed');
    assert.equal(elsewhere('s3:DeleteObject'), 'allowed');
  });

  it('signs with the given keys only, and with their algorithms only', () => {
    const gate = plan({ signingKeyArns: [KEY] }).roles.find(({ role }) => role === 'gate');
    assert.ok(gate);
    const sign = (who: BucketPlan['roles'][number], resource: string, algorithm: string) =>
      decide(
        { principal: 'gate', action: 'kms:Sign', resource, context: { 'kms:signingalgorithm': algorithm } },
        [who.policy],
      );
    assert.equal(sign(gate, KEY, 'ECDSA_SHA_256'), 'allowed');
    assert.equal(sign(gate, KEY, 'ED25519_SHA_512'), 'allowed');
    assert.equal(sign(gate, KEY, 'RSASSA_PSS_SHA_256'), 'not allowed');
    assert.equal(sign(gate, KEY.replace('1234', '9999'), 'ECDSA_SHA_256'), 'not allowed');
    for (const role of plan({ signingKeyArns: [KEY] }).roles) {
      if (role.role !== 'gate') assert.equal(sign(role, KEY, 'ECDSA_SHA_256'), 'not allowed', role.role);
    }
  });

  it('keeps uploads and staging longer than a hold, and never expires what was admitted', () => {
    for (const holdDays of [1, 14, 90]) {
      const { lifecycle } = plan({ holdDays });
      const days = lifecycle.flatMap((rule) => [rule.abortUploadsDays ?? [], rule.expireDays ?? []].flat());
      assert.ok(days.length === 2 && days.every((day) => day > holdDays), `${holdDays}: ${days}`);
      const expiring = lifecycle.filter((rule) => rule.expireDays ?? rule.expireNoncurrentDays);
      assert.deepEqual([...new Set(expiring.map((rule) => rule.Prefix))], ['staging/']);
    }
    assert.throws(() => plan({ holdDays: 0 }), { code: 'WL_USAGE' });
    assert.throws(() => plan({ holdDays: 366 }), { code: 'WL_USAGE' });
  });

  it('stays within the limits of AWS on names, for the longest bucket and prefix', () => {
    const place = { bucket: 'b'.repeat(63), prefix: 'p/'.repeat(60).slice(0, -1) };
    const names = (['gateway', 'worker', 'gate', 'remover'] as const).map((role) => roleName(place, role));
    assert.equal(new Set(names).size, 4);
    for (const name of names) assert.ok(name.length <= 64, name);
    assert.ok(logBucketName(place).length <= 63);
    assert.notEqual(roleName(place, 'gate'), roleName({ ...place, prefix: 'other' }, 'gate'));
  });

  it('keeps each policy within the limits of AWS on its size', () => {
    const { policy, roles } = plan({ prefix: 'p/'.repeat(100).slice(0, -1), signingKeyArns: [KEY, KEY] });
    assert.ok(JSON.stringify(policy).length < 20_480);
    for (const role of roles) assert.ok(JSON.stringify(role.policy).length < 10_240, role.role);
  });
});

const CFN_LINT = peer('aws/bin/cfn-lint', 's3');

const VARIABLES: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws',
  'AWS::AccountId': ACCOUNT,
  'AWS::Region': 'eu-west-1',
  'VaultKey.Arn': KEY,
};

describe('the plan as CloudFormation', () => {
  const base = { bucket: 'acme-models', prefix: '', holdDays: 14, signingKeyArns: [], principals: NOBODY };
  const everyone = ['ecs-tasks.amazonaws.com', `arn:aws:iam::${ACCOUNT}:role/ci`];
  const cases = {
    'of a new key and log bucket': base,
    'below a prefix': { ...base, prefix: 'team/a' },
    'with everything given': {
      ...base,
      encryptionKeyArn: KEY,
      logBucket: 'our-logs',
      signingKeyArns: [KEY],
      principals: { gateway: everyone, worker: everyone, gate: everyone, remover: everyone },
    },
  };
  for (const [name, request] of Object.entries(cases)) {
    it(`is valid ${name}`, { skip: CFN_LINT.skip }, () => {
      const folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-cfn-'));
      const file = path.join(folder, 'vault.yaml');
      writeFileSync(file, cloudFormation(request));
      const { status, stdout } = spawnSync(CFN_LINT.path, [file], { encoding: 'utf8' });
      rmSync(folder, { recursive: true });
      assert.equal(status, 0, stdout);
    });
  }

  it('says the same as the plan, with the account left to CloudFormation', () => {
    const template = parse(cloudFormation(base), { version: '1.1' }) as {
      Resources: Record<
        string,
        { Type: string; DeletionPolicy?: string; Properties: Record<string, unknown> }
      >;
    };
    const { Resources: resources } = template;
    const planned = plan({ newKeyArn: KEY });
    const filled = (value: unknown): unknown =>
      JSON.parse(
        JSON.stringify(value)
          .replace(/\{"Fn::Sub":("[^"]*")\}/g, '$1')
          .replace(/\$\{([A-Za-z:.]+)\}/g, (whole, name: string) => VARIABLES[name] ?? whole),
      );
    assert.deepEqual(filled(resources.VaultBucketPolicy?.Properties.PolicyDocument), planned.policy);
    for (const [name, role] of Object.entries({ GateRole: 'gate', WorkerRole: 'worker' })) {
      const found = filled(resources[name]?.Properties.Policies) as { PolicyDocument: unknown }[];
      assert.deepEqual(found[0]?.PolicyDocument, planned.roles.find((item) => item.role === role)?.policy);
    }
    for (const name of ['VaultBucket', 'VaultKey', 'LogBucket']) {
      assert.equal(resources[name]?.DeletionPolicy, 'Retain', name);
    }
  });
});

describe('docs/bucket.md', () => {
  it('prints the policies as they are made', () => {
    const page = readFileSync(path.join(ROOT, 'docs/bucket.md'), 'utf8');
    const key = (name: string) => `arn:aws:kms:eu-west-1:${ACCOUNT}:key/${name}`;
    const planned = plan({
      encryptionKeyArn: key('ENCRYPTION-KEY'),
      signingKeyArns: [key('STATEMENTS-KEY'), key('LOG-KEY')],
    });
    const expected: Readonly<Record<string, unknown>> = {
      ...Object.fromEntries(planned.roles.map(({ role, policy }) => [role, policy])),
      'The policy of the bucket': planned.policy,
    };
    for (const [heading, policy] of Object.entries(expected)) {
      const section = page.split(`\n### ${heading}\n`)[1] ?? '';
      const block = /```json\n([\s\S]*?)```/.exec(section)?.[1] ?? '{}';
      assert.deepEqual(JSON.parse(block), policy, heading);
    }
  });
});
