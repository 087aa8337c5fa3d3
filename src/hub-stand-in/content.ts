/** Content as bytes on the way: read in pieces from wherever it is, and named by its digests once. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type GitBlobSha1, gitBlobSha1, type Sha256 } from '../base/digest.ts';
import { type Content, isLfs, type StandInFile, sizeOf } from './model.ts';

/** Large enough that the work per piece does not count at a gigabyte a second, small enough to pace and cut. */
const PIECE_BYTES = 1 << 20;

/** The bytes `[offset, offset + length)`, in pieces of at most 1 MiB. */
export async function* pieces(content: Content, offset: number, length: number): AsyncGenerator<Uint8Array> {
  if (length === 0) return;
  if (content.kind === 'disk') {
    const end = offset + length - 1;
    yield* createReadStream(content.path, { start: offset, end, highWaterMark: PIECE_BYTES });
    return;
  }
  for (let at = offset; at < offset + length; ) {
    const wanted = Math.min(PIECE_BYTES, offset + length - at);
    const piece =
      content.kind === 'bytes' ? content.bytes.subarray(at, at + wanted) : content.make(at, wanted);
    if (piece.length === 0) throw new Error(`no bytes were made at ${at}`);
    yield piece;
    at += piece.length;
  }
}

/** What the Hub says of a file's content in trees and headers. */
export type Identity =
  | { readonly kind: 'git'; readonly oid: GitBlobSha1; readonly sizeBytes: number }
  | {
      readonly kind: 'lfs';
      /** git's name of the pointer file, not of the content. */
      readonly oid: GitBlobSha1;
      readonly sizeBytes: number;
      readonly sha256: Sha256;
      readonly pointer: string;
    };

const identities = new WeakMap<StandInFile, Promise<Identity>>();

/** Computed on first use, by streaming, and remembered for as long as the file is. */
export function identityOf(file: StandInFile): Promise<Identity> {
  let identity = identities.get(file);
  if (!identity) {
    identity = identify(file);
    identities.set(file, identity);
  }
  return identity;
}

async function identify(file: StandInFile): Promise<Identity> {
  const sizeBytes = sizeOf(file.content);
  if (!isLfs(file)) {
    const oid = (await digest(file.content, 'sha1', `blob ${sizeBytes}\0`)) as GitBlobSha1;
    return { kind: 'git', oid, sizeBytes };
  }
  const sha256 = file.sha256 ?? ((await digest(file.content, 'sha256', '')) as Sha256);
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${sizeBytes}\n`;
  return { kind: 'lfs', oid: gitBlobSha1(Buffer.from(pointer)), sizeBytes, sha256, pointer };
}

async function digest(content: Content, algorithm: 'sha1' | 'sha256', prefix: string): Promise<string> {
  const hash = createHash(algorithm).update(prefix);
  for await (const piece of pieces(content, 0, sizeOf(content))) hash.update(piece);
  return hash.digest('hex');
}
