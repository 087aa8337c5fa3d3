/** What S3 does with whole objects: conditions, reads, listings, versions, tags, limits. */
import { begin, but, type Case, complete, get, listOf, part, put } from './conformance.ts';

export const CONDITIONS: readonly Case[] = [
  {
    title: 'writes once under If-None-Match',
    steps: [
      put('k', { IfNoneMatch: '*' }),
      put('k', { Body: 'two', IfNoneMatch: '*' }, '412 PreconditionFailed'),
      get('k', {}, { Body: 'one' }),
    ],
  },
  {
    title: 'moves under If-Match',
    steps: [
      put('k', {}),
      put('k', { Body: 'two', IfMatch: '$1.ETag' }),
      put('k', { Body: 'three', IfMatch: '$1.ETag' }, '412 PreconditionFailed'),
      get('k', {}, { Body: 'two' }),
    ],
  },
  {
    title: 'takes no If-Match where there is nothing',
    steps: [put('k', { IfMatch: '"5d41402abc4b2a76b9719d911017c592"' }, '404 NoSuchKey')],
  },
  {
    title: 'counts a delete marker as nothing for If-None-Match',
    versioning: 'on',
    steps: [
      put('k', { IfNoneMatch: '*' }),
      { call: 'DeleteObject', input: { Key: 'k' }, expect: { DeleteMarker: true } },
      but(put('k', { Body: 'two', IfNoneMatch: '*' }), { versitygw: '412 PreconditionFailed' }),
      but(get('k', {}, { Body: 'two' }), { versitygw: '404 NoSuchKey' }),
    ],
  },
  {
    title: 'completes an upload once under If-None-Match',
    steps: [
      begin('k'),
      part('k', 1, 'parts'),
      put('k', { Body: 'meanwhile' }),
      complete('k', listOf([1, '$2.ETag']), { IfNoneMatch: '*' }, '412 PreconditionFailed'),
      get('k', {}, { Body: 'meanwhile' }),
    ],
  },
  {
    title: 'completes an upload over what it knows under If-Match',
    steps: [
      begin('k'),
      part('k', 1, 'parts'),
      put('k', { Body: 'before' }),
      complete('k', listOf([1, '$2.ETag']), { IfMatch: '$3.ETag' }),
      get('k', {}, { Body: 'parts' }),
    ],
  },
  {
    title: 'reads by condition',
    steps: [
      put('k'),
      get('k', { IfMatch: '$1.ETag' }, { Body: 'one' }),
      get('k', { IfMatch: '"5d41402abc4b2a76b9719d911017c592"' }, '412 PreconditionFailed'),
      get('k', { IfNoneMatch: '$1.ETag' }, '304'),
    ],
  },
];

