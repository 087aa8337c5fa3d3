/**
 * What a client must get: a model as it lies on disk, named by digests that are computed here from its bytes, apart
 * from the code under test.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { isLfs, type StandInFile } from '../../src/hub-stand-in/model.ts';

export interface ExpectedFile {
  readonly sizeBytes: number;
  readonly sha256: string;
  /** git's name: of the content, or, where LFS keeps it, of the pointer. */
  readonly oid: string;
  readonly isLfs: boolean;
  readonly source: string;
}

export interface ExpectedModel {
  readonly id: string;
  readonly commit: string;
  readonly files: ReadonlyMap<string, ExpectedFile>;
  /** The folder on disk that it was made of. */
  readonly folder: string;
}

/** Digests of files that lie on disk, as `directoryFiles` found them there. */
export async function expectedFiles(files: readonly StandInFile[]): Promise<Map<string, ExpectedFile>> {
  const expected = new Map<string, ExpectedFile>();
  for (const file of files) {
    if (file.content.kind !== 'disk') throw new Error(`${file.path} is not on disk`);
    const { path: source, sizeBytes } = file.content;
    const lfs = isLfs(file);
    const sha256 = await digestFile(source, 'sha256');
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${sizeBytes}\n`;
    const oid = lfs
      ? createHash('sha1').update(`blob ${pointer.length}\0${pointer}`).digest('hex')
      : await digestFile(source, 'sha1', `blob ${sizeBytes}\0`);
    expected.set(file.path, { sizeBytes, sha256, oid, isLfs: lfs, source });
  }
  return expected;
}

export async function digestFile(file: string, algorithm: 'sha256' | 'sha1', prefix = ''): Promise<string> {
  const hash = createHash(algorithm).update(prefix);
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest('hex');
}

/** SHA-256 of each range `[offset, length]` of a file. */
export async function digestRanges(
  file: string,
  ranges: readonly (readonly [offset: number, length: number])[],
): Promise<string[]> {
  await using handle = await open(file);
  const digests: string[] = [];
  for (const [offset, length] of ranges) {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset);
    digests.push(createHash('sha256').update(buffer.subarray(0, bytesRead)).digest('hex'));
  }
  return digests;
}

/** Every folder that a file lies in, at any depth, sorted. */
export function foldersOf(paths: Iterable<string>): string[] {
  const folders = new Set<string>();
  for (const path of paths) {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth += 1) folders.add(parts.slice(0, depth).join('/'));
  }
  return [...folders].sort();
}
