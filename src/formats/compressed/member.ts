/**
 * Members of archives whose size is known before they are expanded: into their parser, in one go.
 */
import { Malformed } from '../malformed.ts';
import type { Identify, Nesting } from '../nesting.ts';
import type { BaseFacts, Parse } from '../parse.ts';
import { Crc32 } from './checks.ts';
import { Content, HELD_BYTES_MAX, Meter } from './content.ts';
import { Output } from './output.ts';
import { Packed } from './packed.ts';
import type { Sink } from './ring.ts';

/** Expands all that is packed. `sizeBytes`: to how many bytes, as the archive says. Throws Malformed. */
export type Unpack = (packed: Packed, output: Output, sizeBytes: number) => Parse<void>;

/** Where a member lies, in the coordinates of the reads, and what the archive says of it. */
export interface PackedMember {
  readonly offset: number;
  readonly packedBytes: number;
  readonly sizeBytes: number;
  readonly crc32: number;
}

export interface Expanding {
  readonly unpack: Unpack;
  readonly identify: Identify;
  readonly nesting: Nesting;
}

/** The facts of the content. Throws Malformed where it is not what the archive says, or cannot be read. */
export function* expandMember(
  member: PackedMember,
  { unpack, identify, nesting }: Expanding,
): Parse<BaseFacts> {
  const { offset, packedBytes, sizeBytes } = member;
  const content = new Content({ sizeBytes, identify, nesting });
  const packed = new Packed(packedBytes, offset);
  const check = new Crc32();
  const checked: Sink = {
    push: (bytes) => {
      check.update(bytes);
      content.push(bytes);
    },
  };
  const meter = new Meter(checked, { nesting, readBytes: () => packed.readBytes });
  yield* unpack(packed, new Output(meter), sizeBytes);
  if (
    meter.totalBytes !== sizeBytes ||
    packed.remaining !== 0 ||
    check.digest().readUInt32LE(0) !== member.crc32
  )
    throw new Malformed('member-content', offset, 'a member does not expand to what its headers say');
  const facts = content.end();
  if (facts !== undefined) return facts;
  const detail = `a compressed member must be read from its end and is larger than ${HELD_BYTES_MAX} bytes`;
  throw new Malformed('content-too-large', offset, detail);
}
