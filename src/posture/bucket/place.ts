/** The place of a vault in a bucket, and the names of what belongs to it. */
import { createHash } from 'node:crypto';
import { SIGNATURE_PATH } from '../../base/name.ts';
import { LOG_PREFIX, MODELS_PREFIX, REGISTRY_PREFIX, STAGING_PREFIX, STATE_KEY } from '../../vault/layout.ts';

/** A bucket, and the vault's prefix in it: without slashes at its ends, '' for the whole bucket. */
export interface Place {
  readonly bucket: string;
  readonly prefix: string;
}

/** Where a vault is, and who owns it. In a template, partition, account and region may be its variables. */
export interface OwnedPlace extends Place {
  readonly partition: string;
  readonly account: string;
  readonly region: string;
}

export type RoleName = 'gateway' | 'worker' | 'gate' | 'remover';
export const ROLE_NAMES: readonly RoleName[] = ['gateway', 'worker', 'gate', 'remover'];

/** IAM's limit on the name of a role. */
const ROLE_NAME_LENGTH_MAX = 64;
const BUCKET_NAME_LENGTH_MAX = 63;

/** What the prefix puts before each key. */
export function rootOf({ prefix }: Place): string {
  return prefix === '' ? '' : `${prefix}/`;
}

export function bucketArn({ partition, bucket }: OwnedPlace): string {
  return `arn:${partition}:s3:::${bucket}`;
}

/** ARNs of objects below the vault's prefix; the patterns may hold `*`. */
export function objectArns(place: OwnedPlace, patterns: readonly string[]): string[] {
  return patterns.map((pattern) => `${bucketArn(place)}/${rootOf(place)}${pattern}`);
}

export const MODELS = `${MODELS_PREFIX}*`;
export const REGISTRY = `${REGISTRY_PREFIX}*`;
export const LOG = `${LOG_PREFIX}*`;
export const STAGING = `${STAGING_PREFIX}*`;
/**
 * What is replaced, by If-Match. In a policy `*` matches slashes too, so a file called model.sig in a folder of a
 * model may be replaced like the signature; its digest is in the signature, as that of every file.
 */
export const MOVING: readonly string[] = [
  STATE_KEY,
  `${LOG_PREFIX}head`,
  `${LOG_PREFIX}checkpoint`,
  `${MODELS_PREFIX}*/${SIGNATURE_PATH}`,
];

/** `weighlock-<bucket>-<role>`, shortened with a digest where IAM's limit asks for it or a prefix tells vaults apart. */
export function roleName(place: Place, role: RoleName): string {
  const whole = `weighlock-${place.bucket}-${role}`;
  if (place.prefix === '' && whole.length <= ROLE_NAME_LENGTH_MAX) return whole;
  const tail = `-${digestOf(place)}-${role}`;
  const head = `weighlock-${place.bucket}`;
  return head.slice(0, ROLE_NAME_LENGTH_MAX - tail.length) + tail;
}

export function roleArn(place: OwnedPlace, role: RoleName): string {
  return `arn:${place.partition}:iam::${place.account}:role/${roleName(place, role)}`;
}

export function keyAlias({ bucket }: Place): string {
  return `alias/weighlock-${bucket}`;
}

export function logBucketName({ bucket }: Place): string {
  const name = `${bucket}-logs`;
  if (name.length <= BUCKET_NAME_LENGTH_MAX) return name;
  const tail = `-${digestOf({ bucket, prefix: '' })}-logs`;
  return bucket.slice(0, BUCKET_NAME_LENGTH_MAX - tail.length) + tail;
}

/** Tells apart the statements and rules of several vaults in one bucket. Letters and digits only, as a Sid wants. */
export function mark(place: Place): string {
  return place.prefix === '' ? '' : digestOf(place);
}

function digestOf({ bucket, prefix }: Place): string {
  return createHash('sha256').update(`${bucket}/${prefix}`).digest('hex').slice(0, 8);
}

/** The place as people write it. */
export function s3Place({ bucket, prefix }: Place): string {
  return prefix === '' ? `s3://${bucket}` : `s3://${bucket}/${prefix}`;
}
