/** What a store can do beyond its conditions, tried where it can be tried, and what each absence costs. */
import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import {
  CompleteMultipartUploadCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  GetObjectTaggingCommand,
  ListMultipartUploadsCommand,
  PutObjectTaggingCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { REVOKED_TAG } from '../../vault/s3-place.ts';
import { asked, type Refusal } from './answer.ts';
import {
  type Answer,
  type CheckRow,
  failed,
  missing,
  ok,
  type Question,
  row,
  tried,
  unknown,
} from './check-row.ts';
import { tryPresigned } from './presign.ts';
import type { Scratch } from './scratch.ts';

type Test = (scratch: Scratch) => Promise<Answer>;

export async function checkAbilities(scratch: Scratch): Promise<CheckRow[]> {
  const rows: CheckRow[] = [];
  for (const [question, test] of ABILITIES) {
    rows.push(row(question, await tried(() => test(scratch), missing)));
  }
  return rows;
}

const ABILITIES: readonly (readonly [Question, Test])[] = [
  [
    {
      id: 'versioning',
      what: 'versions are kept',
      weight: 'safety',
      costs:
        'What is overwritten or deleted is gone: the gateway cannot hand out the very version that was inspected, and damage cannot be undone.',
      remedy: 'weighlock vault init turns it on; without it, keep copies elsewhere (weighlock copy).',
      controls: ['S3.14'],
    },
    versioning,
  ],
  [
    {
      id: 'after-delete',
      what: 'a deleted object counts as absent: it can be created, and not replaced',
      weight: 'safety',
      costs:
        'What was removed cannot be admitted again, or comes back when somebody replaces it by its old ETag.',
      remedy: 'Turn versioning off if the store keeps conditions only without it, or use another store.',
    },
    afterDelete,
  ],
  [
    {
      id: 'object-lock',
      what: 'versions can be locked against deletion',
      weight: 'advice',
      costs:
        'Whoever may delete versions can delete what was admitted, for good; it is noticed, not prevented.',
      remedy:
        'Make the bucket with Object Lock where a regulator asks for it, and keep the remover role closed.',
      controls: ['S3.15'],
    },
    objectLock,
  ],
  [
    {
      id: 'tags',
      what: 'objects can be tagged',
      weight: 'safety',
      costs:
        'A revocation cannot stop direct reads of the bucket by a tag: it holds for readers that ask the gateway or verify.',
      remedy: 'Let runtimes read through the gateway, or remove a revoked revision at once.',
    },
    tags,
  ],
  [
    {
      id: 'checksum-put',
      what: 'a PutObject with a wrong CRC-32 is refused',
      weight: 'safety',
      costs: 'Bytes damaged on their way are stored, and found only when they are verified.',
      remedy: 'Use TLS, and run weighlock verify after each admission.',
    },
    checksumPut,
  ],
  [
    {
      id: 'checksum-part',
      what: 'a part with a wrong CRC-32 is refused',
      weight: 'safety',
      costs: 'Parts damaged on their way are stored, and found only when the file is verified.',
      remedy: 'Use TLS, and run weighlock verify after each admission.',
    },
    checksumPart,
  ],
  [
    {
      id: 'checksum-whole',
      what: 'an upload with a wrong CRC-32 of the whole is refused',
      weight: 'advice',
      costs: 'Parts that are put together wrongly are found only when the file is verified.',
      remedy: 'Run weighlock verify after each admission.',
    },
    checksumWhole,
  ],
  [
    {
      id: 'part-copy',
      what: 'parts can be copied inside the store (UploadPartCopy)',
      weight: 'advice',
      costs: 'A next revision uploads unchanged files again. No safety is lost.',
      remedy: 'None is needed; admissions take longer.',
    },
    partCopy,
  ],
  [
    {
      id: 'list-uploads',
      what: 'pending uploads are listed by prefix',
      weight: 'advice',
      costs:
        'Uploads of admissions that died are not found by weighlock gc: only the lifecycle removes them, and they cost storage until then.',
      remedy: 'Have the lifecycle abort incomplete uploads (weighlock vault init).',
    },
    listUploads,
  ],
  [
    {
      id: 'presigned',
      what: 'a presigned URL gives the object, and a changed one does not',
      weight: 'safety',
      costs:
        'The gateway cannot hand out URLs of the store: weights would flow through it, or be readable by anybody.',
      remedy: 'Use a store that checks query signatures (AWS Signature Version 4).',
    },
    presigned,
  ],
];

async function versioning(scratch: Scratch): Promise<Answer> {
  const result = await asked(scratch.client.send(new GetBucketVersioningCommand(scratch.bucket())));
  if (result.kind === 'denied') return unknown(result.said);
  if (result.kind !== 'answer') return missing(`not supported (${result.said})`);
  const status = result.answer.Status ?? 'never turned on';
  if (status !== 'Enabled') return missing(status === 'Suspended' ? 'suspended' : status);
  const { VersionId: version } = await scratch.put('versioned', 'one');
  if (version === undefined || version === 'null')
    return failed('said to be on, but a write gets no version');
  return ok('on');
}

async function afterDelete(scratch: Scratch): Promise<Answer> {
  const { ETag } = await scratch.put('deleted', 'one');
  await scratch.delete('deleted');
  const replaced = await asked(scratch.put('deleted', 'two', { IfMatch: ETag }));
  if (replaced.kind === 'answer') return failed('a deleted object was replaced by its old ETag');
  const created = await asked(scratch.put('deleted', 'three', { IfNoneMatch: '*' }));
  return created.kind === 'answer' ? ok('it does') : missing(`it cannot be created again (${created.said})`);
}

async function objectLock(scratch: Scratch): Promise<Answer> {
  const result = await asked(scratch.client.send(new GetObjectLockConfigurationCommand(scratch.bucket())));
  if (result.kind === 'answer') {
    const { ObjectLockEnabled: enabled, Rule: rule } = result.answer.ObjectLockConfiguration ?? {};
    if (enabled !== 'Enabled') return missing('off');
    const { Mode: mode, Days: days, Years: years } = rule?.DefaultRetention ?? {};
    return ok(
      mode === undefined
        ? 'on, no default retention'
        : `${mode}, ${days ? `${days} days` : `${years} years`}`,
    );
  }
  if (result.kind === 'denied') return unknown(result.said);
  return missing(result.kind === 'absent' ? 'off' : `not supported (${result.said})`);
}

async function tags(scratch: Scratch): Promise<Answer> {
  const { key: Key, value: Value } = REVOKED_TAG;
  await scratch.put('tagged', 'one');
  const Tagging = { TagSet: [{ Key, Value }] };
  const set = await asked(
    scratch.client.send(new PutObjectTaggingCommand({ ...scratch.at('tagged'), Tagging })),
  );
  if (set.kind === 'denied') return unknown(set.said);
  if (set.kind !== 'answer') return missing(`not supported (${set.said})`);
  const read = await asked(scratch.client.send(new GetObjectTaggingCommand(scratch.at('tagged'))));
  if (read.kind === 'denied') return unknown(`a tag was set and may not be read (${read.said})`);
  if (read.kind !== 'answer') return missing(`a tag was set and cannot be read (${read.said})`);
  const there = read.answer.TagSet?.some((tag) => tag.Key === Key && tag.Value === Value);
  return there ? ok('set and read back') : failed('a tag was set and is not there');
}

/** The CRC-32 of a text as S3 writes it; `wrong` is that of another. */
function crc(text: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(text));
  return bytes.toString('base64');
}

