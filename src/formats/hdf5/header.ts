/**
 * Object headers, versions 1 and 2: the messages of one object, from all blocks that continue it.
 * https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, section IV.A.
 */
import type { Cursor } from '../cursor.ts';
import { Malformed } from '../malformed.ts';
import type { Parse } from '../parse.ts';
import type { Hdf5Space } from './space.ts';

/** One message; `shared` says that it lies elsewhere, and `bytes` only says where. */
export interface Message {
  readonly type: number;
  readonly shared: boolean;
  readonly offset: number;
  readonly bytes: Buffer;
}

/** Most messages of one object: the format counts them with 16 bits. */
const MESSAGES_MAX = 65_536;

/** Longest block of messages: attributes of one object stay below 64 KiB each. */
const BLOCK_BYTES_MAX = 16 * 1024 * 1024;

const NIL = 0;
const CONTINUATION = 0x10;
const SHARED_FLAG = 0x02;
const CHECKSUM_BYTES = 4;

interface Layout {
  readonly version: 1 | 2;
  /** Version 2 with creation order: two bytes more a message. */
  readonly ordered: boolean;
}

interface Block {
  readonly begin: number;
  readonly length: number;
}

/** The messages of the object at `address`. Claims all its blocks: an object is read once. */
export function* readHeader(space: Hdf5Space, address: number): Parse<Message[]> {
  const head = yield* space.read(address, Math.min(32, space.endOfFile - address));
  const isV2 = head.take(4).toString('latin1') === 'OHDR';
  const { layout, body, claimed } = isV2 ? yield* prefixV2(space, address) : yield* prefixV1(space, address);
  space.claim(address, claimed, 'an object header');
  const messages: Message[] = [];
  const blocks: Block[] = [body];
  for (let block = blocks.pop(); block !== undefined; block = blocks.pop()) {
    if (block.length > BLOCK_BYTES_MAX)
      throw new Malformed('too-long', block.begin, `an object header of ${block.length} bytes`);
    const cursor = yield* space.read(block.begin, block.length);
    for (const message of readMessages(cursor, layout)) {
      if (messages.length >= MESSAGES_MAX)
        throw new Malformed('too-many', message.offset, `more than ${MESSAGES_MAX} messages of one object`);
      if (message.type === CONTINUATION) blocks.push(continuation(space, message, layout));
      else if (message.type !== NIL) messages.push(message);
    }
  }
  return messages;
}

interface Prefix {
  readonly layout: Layout;
  readonly body: Block;
  readonly claimed: number;
}

function* prefixV1(space: Hdf5Space, address: number): Parse<Prefix> {
  const cursor = yield* space.read(address, 16);
  const version = cursor.u8();
  if (version !== 1) throw new Malformed('bad-object', address, `an object header of version ${version}`);
  cursor.skip(7);
  const length = cursor.u32();
  return {
    layout: { version: 1, ordered: false },
    body: { begin: address + 16, length },
    claimed: 16 + length,
  };
}

function* prefixV2(space: Hdf5Space, address: number): Parse<Prefix> {
  const cursor = yield* space.read(address, Math.min(34, space.endOfFile - address));
  cursor.skip(4);
  const version = cursor.u8();
  if (version !== 2) throw new Malformed('bad-object', address, `an object header of version ${version}`);
  const flags = cursor.u8();
  if (flags & 0x20) cursor.skip(16);
  if (flags & 0x10) cursor.skip(4);
  const length = cursor.uint(1 << (flags & 3)) ?? 0;
  return {
    layout: { version: 2, ordered: (flags & 4) !== 0 },
    body: { begin: address + cursor.at, length },
    claimed: cursor.at + length + CHECKSUM_BYTES,
  };
}

function* readMessages(cursor: Cursor, { version, ordered }: Layout): Iterable<Message> {
  const headBytes = version === 1 ? 8 : ordered ? 6 : 4;
  // Version 2 leaves what is too short for a message as a gap at the end of a block.
  while (cursor.left >= headBytes) {
    const type = version === 1 ? cursor.u16() : cursor.u8();
    const length = cursor.u16();
    const flags = cursor.u8();
    cursor.skip(version === 1 ? 3 : ordered ? 2 : 0);
    const { offset } = cursor;
    yield { type, shared: (flags & SHARED_FLAG) !== 0, offset, bytes: cursor.take(length) };
  }
}

function continuation(space: Hdf5Space, { bytes, offset }: Message, { version }: Layout): Block {
  if (bytes.length < space.addressBytes + space.lengthBytes)
    throw new Malformed('truncated', offset, 'a continuation without a place');
  const begin = Number(readWide(bytes, 0, space.addressBytes));
  const length = Number(readWide(bytes, space.addressBytes, space.lengthBytes));
  space.claim(begin, length, 'a part of an object header');
  if (version === 1) return { begin, length };
  // `OCHK` before, a checksum behind.
  return { begin: begin + 4, length: Math.max(0, length - 4 - CHECKSUM_BYTES) };
}

function readWide(bytes: Buffer, at: number, size: number): bigint | number {
  return size === 8 ? bytes.readBigUInt64LE(at) : bytes.readUInt32LE(at);
}
