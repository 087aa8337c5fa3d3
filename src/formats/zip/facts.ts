/**
 * Zip archives, as loaders of models read them (end record → central directory) and as they are written (local
 * headers one after another): the two must tell the same story, to the byte. A *member* is one file inside; PyTorch
 * archives are zips whose members are one pickle, and the raw storages that it names.
 */
import type { BaseFacts, Parse } from '../parse.ts';

/** Parses the content of a member by what it holds; `depth` counts the archives around it. */
export type InnerParser = (head: Uint8Array, sizeBytes: number, depth: number) => Parse<BaseFacts>;

export interface ArchiveInput {
  readonly sizeBytes: number;
  /** Where the archive starts in the coordinates of the reads; facts count from there. */
  readonly offset?: number;
  readonly inner: InnerParser;
  /** Archives around this one. */
  readonly depth?: number;
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

export interface ArchiveMember {
  readonly name: string;
  readonly method: 'stored' | 'deflated';
  readonly sizeBytes: number;
  /** Of its (perhaps compressed) data in the archive; offsets in `facts` count inside the member. */
  readonly offset: number;
  readonly facts: BaseFacts;
}

export interface ZipFacts extends BaseFacts {
  readonly format: 'zip' | 'pytorch';
  readonly entries: number;
  readonly inflatedBytes: number;
  /** Members that were parsed by their content. */
  readonly members: readonly ArchiveMember[];
  readonly pytorch?: {
    readonly root: string;
    /** The archive holds serialised code, which this parser does not understand. */
    readonly torchscript: boolean;
    /** Storages accounted for by the pickle that names them. */
    readonly storages: number;
    readonly storageBytes: number;
  };
}

/** Members: PyTorch checkpoints of the field stay below a hundred thousand. */
export const ENTRIES_MAX = 262_144;

/** Central directory held in memory; some 100 bytes an entry are usual. */
export const DIRECTORY_BYTES_MAX = 64 << 20;

/** Members parsed by content; storages of PyTorch are not counted. */
export const PARSED_MAX = 4096;

/** One inflated member, held whole. */
export const INFLATED_BYTES_MAX = 64 << 20;

/** All inflated members of an archive together. */
export const INFLATED_TOTAL_BYTES_MAX = 256 << 20;

/** Expansion above which a member of more than 1 MiB is a bomb rather than a file; text reaches about 20. */
export const EXPANSION_MAX = 200;
export const EXPANSION_FREE_BYTES = 1 << 20;

/** Archives in archives. */
export const DEPTH_MAX = 3;

/** Problems and gaps kept in the facts; what comes after is one gap over the whole archive. */
export const NOTES_MAX = 200;

/** Bytes of a member's head that are shown to whoever identifies its format. */
export const MEMBER_HEAD_BYTES = 64 << 10;
