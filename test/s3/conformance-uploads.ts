/** What S3 does with uploads in parts: their order and size, copies inside the store, checksums. */
import { createHash } from 'node:crypto';
import {
  begin,
  bodyOf,
  but,
  type Case,
  complete,
  type Expectation,
  get,
  type Input,
  listOf,
  PART,
  part,
  put,
  type Step,
} from './conformance.ts';

const A = bodyOf('a', PART);
const md5 = (data: string | Buffer) => createHash('md5').update(data).digest();
const ETAG_OF_PARTS = `"${md5(Buffer.concat([md5('a'.repeat(PART)), md5('tail')])).toString('hex')}-2"`;

export const UPLOADS: readonly Case[] = [
  {
    title: 'makes an object of parts',
    steps: [
      begin('k', { ContentType: 'text/x', Metadata: { m: 'n' } }),
      part('k', 1, A),
      part('k', 2, 'tail'),
      {
        call: 'ListParts',
        input: { Key: 'k', UploadId: '$1.UploadId' },
        expect: {
          'Parts.0.Size': PART,
          'Parts.1.Size': 4,
          'Parts.1.ETag': '"7aea2552dfe7eb84b9443b6fc9ba6e01"',
        },
      },
      { call: 'ListMultipartUploads', input: { Prefix: 'k' }, expect: { 'Uploads.0.Key': 'k' } },
      get('k', {}, '404 NoSuchKey'),
      complete('k', listOf([1, '$2.ETag'], [2, '$3.ETag']), {}, { ETag: ETAG_OF_PARTS }),
      get('k', { Range: `bytes=${PART - 1}-${PART + 3}` }, { Body: 'atail' }),
      {
        call: 'HeadObject',
        input: { Key: 'k' },
        expect: { ContentLength: PART + 4, ContentType: 'text/x', Metadata: { m: 'n' } },
      },
      { call: 'ListMultipartUploads', input: { Prefix: 'k' }, expect: { Uploads: undefined } },
    ],
  },
  {
    title: 'answers a repeated completion as the first',
    steps: [
      begin('k'),
      part('k', 1, 'tail'),
      complete('k', listOf([1, '$2.ETag'])),
      but(complete('k', listOf([1, '$2.ETag']), {}, { ETag: '$3.ETag' }), { minio: '404 NoSuchUpload' }),
    ],
  },
  {
    title: 'answers a repeated completion under If-None-Match as the first',
    steps: [
      begin('k'),
      part('k', 1, 'tail'),
      complete('k', listOf([1, '$2.ETag']), { IfNoneMatch: '*' }),
      but(complete('k', listOf([1, '$2.ETag']), { IfNoneMatch: '*' }, { ETag: '$3.ETag' }), {
        minio: '412 PreconditionFailed',
      }),
    ],
  },
  {
    title: 'takes parts only in order',
    steps: [
      begin('k'),
      part('k', 1, A),
      part('k', 2, A),
      complete('k', listOf([2, '$3.ETag'], [1, '$2.ETag']), {}, '400 InvalidPartOrder'),
    ],
  },
  {
    title: 'takes only parts that are there',
    steps: [
      begin('k'),
      part('k', 1, 'tail'),
      complete('k', listOf([1, '"5d41402abc4b2a76b9719d911017c592"']), {}, '400 InvalidPart'),
      complete('k', listOf([2, '$2.ETag']), {}, '400 InvalidPart'),
    ],
  },
  {
    title: 'takes no small part but the last',
    steps: [
      begin('k'),
      part('k', 1, 'small'),
      part('k', 2, 'tail'),
      complete('k', listOf([1, '$2.ETag'], [2, '$3.ETag']), {}, '400 EntityTooSmall'),
    ],
  },
  {
    title: 'numbers parts from 1 to 10,000',
    steps: [
      begin('k'),
      part('k', 10_001, 'x', '400 InvalidArgument'),
      part('k', 10_000, 'x'),
      complete('k', listOf([10_000, '$3.ETag'])),
    ],
  },
  {
    title: 'forgets an aborted upload',
    steps: [
      begin('k'),
      part('k', 1, 'tail'),
      { call: 'AbortMultipartUpload', input: { Key: 'k', UploadId: '$1.UploadId' }, expect: {} },
      part('k', 2, 'more', '404 NoSuchUpload'),
      complete('k', listOf([1, '$2.ETag']), {}, '404 NoSuchUpload'),
      {
        call: 'AbortMultipartUpload',
        input: { Key: 'k', UploadId: '$1.UploadId' },
        expect: '404 NoSuchUpload',
        unlike: { minio: {} },
      },
    ],
  },
  {
    title: 'replaces a part that comes again',
    steps: [
      begin('k'),
      part('k', 1, 'first'),
      part('k', 1, 'again'),
      complete('k', listOf([1, '$2.ETag']), {}, '400 InvalidPart'),
      complete('k', listOf([1, '$3.ETag'])),
      get('k', {}, { Body: 'again' }),
    ],
  },
];

