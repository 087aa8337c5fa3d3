/**
 * Zip archives, as loaders of models read them (end record → central directory) and as they are written (local
 * headers one after another): the two must tell the same story, to the byte. A *member* is one file inside; PyTorch
 * archives are zips whose members are one pickle, and the raw storages that it names.
 */
import type { ArchiveMember } from '../archive/facts.ts';
import type { Identify, Nesting } from '../nesting.ts';
import type { BaseFacts } from '../parse.ts';
import type { ProgramFacts } from '../torchscript/parse.ts';
import type { SkopsFacts } from './skops.ts';

export interface ArchiveInput {
  readonly sizeBytes: number;
  /** Where the archive starts in the coordinates of the reads; facts count from there. */
  readonly offset?: number;
  readonly identify: Identify;
  readonly nesting: Nesting;
}

/** One line of the central directory. */
export interface ZipEntry {
  readonly name: string;
  readonly rawName: Uint8Array;
  readonly flags: number;
  readonly method: number;
  readonly crc32: number;
  readonly compressedBytes: number;
  readonly sizeBytes: number;
  readonly headerOffset: number;
  readonly unixMode: number;
  /** Where the entry itself stands. */
  readonly directoryOffset: number;
}

export interface ZipFacts extends BaseFacts {
  readonly format: 'zip' | 'pytorch';
  readonly entries: number;
  readonly inflatedBytes: number;
  /** Members that were parsed by their content. */
  readonly members: readonly ArchiveMember[];
  /** Present where the archive is skops's. */
  readonly skops?: SkopsFacts;
  readonly pytorch?: {
    readonly root: string;
    /** Present where the archive is TorchScript: it holds a program. */
    readonly program?: ProgramFacts;
    /** Storages accounted for by the pickle that names them. */
    readonly storages: number;
    readonly storageBytes: number;
  };
}

/** Central directory held in memory; some 100 bytes an entry are usual. */
export const DIRECTORY_BYTES_MAX = 64 << 20;

/** One inflated member, held whole; larger ones are inflated while they are parsed. */
export const INFLATED_BYTES_MAX = 32 << 20;

/** Bytes of a member's head that are shown to whoever identifies its format. */
export const MEMBER_HEAD_BYTES = 64 << 10;
