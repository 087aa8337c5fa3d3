/** `weighlock vault` as a user types it, on a directory and on the stores that are there. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { StepReport } from '../../src/posture/bucket/steps.ts';
import type { CheckRow } from '../../src/posture/store/check-row.ts';
import { S3_SERVERS, type S3Server } from '../s3/server.ts';
import { type StandInOptions, startS3StandIn } from '../s3/stand-in/stand-in.ts';
import { ended, type Ran, ROOT } from '../story/stage.ts';

const BIN = path.join(ROOT, 'bin/weighlock.js');
const folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-vault-command-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function run(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const env = {
    PATH: process.env.PATH,
    NO_COLOR: '1',
    WEIGHLOCK_HOME: path.join(folder, 'home'),
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    ...environment,
  };
  return ended(
    spawn(process.execPath, [BIN, 'vault', ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] }),
  );
}

const json = <T>(ran: Ran): T => JSON.parse(ran.stdout) as T;

describe('vault check on a directory', () => {
  const place = path.join(folder, 'vault');

  it('races writers, says what a directory cannot do, and leaves nothing behind', async () => {
    mkdirSync(place);
    const ran = await run(['check', place, '--json']);
    assert.equal(ran.exit, 2, ran.stderr);
    const { rows, verdict } = json<{ rows: CheckRow[]; verdict: string }>(ran);
    assert.equal(verdict, 'costs safety');
    const status = Object.fromEntries(rows.map((row) => [row.id, row.status]));
    assert.equal(status['create-race'], 'ok');
    assert.equal(status['swap-race'], 'ok');
    assert.equal(status.versioning, 'missing');
    assert.equal(status['access-control'], 'missing');
    for (const row of rows) if (row.status !== 'ok') assert.ok(row.costs !== '' && row.remedy !== '', row.id);
    assert.deepEqual(readdirSync(place), []);
  });

  it('says that others may write', async () => {
    chmodSync(place, 0o777);
    const ran = await run(['check', place]);
    assert.match(ran.stdout, /others may write here: chmod go-w/);
  });

  it('names a directory that is not there, and does not make it', async () => {
    const ran = await run(['check', './nowhere']);
    assert.equal(ran.exit, 69);
    assert.match(ran.stderr, /there is no directory .*nowhere/);
    assert.ok(!existsSync(path.join(folder, 'nowhere')));
  });
});

describe('vault init', () => {
  it('prints the template without any credentials or network', async () => {
    const ran = await run(['init', 's3://acme-models/team', '--cloudformation', '--hold-days', '30']);
    assert.equal(ran.exit, 0, ran.stderr);
    assert.match(ran.stdout, /DaysAfterInitiation: 32/);
    assert.match(ran.stdout, /Type: AWS::IAM::Role/);
  });

  const mistakes: Readonly<Record<string, readonly [readonly string[], RegExp]>> = {
    'a place that is no bucket': [['./here'], /is no bucket/],
    'an alias for a key': [['s3://acme', '--kms-key', 'alias/mine'], /ARN of a KMS key/],
    'a role that is none': [
      ['s3://acme', '--principal', 'boss=arn:aws:iam::111122223333:root'],
      /--principal/,
    ],
    'everybody as a principal': [['s3://acme', '--principal', '*'], /--principal/],
    'a hold of no days': [['s3://acme', '--hold-days', '0'], /1 to 365/],
    'a hold in words': [['s3://acme', '--hold-days', 'long'], /number of days/],
  };
  for (const [name, [args, message]] of Object.entries(mistakes)) {
    it(`refuses ${name} before anything is asked`, async () => {
      const ran = await run(['init', ...args, '--cloudformation']);
      assert.ok(ran.exit === 64 || ran.exit === 78, `${ran.exit}`);
      assert.match(ran.stderr, message);
      assert.equal(ran.stdout, '');
    });
  }
});

for (const { name, skip, start } of S3_SERVERS) {
  describe(`vault init and check on ${name}`, { skip }, () => {
    let server: S3Server;
    before(async () => {
      server = await start();
    });
    after(() => server.close());

    it('shows, makes, finds standing, and checks', async () => {
      const { environment } = server;
      type Made = { steps: StepReport[]; conditions: CheckRow[] };
      const bucketOf = ({ steps }: Made) => steps.find(({ id }) => id === 'bucket')?.outcome.kind;
      const dry = json<Made>(await run(['init', 's3://acme/team', '--dry-run', '--json'], environment));
      assert.deepEqual([bucketOf(dry), dry.conditions], ['made', []]);
      const missing = await run(['check', 's3://acme/team'], environment);
      assert.equal(missing.exit, 69);
      assert.match(missing.stderr, /no bucket acme[\s\S]*weighlock vault init/);

      const made = await run(['init', 's3://acme/team', '--json'], environment);
      assert.equal(made.exit, 2, made.stderr);
      assert.equal(bucketOf(json<Made>(made)), 'made');
      assert.ok(
        json<Made>(made).conditions.every(({ status }) => status === 'ok'),
        made.stdout,
      );
      const again = json<Made>(await run(['init', 's3://acme/team', '--json'], environment));
      assert.equal(bucketOf(again), 'stands');

      const checked = await run(['check', 's3://acme/team', '--json'], environment);
      const { rows } = json<{ rows: CheckRow[] }>(checked);
      assert.equal(checked.exit, 2, checked.stderr);
      assert.ok(rows.filter(({ weight }) => weight === 'condition').every(({ status }) => status === 'ok'));
      assert.equal(rows.find(({ id }) => id === 'versioning')?.status, 'ok');
      assert.equal(rows.find(({ id }) => id === 'transport')?.status, 'ok');
    });

    it('says which credentials are missing', async () => {
      const { AWS_ACCESS_KEY_ID: _, AWS_SECRET_ACCESS_KEY: __, ...environment } = server.environment;
      const ran = await run(['check', 's3://acme'], environment);
      assert.equal(ran.exit, 77, ran.stderr);
      assert.match(ran.stderr, /credentials/);
      assert.doesNotMatch(ran.stderr, /fault of Weighlock/);
    });
  });
}

describe('vault check on lesser stores', () => {
  async function checked(options: StandInOptions): Promise<{ ran: Ran; status: Record<string, string> }> {
    const server = await startS3StandIn(options);
    try {
      await server.makeBucket('acme');
      const ran = await run(['check', 's3://acme', '--json'], server.environment);
      const { rows } = json<{ rows: CheckRow[] }>(ran);
      return { ran, status: Object.fromEntries(rows.map((row) => [row.id, row.status])) };
    } finally {
      await server.close();
    }
  }

  it('exits with 1 where conditions are ignored', async () => {
    const { ran, status } = await checked({ conditions: 'ignored' });
    assert.equal(ran.exit, 1, ran.stdout);
    for (const id of ['create-race', 'swap-race', 'complete-race', 'stale-swap', 'create-after-delete']) {
      assert.equal(status[id], 'failed', id);
    }
  });

  it('exits with 2 where versions and tags are not known', async () => {
    const { ran, status } = await checked({ versioning: 'unsupported', tagging: 'unsupported' });
    assert.equal(ran.exit, 2, ran.stdout);
    assert.deepEqual([status.versioning, status.tags], ['missing', 'missing']);
  });

  it('says what it may not find out', async () => {
    const { ran, status } = await checked({
      deniedActions: ['s3:GetBucketVersioning', 's3:PutObjectTagging'],
    });
    assert.equal(ran.exit, 2, ran.stdout);
    assert.deepEqual([status.versioning, status.tags], ['unknown', 'unknown']);
  });

  it('names the permission where nothing may be written', async () => {
    const server = await startS3StandIn();
    await server.makeBucket('acme');
    const { accessKeyId, secretAccessKey } = server.readOnlyCredentials;
    const ran = await run(['check', 's3://acme'], {
      ...server.environment,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    });
    await server.close();
    assert.equal(ran.exit, 77, ran.stderr);
    assert.match(ran.stderr, /WL_VAULT_DENIED/);
  });
});
