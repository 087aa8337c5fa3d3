/** Which S3 operation a request is, by its method, where it points and its query; shared by stand-in and proxy. */

export interface OperationSigns {
  readonly method: string;
  readonly at: 'service' | 'bucket' | 'object';
  readonly query: URLSearchParams;
  readonly isCopy: boolean;
}

/** Configuration of a bucket that is put, read and deleted as one document, by its name in the query. */
export const BUCKET_SETTINGS: Readonly<Record<string, string>> = {
  policy: 'BucketPolicy',
  lifecycle: 'BucketLifecycleConfiguration',
  encryption: 'BucketEncryption',
  publicAccessBlock: 'PublicAccessBlock',
  ownershipControls: 'BucketOwnershipControls',
  'object-lock': 'ObjectLockConfiguration',
  logging: 'BucketLogging',
  notification: 'BucketNotificationConfiguration',
  tagging: 'BucketTagging',
  versioning: 'BucketVersioning',
  cors: 'BucketCors',
  acl: 'BucketAcl',
  replication: 'BucketReplication',
};

const OBJECT_SETTINGS: Readonly<Record<string, string>> = {
  tagging: 'ObjectTagging',
  retention: 'ObjectRetention',
  'legal-hold': 'ObjectLegalHold',
  acl: 'ObjectAcl',
};

const VERBS: Readonly<Record<string, string>> = { GET: 'Get', PUT: 'Put', DELETE: 'Delete' };

/** Operations that change what the store holds. */
export const WRITES: readonly string[] = [
  'PutObject',
  'CopyObject',
  'DeleteObject',
  'DeleteObjects',
  'PutObjectTagging',
  'CreateMultipartUpload',
  'UploadPart',
  'UploadPartCopy',
  'CompleteMultipartUpload',
  'AbortMultipartUpload',
];

/** The operation's name in AWS's API, `Unknown` where there is none. */
export function operationOf(signs: OperationSigns): string {
  switch (signs.at) {
    case 'service':
      return signs.method === 'GET' ? 'ListBuckets' : 'Unknown';
    case 'bucket':
      return setting(signs, BUCKET_SETTINGS) ?? bucketOperation(signs);
    case 'object':
      return setting(signs, OBJECT_SETTINGS) ?? objectOperation(signs);
  }
}

function setting({ method, query }: OperationSigns, names: Readonly<Record<string, string>>) {
  const name = Object.keys(names).find((candidate) => query.has(candidate));
  if (name === undefined) return undefined;
  const verb = VERBS[method];
  return verb === undefined ? 'Unknown' : `${verb}${names[name]}`;
}

function bucketOperation({ method, query }: OperationSigns): string {
  switch (method) {
    case 'HEAD':
      return 'HeadBucket';
    case 'PUT':
      return 'CreateBucket';
    case 'DELETE':
      return 'DeleteBucket';
    case 'POST':
      return query.has('delete') ? 'DeleteObjects' : 'Unknown';
    case 'GET':
      if (query.has('uploads')) return 'ListMultipartUploads';
      if (query.has('versions')) return 'ListObjectVersions';
      if (query.has('location')) return 'GetBucketLocation';
      return query.get('list-type') === '2' ? 'ListObjectsV2' : 'ListObjects';
    default:
      return 'Unknown';
  }
}

function objectOperation({ method, query, isCopy }: OperationSigns): string {
  const inUpload = query.has('uploadId');
  switch (method) {
    case 'HEAD':
      return 'HeadObject';
    case 'GET':
      if (inUpload) return 'ListParts';
      return query.has('attributes') ? 'GetObjectAttributes' : 'GetObject';
    case 'PUT':
      if (inUpload) return isCopy ? 'UploadPartCopy' : 'UploadPart';
      return isCopy ? 'CopyObject' : 'PutObject';
    case 'DELETE':
      return inUpload ? 'AbortMultipartUpload' : 'DeleteObject';
    case 'POST':
      if (query.has('uploads')) return 'CreateMultipartUpload';
      return inUpload ? 'CompleteMultipartUpload' : 'Unknown';
    default:
      return 'Unknown';
  }
}
