/** Places in S3: `s3://bucket/prefix`, and what is to be known to reach one. No client is loaded for it. */
import { WeighlockError } from '../base/errors.ts';

/** The tag that stops every read of an object, where the bucket's policy is as `weighlock vault init` makes it. */
export const REVOKED_TAG = { key: 'weighlock-revoked', value: 'true' } as const;

/** A bucket and how it is reached. Plain data: worker threads open the same from it. Holds no credentials. */
export interface S3Settings {
  readonly bucket: string;
  /** Between the bucket and the vault's own keys; without slashes at its ends, '' for the whole bucket. */
  readonly prefix: string;
  readonly region?: string;
  /** Another store than AWS's; also taken from AWS_ENDPOINT_URL_S3 and profiles, by the SDK itself. */
  readonly endpoint?: string;
  /** Where readers of presigned URLs reach the store, if that is elsewhere than here. */
  readonly readersEndpoint?: string;
  /** The bucket in the path instead of the host name, as most other stores want it. */
  readonly pathStyle?: boolean;
  /** Objects are encrypted with this KMS key, by bucket keys; without it as the bucket's default says. */
  readonly kmsKey?: string;
  /** The account that must own the bucket: a bucket that was deleted and made anew by a stranger is refused. */
  readonly bucketOwner?: string;
  /** Connections at once, where one client serves many readers. */
  readonly connections?: number;
  /** PEM file of a private certificate authority. */
  readonly caFile?: string;
  /** http(s) URL of a proxy. */
  readonly proxy?: string;
}

/** Bucket names as S3 has them; stores of other makers allow no more than these. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX_BYTES_MAX = 256;

/** The bucket and prefix of `s3://bucket/prefix`. Throws WL_CONFIG_INVALID. */
export function parseS3Place(place: string): Pick<S3Settings, 'bucket' | 'prefix'> {
  const [, bucket = '', rest = ''] = /^s3:\/\/([^/]*)\/?(.*)$/.exec(place) ?? [];
  const prefix = rest.replace(/\/$/, '');
  const refuse = (why: string) => {
    throw new WeighlockError('WL_CONFIG_INVALID', `"${place}" is not a place in S3: ${why}`, {
      hint: 'Write s3://bucket or s3://bucket/prefix.',
    });
  };
  if (!BUCKET.test(bucket)) refuse('the bucket has no valid name');
  const parts = prefix === '' ? [] : prefix.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..'))
    refuse('the prefix has an empty or dotted part');
  if (!/^[A-Za-z0-9!_.*'()/=+@-]*$/.test(prefix)) refuse('the prefix has characters that S3 asks to avoid');
  if (Buffer.byteLength(prefix) > PREFIX_BYTES_MAX)
    refuse(`the prefix is longer than ${PREFIX_BYTES_MAX} bytes`);
  return { bucket, prefix };
}

/** The place as people write it. */
export function s3Place({ bucket, prefix }: Pick<S3Settings, 'bucket' | 'prefix'>): string {
  return prefix === '' ? `s3://${bucket}` : `s3://${bucket}/${prefix}`;
}
