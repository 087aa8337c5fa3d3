/**
 * What every source keeps to, as a suite that each implementation runs on the same files.
 *
 * A test file provides those files in its own way (served, written to a folder) and calls `sourceContract`.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { gitBlobSha1, sha256 } from '../base/digest.ts';
import type { ErrorCode } from '../base/errors.ts';
import type { ModelName } from '../base/name.ts';
import { release } from '../base/release.ts';
import type { ByteRange, Source, SourceFile, SourceRevision } from './source.ts';

/** Names that are easily mangled on the way, an empty file, and one of several reads. */
export const CONTRACT_FILES: Readonly<Record<string, Uint8Array>> = {
  '.gitattributes': Buffer.from('*.bin filter=lfs\n'),
  'config.json': Buffer.from('{"model_type": "llama"}'),
  'empty.txt': new Uint8Array(0),
  'a/b/deep file.txt': Buffer.from('deep'),
  'names/100%25 + #1 & more?.txt': Buffer.from('percent'),
  'names/größe-模型-é.txt': Buffer.from('unicode'),
  'model.safetensors': counted(3 * 2 ** 20 + 17),
};

export interface SourceUnderTest {
  readonly source: Source;
  readonly model: ModelName;
  /** Opens another source by the first one's ticket. */
  readonly again: () => Source;
  readonly missing: { readonly model: ModelName; readonly revision?: string; readonly code: ErrorCode };
  readonly close: () => Promise<void>;
}

export function sourceContract(name: string, open: () => Promise<SourceUnderTest>): void {
  describe(`${name} keeps the contract of a source`, () => {
    let tested: SourceUnderTest;
    let revision: SourceRevision;
    before(async () => {
      tested = await open();
      revision = await tested.source.resolve(tested.model, undefined);
    });
    after(() => tested.close());

    const large = () => fileOf(revision, 'model.safetensors');
    const bytesOf = (path: string) => CONTRACT_FILES[path] ?? assert.fail(path);

    test('it lists every file once, sorted by path, with its size', () => {
      const expected = Object.entries(CONTRACT_FILES).map(([path, { length }]) => [path, length]);
      const listed = revision.files.map(({ path, sizeBytes }) => [path, sizeBytes]);
      assert.deepEqual(listed, expected.sort());
    });

    test('the digests that it declares are those of the bytes', () => {
      for (const { path, declared } of revision.files) {
        if (declared.kind === 'lfs-sha256') assert.equal(declared.digest, sha256(bytesOf(path)));
        if (declared.kind === 'git-blob-sha1') assert.equal(declared.digest, gitBlobSha1(bytesOf(path)));
      }
    });

    test('it reads every file whole', async () => {
      for (const file of revision.files) {
        const read = await readAll(tested.source.read(revision, file, whole(file)));
        assert.deepEqual(read, Buffer.from(bytesOf(file.path)), file.path);
      }
    });

    for (const [title, offset, length] of [
      ['the first byte', 0, 1],
      ['the last byte', 3 * 2 ** 20 + 16, 1],
      ['a range across reads', 1_048_000, 1_200_000],
      ['no byte at the end', 3 * 2 ** 20 + 17, 0],
    ] as const) {
      test(`it reads exactly ${title}`, async () => {
        const read = await readAll(tested.source.read(revision, large(), { offset, length }));
        assert.deepEqual(read, Buffer.from(bytesOf('model.safetensors').subarray(offset, offset + length)));
      });
    }

    test('ranges of one file can be read side by side', async () => {
      const { sizeBytes } = large();
      const step = 500_000;
      const offsets = Array.from({ length: Math.ceil(sizeBytes / step) }, (_, index) => index * step);
      const parts = await Promise.all(
        offsets.map((offset) =>
          readAll(
            tested.source.read(revision, large(), { offset, length: Math.min(step, sizeBytes - offset) }),
          ),
        ),
      );
      assert.equal(sha256(Buffer.concat(parts)), sha256(bytesOf('model.safetensors')));
    });

    test('a range outside the file is the caller’s mistake', async () => {
      const { sizeBytes } = large();
      for (const range of [
        { offset: -1, length: 1 },
        { offset: sizeBytes, length: 1 },
        { offset: 0, length: sizeBytes + 1 },
        { offset: 0.5, length: 1 },
      ])
        await assert.rejects(readAll(tested.source.read(revision, large(), range)), RangeError);
    });

    test('an aborted read ends with the signal’s reason', async () => {
      const reason = new Error('stop');
      await assert.rejects(
        readAll(tested.source.read(revision, large(), whole(large()), AbortSignal.abort(reason))),
        reason,
      );
      const controller = new AbortController();
      const reading = async () => {
        for await (const _ of tested.source.read(revision, large(), whole(large()), controller.signal))
          controller.abort(reason);
      };
      await assert.rejects(reading(), reason);
    });

    test('a reader that stops early leaves the source usable', async () => {
      for await (const chunk of tested.source.read(revision, large(), whole(large()))) {
        assert.ok(chunk.length > 0);
        break;
      }
      const read = await readAll(tested.source.read(revision, large(), { offset: 0, length: 10 }));
      assert.deepEqual(read, Buffer.from(bytesOf('model.safetensors').subarray(0, 10)));
    });

    test('chunks may be released one by one, and later ones are not touched by it', async () => {
      const hash = createHash('sha256');
      let released = 0;
      for await (const chunk of tested.source.read(revision, large(), whole(large()))) {
        hash.update(chunk);
        release(chunk);
        if (chunk.length === 0) released += 1;
      }
      assert.equal(hash.digest('hex'), sha256(bytesOf('model.safetensors')));
      assert.ok(released > 0);
    });

    test('another source opened by its ticket reads the same bytes', async () => {
      const again = tested.again();
      try {
        const read = await readAll(again.read(revision, large(), whole(large())));
        assert.equal(sha256(read), sha256(bytesOf('model.safetensors')));
      } finally {
        await again.close();
      }
    });

    test('what is not there has an error of its own', async () => {
      const { model, revision: missing, code } = tested.missing;
      await assert.rejects(tested.source.resolve(model, missing), { name: 'WeighlockError', code });
    });

    test('what was contacted is on record', () => {
      assert.ok(tested.source.contacted.size > 0);
    });
  });
}

/** The file of that path; the test fails where there is none. */
export function fileOf(revision: SourceRevision, path: string): SourceFile {
  return revision.files.find((file) => file.path === path) ?? assert.fail(`${path} is not listed`);
}

export function whole({ sizeBytes }: SourceFile): ByteRange {
  return { offset: 0, length: sizeBytes };
}

export async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const read: Uint8Array[] = [];
  for await (const chunk of chunks) read.push(chunk);
  return Buffer.concat(read);
}

/** Bytes in which every place is told from its neighbours. */
function counted(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
}
