/** `vault init` and `vault check` on a bucket that is named by its settings: makes the clients, and closes them. */
import { IAMClient } from '@aws-sdk/client-iam';
import { KMSClient } from '@aws-sdk/client-kms';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { awsConfig, s3Client } from '../../vault/s3-client.ts';
import { storeError } from '../../vault/s3-errors.ts';
import type { S3Settings } from '../../vault/s3-place.ts';
import type { PlanRequest } from '../bucket/bucket-plan.ts';
import { makeBucket } from '../bucket/make-bucket.ts';
import type { StepReport } from '../bucket/steps.ts';
import { storeOf } from './address.ts';
import { type CheckRow, missing, ok, row } from './check-row.ts';
import { checkStore } from './check-store.ts';
import { checkConditions } from './races.ts';
import { Scratch } from './scratch.ts';

/** What the command line knows of a plan; account and region are asked of the credentials. */
export type InitRequest = Omit<PlanRequest, 'partition' | 'account' | 'region' | 'newKeyArn'>;

export interface InitReport {
  readonly steps: readonly StepReport[];
  /** The conditions, raced in the bucket that was made; none after a dry run. */
  readonly conditions: readonly CheckRow[];
}

export async function initBucket(
  settings: S3Settings,
  request: InitRequest,
  mode: 'apply' | 'dry run',
): Promise<InitReport> {
  const s3 = s3Client(settings);
  const config = awsConfig(settings);
  const kms = new KMSClient(config);
  const iam = new IAMClient(config);
  const sts = new STSClient(config);
  try {
    const { store } = await storeOf(s3, settings.bucket);
    const region = await s3.config.region();
    const owner = store === 'aws' ? await identity(sts) : { partition: 'aws', account: '000000000000' };
    const plan = { ...request, ...owner, region };
    const neighbours = store === 'aws' ? { kms, iam } : {};
    const steps = await makeBucket({ plan, store, s3, mode, ...neighbours });
    const stands = steps.every(({ id, outcome }) => id !== 'bucket' || outcome.kind !== 'cannot');
    return { steps, conditions: mode === 'apply' && stands ? await conditionsOf(settings) : [] };
  } catch (error) {
    throw storeError(error, { operation: 'CreateBucket', key: '' }, settings);
  } finally {
    for (const client of [s3, kms, iam, sts]) client.destroy();
  }
}

async function conditionsOf(settings: S3Settings): Promise<CheckRow[]> {
  const scratch = new Scratch({ ...settings, open: () => s3Client(settings) });
  try {
    return await checkConditions(scratch);
  } finally {
    await scratch.clean();
  }
}

/** The account that the credentials belong to. */
async function identity(sts: STSClient): Promise<{ readonly partition: string; readonly account: string }> {
  const { Account: account = '', Arn: arn = '' } = await sts.send(new GetCallerIdentityCommand({}));
  return { partition: arn.split(':')[1] || 'aws', account };
}

export async function checkBucket(settings: S3Settings, holdDays: number): Promise<CheckRow[]> {
  const s3 = s3Client(settings);
  try {
    const at = await storeOf(s3, settings.bucket);
    const rows = await checkStore({ ...settings, ...at, open: () => s3Client(settings), holdDays });
    return [...rows, transport(at.store === 'aws' ? undefined : at.endpoint)];
  } catch (error) {
    throw storeError(error, { operation: 'PutObject', key: '' }, settings);
  } finally {
    s3.destroy();
  }
}

function transport(endpoint: string | undefined): CheckRow {
  const answer =
    endpoint === undefined || endpoint.startsWith('https:')
      ? ok('TLS')
      : isLoopback(endpoint)
        ? ok('without TLS, on this machine only')
        : missing(`${endpoint} is reached without TLS`);
  return row(
    {
      id: 'transport',
      what: 'the store is reached by TLS',
      weight: 'safety',
      costs:
        'Whoever is on the way reads weights and credentials’ signatures, and can change parts, which are not signed.',
      remedy:
        'Name an https:// endpoint; a private certificate authority goes into the configuration of the vault.',
    },
    answer,
  );
}

function isLoopback(endpoint: string): boolean {
  return /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(new URL(endpoint).hostname);
}
