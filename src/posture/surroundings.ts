/** What a look at a vault's posture needs: the place, the clients of what is around it, and what is on record. */
import type { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import type { EC2Client } from '@aws-sdk/client-ec2';
import type { IAMClient } from '@aws-sdk/client-iam';
import type { KMSClient } from '@aws-sdk/client-kms';
import type { S3Client } from '@aws-sdk/client-s3';
import type { S3ControlClient } from '@aws-sdk/client-s3-control';
import type { SageMakerClient } from '@aws-sdk/client-sagemaker';
import type { Registry } from '../registry/registry.ts';
import type { OwnedPlace } from './bucket/place.ts';

/** AWS's services beside S3; a store of another maker has none that are known here. */
export interface Neighbours {
  readonly kms: KMSClient;
  readonly iam: IAMClient;
  readonly s3control: S3ControlClient;
  readonly cloudtrail: CloudTrailClient;
  readonly sagemaker: SageMakerClient;
  readonly ec2: () => Promise<EC2Client>;
}

export interface Surroundings {
  readonly place: OwnedPlace;
  readonly bucketOwner?: string;
  readonly holdDays: number;
  readonly s3: S3Client;
  readonly neighbours: Neighbours | undefined;
  /** The vault's records, or why they cannot be read here. */
  readonly registry: Registry | { readonly absent: string };
  /** The keys in KMS by which the gate signs, as far as this machine is configured for them. */
  readonly signingKeyArns: readonly string[];
  /** Accounts, principals and endpoints that are as they are on purpose, by ARN; `*` for any characters. */
  readonly accepted: readonly string[];
}
