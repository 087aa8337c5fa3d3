import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { bytes, call, proto, short, u64 } from '../../../test/pickles.ts';
import { scanFile } from '../../scan/scan.ts';
import type { ArchiveFacts } from '../archive/facts.ts';
import { completeFacts } from '../complete.ts';
import { parseBuffer } from '../drive.ts';

interface Entry {
  readonly name: string;
  readonly data?: Uint8Array;
  readonly type?: string;
  readonly link?: string;
  readonly size?: string;
  readonly prefix?: string;
  readonly magic?: string;
  readonly padding?: string;
}

function entry({ name, data = Buffer.alloc(0), type = '0', link = '', ...lies }: Entry): Buffer {
  const header = Buffer.alloc(512);
  const size = lies.size ?? `${data.length.toString(8).padStart(11, '0')}\0`;
  const fields: readonly (readonly [number, string])[] = [
    [0, name],
    [100, '0000644\0'],
    [108, '0000000\0'],
    [116, '0000000\0'],
    [124, size],
    [136, '00000000000\0'],
    [148, '        '],
    [156, type],
    [157, link],
    [257, lies.magic ?? 'ustar\x0000'],
    [345, lies.prefix ?? ''],
  ];
  for (const [at, text] of fields) header.write(text, at, 'latin1');
  header.write(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
    'latin1',
  );
  return Buffer.concat([header, data, Buffer.alloc((512 - (data.length % 512)) % 512, lies.padding ?? 0)]);
}

const END = Buffer.alloc(1024);
const tar = (...entries: readonly Entry[]): Buffer => Buffer.concat([...entries.map(entry), END]);

function factsOf(input: Uint8Array): ArchiveFacts {
  const facts = parseBuffer(input);
  assert.equal(facts.format, 'tar');
  return facts as ArchiveFacts;
}

function verdictOf(input: Uint8Array): string {
  return scanFile({ path: 'a', facts: parseBuffer(input) }).verdict;
}

const TEXT: Entry = { name: 'a.txt', data: Buffer.from('hello\n') };
const GADGET = bytes(proto(4), call('os', 'system'), '.');

test('an archive is accounted for to the byte, and its members are judged', () => {
  const facts = factsOf(
    tar({ name: 'folder/', type: '5' }, TEXT, { name: 'b.pkl', data: bytes(proto(4), '}.') }),
  );
  assert.deepEqual([facts.gaps, facts.problems, facts.entries], [[], [], 3]);
  assert.deepEqual(
    facts.members.map(({ name, facts: { format } }) => [name, format]),
    [
      ['a.txt', 'text'],
      ['b.pkl', 'pickle'],
    ],
  );
  assert.equal(verdictOf(tar(TEXT, { name: 'b', data: GADGET })), 'blocked');
});

const pax = (...records: readonly string[]): Entry => ({
  name: 'PaxHeaders/a',
  type: 'x',
  data: Buffer.from(records.join('')),
});

const HONEST: readonly (readonly [string, Buffer, string])[] = [
  ['a name of GNU tar', tar({ name: '././@LongLink', type: 'L', data: Buffer.from('long\0') }, TEXT), 'long'],
  ['a name of pax', tar(pax('13 path=long\n'), TEXT), 'long'],
  ['a prefix of ustar', tar({ ...TEXT, prefix: 'long' }), 'long/a.txt'],
  ['a size of pax', tar(pax('9 size=6\n'), { ...TEXT, size: '00000000006\0' }), 'a.txt'],
  ['a size in base 256', tar({ ...TEXT, size: '\x80\0\0\0\0\0\0\0\0\0\0\x06' }), 'a.txt'],
];

for (const [what, input, name] of HONEST)
  test(`${what} is followed`, () => {
    const facts = factsOf(input);
    assert.deepEqual([facts.gaps, facts.members.map((member) => member.name)], [[], [name]]);
  });

const HOSTILE: readonly (readonly [string, Buffer, string])[] = [
  ['a symbolic link', tar(TEXT, { name: 'l', type: '2', link: '/etc/passwd' }), 'symlink'],
  ['a hard link', tar(TEXT, { name: 'l', type: '1', link: 'a.txt' }), 'hard-link'],
  ['a device', tar(TEXT, { name: 'd', type: '3' }), 'device'],
  ['a sparse file', tar(TEXT, { name: 's', type: 'S' }), 'unknown'],
  ['a path out of the folder', tar({ ...TEXT, name: '../a' }), 'bad-member-name'],
  ['an absolute path', tar({ ...TEXT, name: '/a' }), 'bad-member-name'],
  ['the same name twice', tar(TEXT, TEXT), 'duplicate-member'],
  ['a prefix that GNU tar ignores', tar({ ...TEXT, prefix: 'x', magic: 'ustar  \0' }), 'bad-member-name'],
  ['a folder that has a size', tar(TEXT, { name: 'f/', type: '5', data: GADGET }), 'member-size'],
  ['a size that is no number', tar({ ...TEXT, size: 'x' }), 'bad-header'],
  ['a size beyond the end', tar({ ...TEXT, size: '00000777777\0' }), 'truncated'],
  ['padding that is not zero', tar({ ...TEXT, padding: 'x' }), 'trailing-data'],
  ['bytes behind the end', Buffer.concat([tar(TEXT), entry({ name: 'b', data: GADGET })]), 'trailing-data'],
  ['no last blocks', entry(TEXT), 'truncated'],
  ['a pax key that changes the content', tar(pax('20 GNU.sparse.map=0\n'), TEXT), 'pax-key'],
  ['a pax record with another length', tar(pax('14 path=long\n'), TEXT), 'bad-header'],
  [
    'two names for one member',
    tar(
      { name: 'l', type: 'L', data: Buffer.from('one\0') },
      { name: 'l', type: 'L', data: Buffer.from('two\0') },
      TEXT,
    ),
    'bad-header',
  ],
  ['a header that extends nothing', tar(TEXT, pax('13 path=long\n')), 'bad-header'],
];