const copyPart = (more: Input, expect: Expectation = {}): Step => ({
  call: 'UploadPartCopy',
  input: { Key: 'k', UploadId: '$1.UploadId', PartNumber: 1, ...more },
  expect,
});

export const COPIES: readonly Case[] = [
  {
    title: 'copies parts of exactly one version',
    versioning: 'on',
    steps: [
      begin('k'),
      put('s', { Body: bodyOf('a', PART + 1) }),
      put('s', { Body: 'newer' }),
      but(
        copyPart(
          { CopySource: '$bucket/s?versionId=$2.VersionId', CopySourceIfMatch: '$2.ETag' },
          { CopySourceVersionId: '$2.VersionId', 'CopyPartResult.ETag': '$2.ETag' },
        ),
        { minio: { CopySourceVersionId: undefined, 'CopyPartResult.ETag': '$2.ETag' } },
      ),
      complete('k', listOf([1, '$4.CopyPartResult.ETag'])),
      { call: 'HeadObject', input: { Key: 'k' }, expect: { ContentLength: PART + 1 } },
    ],
  },
  {
    title: 'copies ranges',
    steps: [
      begin('k'),
      put('s', { Body: bodyOf('a', PART + 1) }),
      copyPart({ CopySource: '$bucket/s', CopySourceRange: 'bytes=1-3' }),
      copyPart({ CopySource: '$bucket/s', CopySourceRange: `bytes=1-${PART + 1}` }, '400 InvalidArgument'),
      complete('k', listOf([1, '$3.CopyPartResult.ETag'])),
      get('k', {}, { Body: 'aaa' }),
    ],
  },
  {
    title: 'copies parts into an upload whose whole object has a checksum',
    steps: [
      begin('k', { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' }),
      put('s', { Body: 'tail' }),
      but(copyPart({ CopySource: '$bucket/s' }, { 'CopyPartResult.ChecksumCRC32': '$crc32:tail' }), {
        minio: '400 InvalidArgument',
      }),
      but(
        complete(
          'k',
          { Parts: [{ PartNumber: 1, ETag: '$3.CopyPartResult.ETag', ChecksumCRC32: '$crc32:tail' }] },
          { ChecksumCRC32: '$crc32:tail', ChecksumType: 'FULL_OBJECT' },
          { ChecksumCRC32: '$crc32:tail' },
        ),
        { minio: '400 InvalidPart' },
      ),
    ],
  },
  {
    title: 'copies nothing that has changed or gone',
    versioning: 'on',
    steps: [
      begin('k'),
      put('s'),
      copyPart(
        { CopySource: '$bucket/s', CopySourceIfMatch: '"5d41402abc4b2a76b9719d911017c592"' },
        '412 PreconditionFailed',
      ),
      but(copyPart({ CopySource: '$bucket/nothing' }, '404 NoSuchKey'), { versitygw: '404 NoSuchVersion' }),
    ],
  },
];

const WRONG_CRC = 'elh7vg==';
const MINIO_MISMATCH = '400 XAmzContentChecksumMismatch';
const summed = (name: string, checksum: string): Step => ({
  call: 'UploadPart',
  input: { Key: 'k', UploadId: '$1.UploadId', PartNumber: 1, Body: 'tail', [name]: checksum },
  expect: { [name]: checksum },
});
const listed = (name: string, checksum: string) => ({
  Parts: [{ PartNumber: 1, ETag: '$2.ETag', [name]: checksum }],
});

export const CHECKSUMS: readonly Case[] = [
  {
    title: 'keeps a checksum and gives it back',
    steps: [
      put('k', { ChecksumCRC32: '$crc32:one' }, { ChecksumCRC32: '$crc32:one' }),
      {
        call: 'HeadObject',
        input: { Key: 'k', ChecksumMode: 'ENABLED' },
        expect: { ChecksumCRC32: '$crc32:one', ChecksumType: 'FULL_OBJECT' },
      },
    ],
  },
  {
    title: 'takes no bytes with a wrong checksum',
    steps: [
      but(put('k', { ChecksumCRC32: WRONG_CRC }, '400 BadDigest'), { minio: MINIO_MISMATCH }),
      but(put('k', { ChecksumSHA256: '$sha256:two' }, '400 BadDigest'), { minio: MINIO_MISMATCH }),
      put('k', { ContentMD5: '$md5:two' }, '400 BadDigest'),
      but(put('k', { ChecksumCRC32: 'no' }, '400 InvalidRequest'), { minio: '400 InvalidArgument' }),
      get('k', {}, '404 NoSuchKey'),
    ],
  },
  {
    title: 'computes the CRC32 of a whole object in parts',
    steps: [
      begin('k', { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' }),
      summed('ChecksumCRC32', '$crc32:tail'),
      but(
        complete('k', listed('ChecksumCRC32', '$crc32:tail'), { ChecksumCRC32: WRONG_CRC }, '400 BadDigest'),
        { minio: '400 InvalidArgument' },
      ),
      complete(
        'k',
        listed('ChecksumCRC32', '$crc32:tail'),
        { ChecksumCRC32: '$crc32:tail', ChecksumType: 'FULL_OBJECT' },
        { ChecksumCRC32: '$crc32:tail' },
      ),
      {
        call: 'HeadObject',
        input: { Key: 'k', ChecksumMode: 'ENABLED' },
        expect: { ChecksumCRC32: '$crc32:tail', ChecksumType: 'FULL_OBJECT' },
      },
    ],
  },
  {
    title: 'answers a repeated completion with checksums as the first',
    steps: [
      begin('k', { ChecksumAlgorithm: 'CRC32' }),
      summed('ChecksumCRC32', '$crc32:tail'),
      complete('k', listed('ChecksumCRC32', '$crc32:tail')),
      but(complete('k', listed('ChecksumCRC32', '$crc32:tail'), {}, { ETag: '$3.ETag' }), {
        minio: '404 NoSuchUpload',
      }),
    ],
  },
  {
    title: 'knows no checksums of parts where the upload was begun without',
    steps: [
      begin('k'),
      summed('ChecksumCRC32', '$crc32:tail'),
      but(complete('k', listed('ChecksumCRC32', '$crc32:tail'), {}, '400 InvalidPart'), { minio: {} }),
    ],
  },
  {
    title: 'holds a completion against the checksums of its parts',
    steps: [
      begin('k', { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' }),
      summed('ChecksumCRC32', '$crc32:tail'),
      but(complete('k', listOf([1, '$2.ETag']), {}, '400 InvalidRequest'), { minio: '400 InvalidPart' }),
      complete('k', listed('ChecksumCRC32', WRONG_CRC), {}, '400 InvalidPart'),
    ],
  },
  {
    title: 'composes the SHA-256 of an object from those of its parts',
    steps: [
      begin('k', { ChecksumAlgorithm: 'SHA256' }),
      summed('ChecksumSHA256', '$sha256:tail'),
      but(part('k', 2, 'x', '400 InvalidRequest'), { minio: '400 InvalidArgument' }),
      but(complete('k', listOf([1, '$2.ETag']), {}, '400 InvalidRequest'), { minio: '400 InvalidPart' }),
      complete('k', listed('ChecksumSHA256', '$sha256:two'), {}, '400 InvalidPart'),
      complete('k', listed('ChecksumSHA256', '$sha256:tail')),
      {
        call: 'HeadObject',
        input: { Key: 'k', ChecksumMode: 'ENABLED' },
        expect: { ChecksumSHA256: '$sha256:sha256:tail', ChecksumType: 'COMPOSITE' },
      },
    ],
  },
  {
    title: 'numbers parts with checksums without a gap',
    steps: [
      begin('k', { ChecksumAlgorithm: 'CRC32' }),
      summed('ChecksumCRC32', '$crc32:tail'),
      {
        call: 'UploadPart',
        input: {
          Key: 'k',
          UploadId: '$1.UploadId',
          PartNumber: 2,
          Body: 'tail',
          ChecksumCRC32: '$crc32:tail',
        },
        expect: {},
      },
      but(
        complete(
          'k',
          { Parts: [{ PartNumber: 2, ETag: '$3.ETag', ChecksumCRC32: '$crc32:tail' }] },
          {},
          '400 InvalidPartOrder',
        ),
        { versitygw: {}, minio: {} },
      ),
    ],
  },
  {
    title: 'knows which checksums can be of a whole object',
    steps: [
      {
        call: 'CreateMultipartUpload',
        input: { Key: 'k', ChecksumAlgorithm: 'SHA256', ChecksumType: 'FULL_OBJECT' },
        expect: '400 InvalidRequest',
        unlike: { minio: '400 InvalidArgument' },
      },
      {
        call: 'CreateMultipartUpload',
        input: { Key: 'k', ChecksumAlgorithm: 'CRC64NVME', ChecksumType: 'COMPOSITE' },
        expect: '400 InvalidRequest',
        unlike: { minio: { ChecksumType: 'FULL_OBJECT' } },
      },
    ],
  },
];
