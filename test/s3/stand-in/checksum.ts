/** Checksums as S3 keeps them: of a whole object, or composed of those of its parts. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

export const ALGORITHMS = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const;
export type ChecksumAlgorithm = (typeof ALGORITHMS)[number];
export type ChecksumType = 'COMPOSITE' | 'FULL_OBJECT';

export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly type: ChecksumType;
  /** Base64; a composite one ends with `-` and the number of parts. */
  readonly value: string;
}

const BYTES: Readonly<Record<ChecksumAlgorithm, number>> = {
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  SHA1: 20,
  SHA256: 32,
};

export function checksumOf(algorithm: ChecksumAlgorithm, chunks: readonly Buffer[]): string {
  switch (algorithm) {
    case 'CRC32':
      return uint32(chunks.reduce((sum, chunk) => crc32(chunk, sum), 0));
    case 'CRC32C':
      return uint32(crc32c(chunks));
    case 'CRC64NVME':
      return crc64nvme(chunks).toString('base64');
    case 'SHA1':
    case 'SHA256': {
      const hash = createHash(algorithm.toLowerCase());
      for (const chunk of chunks) hash.update(chunk);
      return hash.digest('base64');
    }
  }
}

/** The checksum of the parts' checksums. */
export function compositeOf(algorithm: ChecksumAlgorithm, parts: readonly string[]): string {
  const joined = Buffer.concat(parts.map((part) => Buffer.from(part, 'base64')));
  return `${checksumOf(algorithm, [joined])}-${parts.length}`;
}

/** True where a header can hold a checksum of this kind at all. */
export function isChecksumValue(algorithm: ChecksumAlgorithm, value: string): boolean {
  const bytes = Buffer.from(value, 'base64');
  return bytes.length === BYTES[algorithm] && bytes.toString('base64') === value;
}

/** The types that an algorithm can have over an object in parts; the first is AWS's default. */
export function typesOf(algorithm: ChecksumAlgorithm): readonly ChecksumType[] {
  if (algorithm === 'CRC64NVME') return ['FULL_OBJECT'];
  return algorithm.startsWith('CRC') ? ['COMPOSITE', 'FULL_OBJECT'] : ['COMPOSITE'];
}

/** `x-amz-checksum-crc32` and its like. */
export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`;
}

/** `ChecksumCRC32` and its like, in XML. */
export function checksumElement(algorithm: ChecksumAlgorithm): string {
  return `Checksum${algorithm}`;
}

function uint32(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes.toString('base64');
}

const CRC32C_TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value >>> 0;
});

function crc32c(chunks: readonly Buffer[]): number {
  let sum = 0xffffffff;
  for (const chunk of chunks) {
    for (const byte of chunk) sum = (CRC32C_TABLE[(sum ^ byte) & 0xff] ?? 0) ^ (sum >>> 8);
  }
  return (sum ^ 0xffffffff) >>> 0;
}

/** The reflected polynomial of CRC-64/NVME; halves, since 64-bit integers are slow here. */
const NVME = 0x9a6c9329ac4bc9b5n;
const NVME_HIGH = new Int32Array(256);
const NVME_LOW = new Int32Array(256);
for (let index = 0; index < 256; index += 1) {
  let value = BigInt(index);
  for (let bit = 0; bit < 8; bit += 1) value = value & 1n ? (value >> 1n) ^ NVME : value >> 1n;
  NVME_HIGH[index] = Number(BigInt.asIntN(32, value >> 32n));
  NVME_LOW[index] = Number(BigInt.asIntN(32, value));
}

function crc64nvme(chunks: readonly Buffer[]): Buffer {
  let high = -1;
  let low = -1;
  for (const chunk of chunks) {
    for (const byte of chunk) {
      const index = (low ^ byte) & 0xff;
      low = ((low >>> 8) | (high << 24)) ^ (NVME_LOW[index] ?? 0);
      high = (high >>> 8) ^ (NVME_HIGH[index] ?? 0);
    }
  }
  const bytes = Buffer.alloc(8);
  bytes.writeInt32BE(~high, 0);
  bytes.writeInt32BE(~low, 4);
  return bytes;
}
