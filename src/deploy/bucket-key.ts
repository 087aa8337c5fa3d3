/** The key that the files of a revision are encrypted with: whoever reads them needs it, and buckets have one by default. */
import { fileKey } from '../vault/layout.ts';
import { bucketOf } from './aws.ts';
import { call } from './aws-call.ts';
import type { Order } from './deploy.ts';
import { text } from './flags.ts';

const KEY_ARN = /^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/;

/**
 * The order with the ARN of the key among its flags: as it was typed, as the vault's configuration says, or as S3 itself says
 * of one file. Unchanged where the files are encrypted with no key of KMS. Throws WL_DEPLOY_DENIED, WL_DEPLOY_UNAVAILABLE.
 */
export async function withBucketKey(order: Order): Promise<Order> {
  const { subject, flags } = order;
  const settings = bucketOf(subject);
  if (!settings || text(flags, 'bucketKey') !== undefined) return order;
  const configured = settings.kmsKey;
  const bucketKey = configured && KEY_ARN.test(configured) ? configured : await storedKey(order);
  return bucketKey === undefined ? order : { ...order, flags: { ...flags, bucketKey } };
}

async function storedKey({ subject }: Order): Promise<string | undefined> {
  const settings = bucketOf(subject);
  const [file] = subject.files;
  if (!settings || !file) return undefined;
  const [{ HeadObjectCommand }, { s3Client }] = await Promise.all([
    import('@aws-sdk/client-s3'),
    import('../vault/s3-client.ts'),
  ]);
  const client = s3Client(settings);
  try {
    const root = settings.prefix === '' ? '' : `${settings.prefix}/`;
    const input = { Bucket: settings.bucket, Key: `${root}${fileKey(subject, file.path)}` };
    const { SSEKMSKeyId } = await call('s3:GetObject', client.send(new HeadObjectCommand(input)));
    return SSEKMSKeyId !== undefined && KEY_ARN.test(SSEKMSKeyId) ? SSEKMSKeyId : undefined;
  } finally {
    client.destroy();
  }
}