for (const [what, input, code] of HOSTILE)
  test(`${what} is never complete`, () => {
    const facts = factsOf(input);
    assert.ok(
      facts.problems.some((problem) => problem.code === code),
      JSON.stringify(facts.problems),
    );
    assert.notEqual(verdictOf(input), 'clean');
  });

test('an archive whose first name is an opcode that takes what follows is never clean', () => {
  const data = bytes('a'.repeat(6000), "\ncos\nsystem\n(S'id'\ntR.");
  assert.notEqual(verdictOf(tar({ name: 'Vname', data })), 'clean');
  assert.equal(verdictOf(tar({ name: 'VERSION', data: Buffer.from('1.0\n') })), 'clean');
});

test('an archive cut at any block is never clean', () => {
  const input = tar(TEXT, { name: 'b.pkl', data: bytes(proto(4), '}.') });
  assert.equal(verdictOf(input), 'clean');
  for (let length = 64; length < 2560 + 512; length += 64)
    assert.notEqual(verdictOf(input.subarray(0, length)), 'clean', `cut at ${length}`);
});

test('in a compressed stream too large to be held, members are read as they come', () => {
  const zeros = (name: string): Entry => ({ name, data: safetensors(20 << 20) });
  const packed = gzipSync(tar(zeros('a'), zeros('b'), { name: 'c', data: GADGET }), { level: 1 });
  const facts = parseBuffer(packed);
  assert.ok(facts.format === 'compressed');
  assert.ok(facts.contentBytes > 32 << 20);
  assert.equal(verdictOf(packed), 'blocked');
  assert.deepEqual(facts.gaps, []);
});

/** One tensor of bytes that do not compress to nothing. */
function safetensors(length: number): Buffer {
  const header = Buffer.from(`{"w":{"dtype":"U8","shape":[${length}],"data_offsets":[0,${length}]}}`);
  const data = Buffer.alloc(length);
  for (let at = 0; at < length; at += 64) data.writeUInt32LE(Math.imul(at, 2654435761) >>> 0, at);
  return Buffer.concat([u64(header.length), header, data]);
}

/** PyTorch's tar format with one storage of two floats and one tensor of one dimension. */
function torchTar({ elements = 2, payload = '' }: { elements?: number; payload?: string } = {}): Buffer {
  const count = bytes(proto(2), 'K', 1, '.');
  const storage = bytes(proto(2), 'K', 7, short('cpu'), 'ctorch\nFloatStorage\n', 0x87, '.');
  const tensor = bytes(proto(2), 'K', 9, 'K', 7, 'ctorch\nFloatTensor\n', 0x87, '.');
  const dimensions = bytes(1, 0, 0, 0, 0, 0, 0, 0, u64(2), u64(1), u64(0));
  const storages = bytes(count, storage, u64(elements), Buffer.alloc(8), proto(2), '].');
  return tar(
    { name: 'sys_info', data: bytes(proto(2), '}.') },
    { name: 'pickle', data: bytes(proto(2), short('9'), 'Q', payload, '.') },
    { name: 'tensors', data: bytes(count, tensor, dimensions) },
    { name: 'storages', data: storages },
  );
}

test('PyTorch’s tar format is followed through its raw data', () => {
  const facts = factsOf(torchTar());
  assert.deepEqual(facts.torchTar, { storages: 1, storageBytes: 16 });
  assert.equal(verdictOf(torchTar()), 'clean');
  for (const elements of [0, 1, 3, 2 ** 50]) assert.equal(verdictOf(torchTar({ elements })), 'inconclusive');
  assert.equal(verdictOf(torchTar({ payload: '0cos\nsystem\n(U\x02idtR' })), 'blocked');
});

test('secrets are looked for in members too', async () => {
  const token = `hf_${'aBcDeFgHiJ'.repeat(4).slice(0, 34)}`;
  const input = gzipSync(tar({ name: 'a.txt', data: Buffer.from(`token: ${token}\n`) }));
  const facts = await completeFacts(parseBuffer(input));
  const rules = scanFile({ path: 'a', facts }).findings.map(({ rule }) => rule);
  assert.deepEqual(rules, ['secrets/found']);
});
