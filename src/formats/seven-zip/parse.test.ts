import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { bytes, call, proto, u32, u64 } from '../../../test/pickles.ts';
import { scanFile } from '../../scan/scan.ts';
import type { ArchiveFacts } from '../archive/facts.ts';
import { parseBuffer } from '../drive.ts';

/** Two files, packed by py7zr with one method each. */
const SAMPLES: Readonly<Record<string, string>> = {
  lzma: 'N3q8ryccAATMf8jllwAAAAAAAAAUAAAAAAAAAIwrWrsAIIgJpvNFg6jdEG24oj0VzuSeERwsJwZllaBTgcnMvoh+XibKPhjw3//8sDAA4ABwAGFdAACBMweuD9Dij7yfP0dBWNb+AmolqOiAhY6v/SC9CxX85NuxryMSSgxLMHJea3Av9hAlDxrs8jMzK4fPGvXW3CLJjdb8XlXKKjvFqLV49HsG/ZF2yzj6WmmT424esmNlAAAAFwYuAQlpAAcLAQABISEBGAxxAAA=',
  lzma2:
    'N3q8ryccAASX0MFSkgAAAAAAAAAUAAAAAAAAACsxFUDgAKIAKF0AIIgJpvNFg6jdEG24oj0VzuSeERwsJwZllaBTgcnMvoh+XibKNODXAADgAGgAWl0AAIEzB64P0QDUPKCQoHdeulg+Es9mb4Crlcr+HzlHtp4Vp0sCkZ9nDdAaT6AGND2RpHiW3Z1ufiemNI18R9VnETNFDN77eTKuUVqjY7KEAH7j3bgGeSRDgAAAABcGMAEJYgAHCwEAASEhARgMaQAA',
  bzip2:
    'N3q8ryccAAQqwXQuugAAAAAAAAAUAAAAAAAAAHdXj7BCWmg5MUFZJlNZ+KuXfQAAFdWAABBABSAALiecgCAAUKaZGJiYgiqaZlMg9Qm6aGBgd7g5GJSh0Nh5HHdhoaGBnI/DQ5HQz6PGBuj8P4u5IpwoSHxVy76A4ABoAFpdAACBMweuD9Moqf1AwJDO5ct29lOA2krA1VzzdF4e6CpdUz17JRuAy+0252OdM476J1cx3ffYBQII+LYaIGTN+YB6DMsuqVft/cRqgIHT3naaj2mQ83MRsQAAAAAXBlgBCWIABwsBAAEhIQEYDGkAAA==',
  deflate:
    'N3q8ryccAARTcJGMiQAAAAAAAAAUAAAAAAAAAF4KMdlzVMjNT0nNUUhOLErRUShOzExRKCnPTE7VU3AccJni1OT8vBQuAOAAaABbXQAAgTMHrg/QaX28nz9HO+fRHoKvTV3dbeB2v31g5hRQBiOB6H70WE/6RGPZyMwvByXQ7gk8ZT2T2p9CGuyOqaXqrkFNO48UL6VxuPpC1C7tbu8pOhWEqBRwAAAAABcGJgEJYwAHCwEAASEhARgMaQAA',
  zstd: 'N3q8ryccAARQZmrplwAAAAAAAAAUAAAAAAAAAG79ydkotS/9AFhNAQAUAkEgbW9kZWwgY2FyZCwgc2FpZCB0d2ljZS4gc2Vjb25kCgEA/k7nGOAAbABdXQAAgTMHrg/RHxk0oJCgd9ud3i83lwz4/ZIqtibdnBBgUpWkXy0PGwkTaeLSGy7c0n745eVWpFnJs+1zlYGExoEgM55GUy8sdxGqyNKvwH12Ap/p8pDvN7k+jTUAAAAAFwYyAQllAAcLAQABISEBGAxtAAA=',
  bcj: 'N3q8ryccAAQa7cVmmgAAAAAAAAAUAAAAAAAAALinoJrgAKIAKF0AIIgJpvNFg6jdEG24oj0VzuSeERwsJwZllaBTgcnMvoh+XibKNODXAADgAHQAYl0AAIEzB64P0QDUPKCKabC54UnJoZYlnISvsit2EbozWKFjOyR8xAVkyUWkIiYC1WiwXvgUTG97votTWt2gNdOixgtJsEGVuiQps3ywp7/ecfAAg4fLD2yTM+kMk2K5p+JAAAAAFwYwAQlqAAcLAQABISEBGAx1AAA=',
};

const TEXT = 'A model card, said twice. '.repeat(6);

function factsOf(input: Uint8Array): ArchiveFacts {
  const facts = parseBuffer(input);
  assert.equal(facts.format, '7z');
  return facts as ArchiveFacts;
}

function verdictOf(input: Uint8Array): string {
  return scanFile({ path: 'a', facts: parseBuffer(input) }).verdict;
}