const WRONG = crc('other bytes');

async function checksumPut(scratch: Scratch): Promise<Answer> {
  const result = await asked(scratch.put('crc', 'bytes', { ChecksumCRC32: WRONG }));
  return refusal(result, await asked(scratch.put('crc-right', 'bytes', { ChecksumCRC32: crc('bytes') })));
}

async function checksumPart(scratch: Scratch): Promise<Answer> {
  const UploadId = await scratch.begin('crc-part', { ChecksumAlgorithm: 'CRC32' });
  const part = (ChecksumCRC32: string) =>
    asked(
      scratch.client.send(
        new UploadPartCommand({
          ...scratch.at('crc-part'),
          UploadId,
          PartNumber: 1,
          Body: 'bytes',
          ChecksumCRC32,
        }),
      ),
    );
  return refusal(await part(WRONG), await part(crc('bytes')));
}

async function checksumWhole(scratch: Scratch): Promise<Answer> {
  const complete = async (name: string, ChecksumCRC32: string) => {
    const whole = { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' } as const;
    const UploadId = await scratch.begin(name, whole);
    const part = { ...scratch.at(name), UploadId, PartNumber: 1, Body: 'bytes', ChecksumCRC32: crc('bytes') };
    const { ETag } = await scratch.client.send(new UploadPartCommand(part));
    return scratch.client.send(
      new CompleteMultipartUploadCommand({
        ...scratch.at(name),
        UploadId,
        ChecksumType: 'FULL_OBJECT',
        ChecksumCRC32,
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag, ChecksumCRC32: crc('bytes') }] },
      }),
    );
  };
  return refusal(
    await asked(complete('crc-whole', WRONG)),
    await asked(complete('crc-whole-right', crc('bytes'))),
  );
}

