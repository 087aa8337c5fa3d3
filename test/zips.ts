/**
 * A writer of zip archives that can lie in every field: for tests of how archives are read.
 */
import { crc32, deflateRawSync } from 'node:zlib';

export interface ZipMember {
  readonly name: string;
  readonly data: Uint8Array;
  readonly deflate?: boolean;
  /** CRC and sizes behind the data instead of in the local header, as PyTorch writes them. */
  readonly descriptor?: boolean;
  readonly extra?: Uint8Array;
  readonly unixMode?: number;
  /** Bytes in front of the local header that belong to nothing. */
  readonly before?: Uint8Array;
  /** What the local header says instead. */
  readonly local?: {
    readonly name?: string;
    readonly method?: number;
    readonly crc32?: number;
    readonly flags?: number;
    readonly sizeBytes?: number;
  };
  /** What the directory says instead. */
  readonly central?: {
    readonly sizeBytes?: number;
    readonly crc32?: number;
    readonly headerOffset?: number;
    readonly flags?: number;
  };
}

export interface ZipLies {
  readonly prepend?: Uint8Array;
  readonly append?: Uint8Array;
  readonly comment?: string;
  readonly entries?: number;
  readonly disk?: number;
}

export function zip(members: readonly ZipMember[], lies: ZipLies = {}): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  const put = (...buffers: readonly Uint8Array[]): void => {
    for (const buffer of buffers) {
      parts.push(Buffer.from(buffer));
      offset += buffer.length;
    }
  };
  for (const member of members) {
    put(member.before ?? Buffer.alloc(0));
    const headerOffset = offset;
    const packed = member.deflate ? deflateRawSync(member.data) : Buffer.from(member.data);
    const facts = { headerOffset, packed, crc: crc32(member.data) };
    put(localHeader(member, facts), packed, member.descriptor ? descriptor(member, facts) : Buffer.alloc(0));
    directory.push(centralHeader(member, facts));
  }
  const begin = offset;
  put(...directory, endRecord(members.length, { begin, bytes: Buffer.concat(directory).length, lies }));
  return Buffer.concat([Buffer.from(lies.prepend ?? []), ...parts, Buffer.from(lies.append ?? [])]);
}

interface Packed {
  readonly headerOffset: number;
  readonly packed: Buffer;
  readonly crc: number;
}

function flagsOf(member: ZipMember): number {
  const ascii = /^[\0-\x7f]*$/.test(member.name);
  return (member.descriptor ? 8 : 0) | (ascii ? 0 : 0x800);
}

function localHeader(member: ZipMember, { packed, crc }: Packed): Buffer {
  const { local = {} } = member;
  const name = Buffer.from(local.name ?? member.name);
  const extra = Buffer.from(member.extra ?? []);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(20, 4);
  header.writeUInt16LE(local.flags ?? flagsOf(member), 6);
  header.writeUInt16LE(local.method ?? (member.deflate ? 8 : 0), 8);
  header.writeUInt32LE(local.crc32 ?? (member.descriptor ? 0 : crc), 14);
  header.writeUInt32LE(member.descriptor ? 0 : packed.length, 18);
  header.writeUInt32LE(local.sizeBytes ?? (member.descriptor ? 0 : member.data.length), 22);
  header.writeUInt16LE(name.length, 26);
  header.writeUInt16LE(extra.length, 28);
  return Buffer.concat([header, name, extra]);
}

function descriptor(member: ZipMember, { packed, crc }: Packed): Buffer {
  const record = Buffer.alloc(16);
  record.writeUInt32LE(0x08074b50, 0);
  record.writeUInt32LE(crc, 4);
  record.writeUInt32LE(packed.length, 8);
  record.writeUInt32LE(member.data.length, 12);
  return record;
}

function centralHeader(member: ZipMember, { headerOffset, packed, crc }: Packed): Buffer {
  const { central = {} } = member;
  const name = Buffer.from(member.name);
  const header = Buffer.alloc(46);
  header.writeUInt32LE(0x02014b50, 0);
  header.writeUInt16LE(0x0314, 4);
  header.writeUInt16LE(20, 6);
  header.writeUInt16LE(central.flags ?? flagsOf(member), 8);
  header.writeUInt16LE(member.deflate ? 8 : 0, 10);
  header.writeUInt32LE(central.crc32 ?? crc, 16);
  header.writeUInt32LE(packed.length, 20);
  header.writeUInt32LE(central.sizeBytes ?? member.data.length, 24);
  header.writeUInt16LE(name.length, 28);
  header.writeUInt32LE(((member.unixMode ?? 0o100644) * 0x10000) >>> 0, 38);
  header.writeUInt32LE(central.headerOffset ?? headerOffset, 42);
  return Buffer.concat([header, name]);
}

function endRecord(
  count: number,
  { begin, bytes, lies }: { begin: number; bytes: number; lies: ZipLies },
): Buffer {
  const comment = Buffer.from(lies.comment ?? '');
  const record = Buffer.alloc(22);
  record.writeUInt32LE(0x06054b50, 0);
  record.writeUInt16LE(lies.disk ?? 0, 4);
  record.writeUInt16LE(lies.entries ?? count, 8);
  record.writeUInt16LE(lies.entries ?? count, 10);
  record.writeUInt32LE(bytes, 12);
  record.writeUInt32LE(begin, 16);
  record.writeUInt16LE(comment.length, 20);
  return Buffer.concat([record, comment]);
}