for (const [method, base64] of Object.entries(SAMPLES)) {
  const sample = Buffer.from(base64, 'base64');

  test(`files packed with ${method} are parsed by their content`, () => {
    const facts = factsOf(sample);
    assert.deepEqual([facts.gaps, facts.problems], [[], []]);
    assert.deepEqual(
      facts.members.map(({ name, sizeBytes }) => [name, sizeBytes]),
      [
        ['a.txt', TEXT.length],
        ['b.txt', 7],
      ],
    );
  });

  test(`an archive packed with ${method} and cut at any byte is never complete`, () => {
    for (let length = 6; length < sample.length; length++)
      assert.ok(factsOf(sample.subarray(0, length)).gaps.length > 0, `cut at ${length}`);
    assert.ok(factsOf(Buffer.concat([sample, Buffer.from('x')])).gaps.length > 0);
  });

  test(`an archive packed with ${method} with one byte changed is the same, or not complete`, () => {
    for (let at = 8; at < sample.length; at++) {
      const changed = Buffer.from(sample);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      const facts = factsOf(changed);
      if (facts.gaps.length === 0)
        assert.deepEqual(facts.members, factsOf(sample).members, `changed at ${at}`);
    }
  });
}

interface Entry {
  readonly name: string;
  readonly data: Uint8Array;
}

interface Lies {
  readonly method?: Uint8Array;
  readonly sizes?: readonly number[];
  readonly crcs?: readonly number[];
  readonly files?: number;
  readonly packedAt?: number;
  readonly attributes?: number;
  readonly more?: Uint8Array;
}

/** A number below 2^14, as 7z writes it. */
const number = (value: number): Buffer =>
  value < 0x80 ? bytes(value) : bytes(0x80 | (value >> 8), value & 0xff);

/** An archive of files stored as they are, in one folder, whose header is not packed. */
function archive(entries: readonly Entry[], lies: Lies = {}): Buffer {
  const data = Buffer.concat(entries.map((entry) => entry.data));
  const sizes = lies.sizes ?? entries.map((entry) => entry.data.length);
  const crcs = lies.crcs ?? entries.map((entry) => crc32(entry.data));
  const names = bytes(0, Buffer.from(entries.map(({ name }) => `${name}\0`).join(''), 'utf16le'));
  const attributes = lies.attributes === undefined ? '' : bytes(21, 6, 1, 0, u32(lies.attributes));
  const header = bytes(
    ...[1, 4, 6, lies.packedAt ?? 0, 1, 9, data.length, 0],
    ...[7, 11, 1, 0, lies.method ?? bytes(1, 1, 0), 12, data.length, 0],
    ...[8, 13, entries.length, 9, ...sizes.slice(0, -1), 10, 1, ...crcs.map(u32), 0, 0],
    ...[5, lies.files ?? entries.length, 17, number(names.length), names, attributes, lies.more ?? '', 0, 0],
  );
  const start = bytes(u64(data.length), u64(header.length), u32(crc32(header)));
  return bytes('7z\xbc\xaf\x27\x1c', 0, 4, u32(crc32(start)), start, data, header);
}

const HELLO: Entry = { name: 'a.txt', data: Buffer.from('hello\n') };
const GADGET: Entry = { name: 'b', data: bytes(proto(4), call('os', 'system'), '.') };

test('files of a folder are told apart by their sizes, and judged', () => {
  assert.equal(verdictOf(archive([HELLO, HELLO].map((entry, at) => ({ ...entry, name: `${at}` })))), 'clean');
  assert.equal(verdictOf(archive([HELLO, GADGET])), 'blocked');
});

test('files that hold nothing are read one after another, without recursion', () => {
  const none = Array.from({ length: 60 }, (_, at) => ({ name: `${at}`, data: Buffer.alloc(0) }));
  const facts = factsOf(archive([...none, HELLO]));
  assert.deepEqual([facts.gaps, facts.members.length], [[], 61]);
});

const HOSTILE: readonly (readonly [string, Buffer])[] = [
  ['a file of another checksum', archive([HELLO], { crcs: [1] })],
  ['files larger than their folder', archive([HELLO, GADGET], { sizes: [120, 1] })],
  ['more files than the folder holds', archive([HELLO], { files: 2 })],
  ['bytes in front of the packed streams', archive([HELLO], { packedAt: 1 })],
  ['encryption', archive([HELLO], { method: bytes(1, 0x24, '\x06\xf1\x07\x01', 1, 0) })],
  ['a method that is not known', archive([HELLO], { method: bytes(1, 1, 0x77) })],
  ['a method without properties', archive([HELLO], { method: bytes(1, 1, 0x21) })],
  ['coders that read each other', archive([HELLO], { method: bytes(2, 1, 0, 1, 0, 0, 0) })],
  ['a path out of the folder', archive([{ ...HELLO, name: '../a' }])],
  ['an absolute path', archive([{ ...HELLO, name: '/a' }])],
  ['the same name twice', archive([HELLO, HELLO])],
  ['a symbolic link', archive([HELLO], { attributes: 0xa1ff8000 })],
  ['a property that is not known', archive([HELLO], { more: bytes(99, 0) })],
  ['a property that is longer than the header', archive([HELLO], { more: bytes(25, 99) })],
];

for (const [what, input] of HOSTILE)
  test(`${what} is never clean`, () => {
    assert.ok(factsOf(input).problems.length > 0);
    assert.notEqual(verdictOf(input), 'clean');
  });