type Asked = { readonly kind: 'answer' } | Refusal;

/** The wrong checksum must be refused, and the right one must not. */
function refusal(wrong: Asked, right: Asked): Answer {
  if (wrong.kind === 'answer') return failed('a wrong one was accepted');
  if (wrong.kind === 'denied') return unknown(wrong.said);
  if (right.kind !== 'answer') return missing(`a right one is refused too (${right.said})`);
  return ok(`refused (${wrong.said.split(':')[0]})`);
}

async function partCopy(scratch: Scratch): Promise<Answer> {
  await scratch.put('source', 'bytes to copy');
  const UploadId = await scratch.begin('copy');
  const { Bucket } = scratch.bucket();
  const CopySource = `${Bucket}/${scratch.key('source')}`;
  const part = { ...scratch.at('copy'), UploadId, PartNumber: 1, CopySource };
  const copied = await asked(scratch.client.send(new UploadPartCopyCommand(part)));
  if (copied.kind === 'denied') return unknown(copied.said);
  if (copied.kind !== 'answer') return missing(`not supported (${copied.said})`);
  const { ETag } = copied.answer.CopyPartResult ?? {};
  await scratch.client.send(
    new CompleteMultipartUploadCommand({
      ...scratch.at('copy'),
      UploadId,
      MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
    }),
  );
  const text = (await scratch.get('copy'))?.text;
  return text === 'bytes to copy' ? ok('copied') : failed('the copy has other bytes');
}

async function listUploads(scratch: Scratch): Promise<Answer> {
  const id = await scratch.begin('listed/here/file');
  await scratch.begin('listed/there/file');
  const Prefix = scratch.key('listed/here/');
  const result = await asked(
    scratch.client.send(new ListMultipartUploadsCommand({ ...scratch.bucket(), Prefix })),
  );
  if (result.kind === 'denied') return unknown(result.said);
  if (result.kind !== 'answer') return missing(`not supported (${result.said})`);
  const ids = (result.answer.Uploads ?? []).map((upload) => upload.UploadId);
  if (ids.length === 1 && ids[0] === id) return ok('exactly those below the prefix');
  return ids.includes(id)
    ? missing('the list does not keep to the prefix')
    : missing('the list leaves them out');
}

async function presigned(scratch: Scratch): Promise<Answer> {
  await scratch.put('presigned', 'bytes');
  const { signed, broken } = await tryPresigned(scratch.client, scratch.at('presigned'));
  if (broken < 400) return failed('a URL with a broken signature gives the object: anybody can read');
  return signed === 200 ? ok('checked') : missing(`the store answers ${signed}`);
}
