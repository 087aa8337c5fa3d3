/**
 * Archives: files in a file. A *member* is one of them, parsed by what it holds, like a file of its own.
 */
import type { BaseFacts } from '../parse.ts';

export interface ArchiveMember {
  readonly name: string;
  /** How it is packed, for example `stored` or `deflated`. */
  readonly method: string;
  readonly sizeBytes: number;
  /** Of its (perhaps compressed) data in the archive; offsets in `facts` count inside the member. */
  readonly offset: number;
  readonly facts: BaseFacts;
}

/** Archives that are nothing but a row of members. */
export interface ArchiveFacts extends BaseFacts {
  readonly format: 'tar' | '7z';
  readonly entries: number;
  /** Members that were parsed by their content. */
  readonly members: readonly ArchiveMember[];
  /** Present where a tar archive is PyTorch's format before 0.1.10, whose tensors and storages are members. */
  readonly torchTar?: { readonly storages: number; readonly storageBytes: number };
}

/** Members: PyTorch checkpoints of the field stay below a hundred thousand. */
export const ENTRIES_MAX = 262_144;

/** Members parsed by content. */
export const PARSED_MAX = 4096;

/** Problems and gaps kept in the facts; what comes after is one gap over the whole archive. */
export const NOTES_MAX = 200;