export const READS: readonly Case[] = [
  {
    title: 'gives back what was said of an object',
    steps: [
      put('k', { ContentType: 'application/json', CacheControl: 'no-cache', Metadata: { digest: 'abc' } }),
      {
        call: 'HeadObject',
        input: { Key: 'k' },
        expect: {
          ContentLength: 3,
          ContentType: 'application/json',
          CacheControl: 'no-cache',
          Metadata: { digest: 'abc' },
          ETag: '"f97c5d29941bfb1b2fdab0874906ab82"',
        },
      },
    ],
  },
  {
    title: 'reads ranges',
    steps: [
      put('k', { Body: '0123456789' }),
      get('k', { Range: 'bytes=2-4' }, { Body: '234', ContentRange: 'bytes 2-4/10' }),
      get('k', { Range: 'bytes=8-99' }, { Body: '89', ContentRange: 'bytes 8-9/10' }),
      get('k', { Range: 'bytes=-3' }, { Body: '789', ContentRange: 'bytes 7-9/10' }),
      get('k', { Range: 'bytes=10-' }, '416 InvalidRange'),
    ],
  },
  {
    title: 'says what is missing',
    steps: [
      get('nothing', {}, '404 NoSuchKey'),
      { call: 'HeadObject', input: { Key: 'nothing' }, expect: '404' },
      { call: 'ListObjectsV2', input: { Bucket: 'no-such-bucket-here' }, expect: '404 NoSuchBucket' },
      { call: 'DeleteObject', input: { Key: 'nothing' }, expect: {} },
    ],
  },
  {
    title: 'keeps keys with every kind of character',
    steps: [
      put('a b/ü+%2F&<ö>"\'(*)~', {}),
      get('a b/ü+%2F&<ö>"\'(*)~', {}, { Body: 'one' }),
      { call: 'ListObjectsV2', input: {}, expect: { 'Contents.0.Key': 'a b/ü+%2F&<ö>"\'(*)~' } },
    ],
  },
  {
    title: 'lists by prefix, delimiter and page',
    steps: [
      put('a/1'),
      put('a/2'),
      put('b/c/3'),
      put('d'),
      {
        call: 'ListObjectsV2',
        input: { Delimiter: '/' },
        expect: { 'CommonPrefixes.0.Prefix': 'a/', 'CommonPrefixes.1.Prefix': 'b/', 'Contents.0.Key': 'd' },
      },
      {
        call: 'ListObjectsV2',
        input: { MaxKeys: 2 },
        expect: { 'Contents.1.Key': 'a/2', IsTruncated: true },
      },
      {
        call: 'ListObjectsV2',
        input: { MaxKeys: 2, ContinuationToken: '$6.NextContinuationToken' },
        expect: { 'Contents.0.Key': 'b/c/3', 'Contents.1.Key': 'd', IsTruncated: false },
      },
      {
        call: 'ListObjectsV2',
        input: { Prefix: 'a/', StartAfter: 'a/1' },
        expect: { 'Contents.0.Key': 'a/2', KeyCount: 1 },
      },
    ],
  },
  {
    title: 'keeps versions and reads them by id',
    versioning: 'on',
    steps: [
      put('k'),
      put('k', { Body: 'two' }),
      get('k', { VersionId: '$1.VersionId' }, { Body: 'one' }),
      { call: 'DeleteObject', input: { Key: 'k' }, expect: { DeleteMarker: true } },
      get('k', {}, '404 NoSuchKey'),
      get('k', { VersionId: '$4.VersionId' }, '405 MethodNotAllowed'),
      {
        call: 'DeleteObject',
        input: { Key: 'k', VersionId: '$4.VersionId' },
        expect: { DeleteMarker: true },
      },
      get('k', {}, { Body: 'two' }),
      {
        call: 'ListObjectVersions',
        input: { Prefix: 'k' },
        expect: { 'Versions.0.IsLatest': true, 'Versions.1.IsLatest': false, DeleteMarkers: undefined },
      },
    ],
  },
  {
    title: 'deletes many at once',
    steps: [
      put('a'),
      put('b'),
      {
        call: 'DeleteObjects',
        input: { Delete: { Objects: [{ Key: 'a' }, { Key: 'b' }] } },
        expect: { 'Deleted.0.Key': 'a', 'Deleted.1.Key': 'b' },
      },
      { call: 'ListObjectsV2', input: {}, expect: { KeyCount: 0 } },
    ],
  },
  {
    title: 'tags objects',
    steps: [
      put('k', { Tagging: 'state=held' }),
      {
        call: 'GetObjectTagging',
        input: { Key: 'k' },
        expect: { TagSet: [{ Key: 'state', Value: 'held' }] },
      },
      {
        call: 'PutObjectTagging',
        input: { Key: 'k', Tagging: { TagSet: [{ Key: 'state', Value: 'revoked' }] } },
        expect: {},
      },
      {
        call: 'GetObjectTagging',
        input: { Key: 'k' },
        expect: { TagSet: [{ Key: 'state', Value: 'revoked' }] },
      },
    ],
  },
];

export const LIMITS: readonly Case[] = [
  {
    title: 'takes keys of 1,024 bytes at most',
    steps: [put(`${'k'.repeat(200)}/${'k'.repeat(200)}`), put('k'.repeat(1025), {}, '400 KeyTooLongError')],
  },
  {
    title: 'serves only whom the client expects',
    steps: [but(put('k', { ExpectedBucketOwner: '999999999999' }, '403 AccessDenied'), { minio: {} })],
  },
];
