/** The posture as documents for other tools, and its fixes as templates, against what those tools publish. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { parse } from 'yaml';
import { fixTemplate } from '../../src/posture/fix/fix-template.ts';
import { bucketPosture, type PostureRow } from '../../src/posture/posture.ts';
import { asff } from '../../src/posture/reports/asff.ts';
import { postureSarif } from '../../src/posture/reports/sarif.ts';
import { SERVICE_MODELS, ServiceModel } from '../deploy/service-model.ts';
import { installed } from '../peers.ts';
import { ACCOUNT, MOTO, type Moto, REGION, startMoto } from './moto.ts';
import { type Account, clientsOf, soundBucket, surroundingsOf, WEAKNESSES } from './weaknesses.ts';

const SARIF = installed('schemas/sarif.json', 'schemas');
const CFN_LINT = installed('aws/bin/cfn-lint', 's3');
const BUCKET = 'weak-models';
/** One that others contradict: a key about to go cannot be described as rotated. */
const LEFT_OUT = [
  'a key that is about to be deleted',
  'ACLs that count',
  'a gate that another account may be',
];

describe('the posture as documents', { skip: MOTO.skip }, () => {
  let moto: Moto;
  let account: Account;
  let rows: readonly PostureRow[];
  const head = {
    tool: { name: 'weighlock', version: '0.1.0' },
    place: `s3://${BUCKET}`,
    resource: `arn:aws:s3:::${BUCKET}`,
    at: '2026-01-02T03:04:05.000Z',
  };
  before(async () => {
    moto = await startMoto();
    account = clientsOf(moto);
    await soundBucket(account, BUCKET);
    for (const [title, { weaken }] of Object.entries(WEAKNESSES))
      if (!LEFT_OUT.includes(title)) await weaken(account, BUCKET).catch(() => undefined);
    rows = await bucketPosture(surroundingsOf(account, BUCKET));
    assert.ok(rows.filter(({ status }) => status === 'failed').length > 12);
  });
  after(() => moto.close());

  it('is SARIF 2.1.0, with a result for each thing that failed', { skip: SARIF.skip }, () => {
    const { $schema: _, $id: __, id: ___, ...schema } = JSON.parse(readFileSync(SARIF.path, 'utf8'));
    const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
    formats.default(ajv);
    const valid = ajv.compile(schema);
    const document = postureSarif(rows, head) as {
      runs: { results: { ruleId: string; ruleIndex: number }[] }[];
    };
    valid(document);
    assert.deepEqual(valid.errors, null);
    const failed = rows.filter(({ status }) => status === 'failed').map(({ id }) => `posture/${id}`);
    assert.deepEqual([...new Set(document.runs[0]?.results.map(({ ruleId }) => ruleId))], failed);
  });

  it('is what Security Hub takes, by its own service model', { skip: SERVICE_MODELS.skip }, () => {
    const Findings = asff(rows, head, { partition: 'aws', account: ACCOUNT, region: REGION });
    assert.deepEqual(new ServiceModel('securityhub').problems('BatchImportFindings', { Findings }), []);
    assert.ok(Findings.length > 12 && Findings.length <= 100, `${Findings.length}`);
    const ids = new Set(Findings.map((finding) => (finding as { Id: string }).Id));
    assert.equal(ids.size, Findings.length, 'each has an id of its own');
  });

  it('is healed by a template that cfn-lint takes', { skip: CFN_LINT.skip }, async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-fix-'));
    const file = path.join(folder, 'fix.yaml');
    const template = await fixTemplate(rows, surroundingsOf(account, BUCKET));
    writeFileSync(file, template);
    const { status, stdout } = spawnSync(CFN_LINT.path, [file], { encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    assert.equal(status, 0, stdout + template);
    const { Resources: resources } = parse(template, { version: '1.1' }) as {
      Resources: Record<string, { Properties: Record<string, unknown> }>;
    };
    const policy = JSON.stringify(resources.VaultBucketPolicy);
    assert.match(policy, /WeighlockTlsOnly[\s\S]*WeighlockWritesByGateOnly/);
    assert.doesNotMatch(policy, /Owners/, 'what gives to strangers is not in it');
    assert.match(template, /# Not for a template:\n[\s\S]*# {3}readers: /);
  });

  it('is a template of only what failed', async () => {
    const only = rows.map((row) => (row.id === 'versioning' ? row : { ...row, status: 'passed' as const }));
    const template = parse(await fixTemplate(only, surroundingsOf(account, BUCKET)), { version: '1.1' });
    assert.deepEqual(template.Resources.VaultBucket.Properties, {
      BucketName: BUCKET,
      VersioningConfiguration: { Status: 'Enabled' },
    });
    assert.deepEqual(Object.keys(template.Resources), ['VaultBucket']);
  });
});
