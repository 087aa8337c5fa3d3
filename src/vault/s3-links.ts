/**
 * Links: presigned URLs that read one version of one object and nothing else. Whoever holds one needs no credentials,
 * and it ends by itself; it also ends with the credentials that signed it, where those are temporary.
 */
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { Key } from './layout.ts';
import { s3Client } from './s3-client.ts';
import type { S3Store } from './s3-store.ts';

export type Links = (key: Key, version: string, seconds: number) => Promise<string>;

/** Links for the bucket of the store, at the endpoint by which its readers reach it. */
export function s3Links(store: S3Store): Links {
  const { readersEndpoint } = store.settings;
  const client: S3Client = readersEndpoint
    ? s3Client({ ...store.settings, endpoint: readersEndpoint })
    : store.client;
  return (key, version, seconds) => {
    // Of the object's address only: a header that is signed would have to be sent by a client that knows nothing of it.
    const { Bucket, Key } = store.at(key);
    const input = { Bucket, Key, VersionId: version };
    return getSignedUrl(client, new GetObjectCommand(input), { expiresIn: seconds });
  };
}
