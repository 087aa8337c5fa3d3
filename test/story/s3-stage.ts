/**
 * A stage whose vault is in a bucket of its own, versioned, below a prefix; and what a stranger with the keys of the
 * bucket sees and does there, by the SDK alone.
 */
import { randomBytes } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { HubStandInOptions } from '../../src/hub-stand-in/hub-stand-in.ts';
import { connect, type S3Server } from '../s3/server.ts';
import type { S3StandIn } from '../s3/stand-in/stand-in.ts';
import { openStage, type Stage } from './stage.ts';

const PREFIX = 'team/vault';
/** More than a story has: a listing of one page is the whole. */
const KEYS_MAX = 1000;

export interface PendingUpload {
  /** Relative to the vault. */
  readonly key: string;
  readonly uploadId: string;
}

export interface S3Stage extends Stage {
  readonly server: S3Server;
  readonly bucket: string;
  readonly prefix: string;
  readonly client: S3Client;
  /** Keys relative to the vault, sorted. */
  keys(below?: string): Promise<string[]>;
  get(key: string): Promise<Buffer>;
  /** Puts a version on top, whatever stands there; returns its id. */
  put(key: string, bytes: Uint8Array): Promise<string>;
  /** Puts a delete marker on top, or removes exactly one version; returns the marker's id. */
  remove(key: string, version?: string): Promise<string>;
  uploads(): Promise<PendingUpload[]>;
  abort(upload: PendingUpload): Promise<void>;
  /** Entries of the log, by its checkpoint. */
  logSize(): Promise<number>;
}

export interface S3StageOptions extends HubStandInOptions {
  /** Variables beside those of the server. */
  readonly environment?: NodeJS.ProcessEnv;
}

/** Commands in this process take the credentials from its environment: stages at one time are on one server. */
export async function openS3Stage(server: S3Server, options: S3StageOptions): Promise<S3Stage> {
  const bucket = `stage-${randomBytes(6).toString('hex')}`;
  await server.makeBucket(bucket, { versioning: 'on' });
  delete process.env.AWS_SESSION_TOKEN;
  Object.assign(process.env, server.environment);
  const stage = await openStage(options, {
    place: `s3://${bucket}/${PREFIX}`,
    environment: { ...server.environment, ...options.environment },
  });
  const client = connect(server);
  return {
    ...stage,
    server,
    bucket,
    prefix: PREFIX,
    client,
    ...strangerIn({ client, bucket }),
    async [Symbol.asyncDispose]() {
      client.destroy();
      empty(server, bucket);
      await stage[Symbol.asyncDispose]();
    },
  };
}

/** The stand-in holds everything in memory, and a story may open a hundred stages. */
function empty(server: S3Server | S3StandIn, name: string): void {
  if (!('store' in server)) return;
  const bucket = server.store.buckets.get(name);
  if (!bucket) return;
  for (const { key, versionId } of [...bucket.objects.values()].flat())
    server.store.remove(bucket, key, versionId);
  for (const upload of bucket.uploads.values()) server.store.dropUpload(bucket, upload);
  server.store.buckets.delete(name);
}

function strangerIn({ client, bucket: Bucket }: { client: S3Client; bucket: string }) {
  const full = (key: string) => `${PREFIX}/${key}`;
  const keys = async (below = '') => {
    const page = await client.send(new ListObjectsV2Command({ Bucket, Prefix: full(below) }));
    if (page.IsTruncated) throw new Error(`more than ${KEYS_MAX} keys below ${below}`);
    return (page.Contents ?? []).map(({ Key = '' }) => Key.slice(PREFIX.length + 1)).sort();
  };
  const get = async (key: string) => {
    const answer = await client.send(new GetObjectCommand({ Bucket, Key: full(key) }));
    return Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
  };
  return {
    keys,
    get,
    async put(key: string, Body: Uint8Array) {
      return (await client.send(new PutObjectCommand({ Bucket, Key: full(key), Body }))).VersionId ?? '';
    },
    async remove(key: string, VersionId?: string) {
      const answer = await client.send(new DeleteObjectCommand({ Bucket, Key: full(key), VersionId }));
      return answer.VersionId ?? '';
    },
    async uploads() {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket }));
      return Uploads.map(({ Key = '', UploadId: uploadId = '' }) => ({
        key: Key.slice(PREFIX.length + 1),
        uploadId,
      }));
    },
    async abort({ key, uploadId: UploadId }: PendingUpload) {
      await client.send(new AbortMultipartUploadCommand({ Bucket, Key: full(key), UploadId }));
    },
    async logSize() {
      if (!(await keys('log/')).includes('log/checkpoint')) return 0;
      return Number((await get('log/checkpoint')).toString('utf8').split('\n')[1]);
    },
  };
}
