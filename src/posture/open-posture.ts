/** `weighlock posture` on a bucket that is named by its settings: makes the clients, asks who we are, closes them. */
import { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import type { EC2Client } from '@aws-sdk/client-ec2';
import { IAMClient } from '@aws-sdk/client-iam';
import { KMSClient } from '@aws-sdk/client-kms';
import { HeadBucketCommand } from '@aws-sdk/client-s3';
import { S3ControlClient } from '@aws-sdk/client-s3-control';
import { SageMakerClient } from '@aws-sdk/client-sagemaker';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { WeighlockError } from '../base/errors.ts';
import { awsConfig, s3Client } from '../vault/s3-client.ts';
import { storeError } from '../vault/s3-errors.ts';
import { type S3Settings, s3Place } from '../vault/s3-place.ts';
import { storeOf } from './store/address.ts';
import { asked } from './store/answer.ts';
import type { Neighbours, Surroundings } from './surroundings.ts';

export type PostureRequest = Pick<Surroundings, 'holdDays' | 'registry' | 'signingKeyArns' | 'accepted'>;

/**
 * Opens what a look at the posture needs for as long as `work` takes. Throws WL_VAULT_UNAVAILABLE where there is no such
 * bucket, WL_VAULT_DENIED where the credentials are none.
 */
export async function withSurroundings<T>(
  settings: S3Settings,
  request: PostureRequest,
  work: (around: Surroundings) => Promise<T>,
): Promise<T> {
  const s3 = s3Client(settings);
  const config = awsConfig(settings);
  const sts = new STSClient(config);
  let ec2: EC2Client | undefined;
  const neighbours: Neighbours = {
    kms: new KMSClient(config),
    iam: new IAMClient(config),
    s3control: new S3ControlClient(config),
    cloudtrail: new CloudTrailClient(config),
    sagemaker: new SageMakerClient(config),
    ec2: async () => {
      ec2 ??= new (await import('@aws-sdk/client-ec2')).EC2Client(config);
      return ec2;
    },
  };
  try {
    const { store } = await storeOf(s3, settings.bucket);
    const region = await s3.config.region();
    const { bucket, prefix, bucketOwner } = settings;
    const owner = store === 'aws' ? await identity(sts) : { partition: 'aws', account: '000000000000' };
    const head = await asked(s3.send(new HeadBucketCommand({ Bucket: bucket })));
    if (head.kind === 'absent')
      throw new WeighlockError('WL_VAULT_UNAVAILABLE', `there is no bucket ${bucket}`, {
        hint: `Check the name and the endpoint, or make it: weighlock vault init ${s3Place(settings)}`,
      });
    return await work({
      ...request,
      place: { ...owner, region, bucket, prefix },
      ...(bucketOwner !== undefined && { bucketOwner }),
      s3,
      neighbours: store === 'aws' ? neighbours : undefined,
    });
  } catch (error) {
    if (error instanceof WeighlockError) throw error;
    throw storeError(error, { operation: 'HeadBucket', key: '' }, settings);
  } finally {
    const { kms, iam, s3control, cloudtrail, sagemaker } = neighbours;
    for (const client of [s3, sts, kms, iam, s3control, cloudtrail, sagemaker, ec2]) client?.destroy();
  }
}

/** The account that the credentials belong to. */
async function identity(sts: STSClient): Promise<{ readonly partition: string; readonly account: string }> {
  const { Account: account = '', Arn: arn = '' } = await sts.send(new GetCallerIdentityCommand({}));
  return { partition: arn.split(':')[1] || 'aws', account };
}
