/** CompleteMultipartUpload: parts in order become one object, under every check that AWS makes. */
import { createHash } from 'node:crypto';
import { type Call, headerOf, quoted, type Reply } from './call.ts';
import {
  ALGORITHMS,
  type Checksum,
  checksumElement,
  checksumHeader,
  checksumOf,
  compositeOf,
  isChecksumValue,
} from './checksum.ts';
import { checkWrite } from './conditions.ts';
import { S3Error } from './error.ts';
import { addObject, checksumElements, etagOf, unaskedChecksum, writtenHeaders } from './objects.ts';
import type { Part, StoredObject, Upload } from './store.ts';
import { PART_BYTES_MIN, PARTS_MAX, uploadOf } from './uploads.ts';
import { childText, document, parseXml, type XmlElement } from './xml.ts';

export function completeUpload(call: Call): Reply {
  const repeated = repeatedAnswer(call);
  if (repeated) return repeated;
  const upload = uploadOf(call);
  const parts = chosenParts(call, upload);
  const sizeBytes = parts.reduce((sum, part) => sum + part.bytes.length, 0);
  const expected = headerOf(call.headers, 'x-amz-mp-object-size');
  if (expected !== undefined && expected !== String(sizeBytes)) {
    throw new S3Error('InvalidRequest', {
      message: "The provided 'x-amz-mp-object-size' header does not match what was computed.",
    });
  }
  const chunks = parts.map((part) => part.bytes);
  const checksum = objectChecksum(call, upload, parts);
  checkWrite(call);
  const { store, bucket } = call;
  store.dropUpload(bucket, upload);
  const md5s = createHash('md5');
  for (const { bytes } of parts) md5s.update(createHash('md5').update(bytes).digest());
  const object = addObject(call, {
    headers: upload.headers,
    encryption: upload.encryption,
    tags: upload.tags,
    chunks,
    sizeBytes,
    etag: `${etagOf(upload, md5s.digest('hex'))}-${parts.length}`,
    checksum,
    partBytes: chunks.map((chunk) => chunk.length),
  });
  store.remember(bucket, upload.id, { key: upload.key, parts: call.body.bytes.toString(), object });
  return completed(call, object);
}

/** AWS answers a repeated completion as it answered the first, whatever has become of the object since. */
function repeatedAnswer(call: Call): Reply | undefined {
  if (call.abilities.repeatedComplete === 'no-such-upload') return undefined;
  const done = call.bucket.completions.get(call.query.get('uploadId') ?? '');
  if (done?.key !== call.key || done.parts !== call.body.bytes.toString()) return undefined;
  return completed(call, done.object);
}

function completed({ bucket, headers }: Call, object: StoredObject): Reply {
  const { etag: _, ...rest } = writtenHeaders(object, bucket);
  return {
    status: 200,
    headers: rest,
    text: document('CompleteMultipartUploadResult', {
      Location: `http://${headers.host}/${bucket.name}/${object.key}`,
      Bucket: bucket.name,
      Key: object.key,
      ETag: quoted(object.etag),
      ...checksumElements(object.checksum),
    }),
  };
}

/** The parts that the request lists, each checked against what was uploaded. */
function chosenParts({ body }: Call, upload: Upload): Part[] {
  const root = parseXml(body.bytes, 'CompleteMultipartUpload');
  if (root.children.length === 0 || root.children.length > PARTS_MAX) throw new S3Error('MalformedXML');
  let last = 0;
  const parts = root.children.map((item) => {
    const number = Number(childText(item, 'PartNumber'));
    if (item.name !== 'Part' || !Number.isInteger(number)) throw new S3Error('MalformedXML');
    if (number <= last) throw new S3Error('InvalidPartOrder', { fields: { UploadId: upload.id } });
    last = number;
    return chosenPart(item, upload, number);
  });
  const summed = upload.asked && parts.every((part) => part.checksum !== undefined);
  if (summed && parts.some((part, at) => part.number !== at + 1)) {
    throw new S3Error('InvalidPartOrder', { fields: { UploadId: upload.id } });
  }
  for (const part of parts.slice(0, -1)) {
    if (part.bytes.length >= PART_BYTES_MIN) continue;
    throw new S3Error('EntityTooSmall', {
      fields: {
        ProposedSize: String(part.bytes.length),
        MinSizeAllowed: String(PART_BYTES_MIN),
        PartNumber: String(part.number),
        ETag: part.etag,
      },
    });
  }
  return parts;
}

function chosenPart(item: XmlElement, upload: Upload, number: number): Part {
  const etag = childText(item, 'ETag')?.replaceAll('"', '');
  if (etag === undefined) throw new S3Error('MalformedXML');
  const part = upload.parts.get(number);
  const fields = { UploadId: upload.id, PartNumber: String(number), ETag: etag };
  if (part?.etag !== etag) throw new S3Error('InvalidPart', { fields });
  const listed = ALGORITHMS.flatMap((algorithm) => childText(item, checksumElement(algorithm)) ?? []);
  const wanted = upload.asked && (upload.type === 'COMPOSITE' || part.checksum !== undefined);
  if (wanted && listed.length === 0) {
    throw new S3Error('InvalidRequest', {
      message: `The upload was created using a ${upload.algorithm.toLowerCase()} checksum. The complete request must include the checksum for each part. It was missing for part ${number} in the request.`,
    });
  }
  // Checksums that came with parts are kept only where the upload was begun with an algorithm.
  const kept = upload.asked ? part.checksum?.value : undefined;
  if (listed.some((checksum) => checksum !== kept)) throw new S3Error('InvalidPart', { fields });
  return part;
}

/** The object's checksum, held against what the request says that it is. */
function objectChecksum(call: Call, upload: Upload, parts: readonly Part[]): Checksum | undefined {
  const { headers, body } = call;
  const type = headerOf(headers, 'x-amz-checksum-type')?.toUpperCase();
  if (type !== undefined && type !== upload.type) {
    throw new S3Error('InvalidRequest', {
      message: `The upload was created using the ${upload.type} checksum mode. The complete request must use the same checksum mode.`,
    });
  }
  const given = body.checksum;
  const { algorithm } = upload;
  if (given && given.algorithm !== algorithm) {
    throw new S3Error('InvalidRequest', {
      message: `Checksum Type mismatch occurred, expected checksum Type: ${algorithm.toLowerCase()}, actual checksum Type: ${given.algorithm.toLowerCase()}`,
    });
  }
  const chunks = parts.map((part) => part.bytes);
  if (!given && !upload.asked) return unaskedChecksum(chunks);
  const value =
    upload.type === 'FULL_OBJECT'
      ? checksumOf(algorithm, chunks)
      : compositeOf(
          algorithm,
          parts.map((part) => part.checksum?.value ?? checksumOf(algorithm, [part.bytes])),
        );
  if (given) {
    const plain = given.value.replace(/-\d+$/, '');
    if (!isChecksumValue(algorithm, plain)) {
      throw new S3Error('InvalidRequest', {
        message: `Value for ${checksumHeader(algorithm)} header is invalid.`,
      });
    }
    // The count of parts may be left out of a composite checksum.
    if (given.value !== value && plain !== value.replace(/-\d+$/, '')) {
      throw new S3Error('BadDigest', {
        message: `The ${algorithm} you specified did not match the calculated checksum.`,
      });
    }
  }
  return { algorithm, type: upload.type, value };
}
