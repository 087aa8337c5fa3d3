import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytes, call, drive, proto, short, u32 } from '../../../test/pickles.ts';
import { type ZipLies, type ZipMember, zip } from '../../../test/zips.ts';
import { type Inner, outermost } from '../nesting.ts';
import type { BaseFacts, Parse } from '../parse.ts';
import { parsePickle } from '../pickle/parse.ts';
import { looksLikePickle } from '../pickle/recognise.ts';
import type { ZipFacts } from './facts.ts';
import { isZip, parseZip } from './parse.ts';

/** Members are pickles, archives, or text of which nothing is known but that it is all there. */
function identify(head: Uint8Array): Inner {
  return {
    access: isZip(head) ? 'random' : 'forward',
    parse: (sizeBytes, nesting): Parse<BaseFacts> => {
      if (isZip(head)) return parseZip({ sizeBytes, nesting, identify });
      if (looksLikePickle(head)) return parsePickle({ sizeBytes });
      return text(sizeBytes);
    },
  };
}

function* text(sizeBytes: number): Parse<BaseFacts> {
  const all = yield { offset: 0, length: sizeBytes };
  assert.equal(all.length, sizeBytes);
  return { format: 'text', parser: 'text/1', sizeBytes, gaps: [], problems: [] };
}

function factsOf(input: Uint8Array): ZipFacts {
  return drive(
    input,
    parseZip({ sizeBytes: input.length, nesting: outermost(input.length), identify }),
    'random',
  );
}

const TEXT: ZipMember = { name: 'a.txt', data: Buffer.from('hello') };
const LONG: ZipMember = { name: 'b.txt', data: Buffer.from('hello '.repeat(1000)), deflate: true };

/** A PyTorch checkpoint of one tensor, as `torch.save` writes it. */
function checkpoint(
  lies: {
    readonly elements?: number;
    readonly key?: string;
    readonly storage?: Partial<ZipMember>;
    readonly more?: readonly ZipMember[];
  } = {},
): Buffer {
  const id = bytes(
    '(',
    short('storage'),
    'ctorch\nFloatStorage\n',
    short(lies.key ?? '0'),
    short('cpu'),
    'J',
    u32(lies.elements ?? 3),
    't',
  );
  const tensor = bytes(
    'ctorch._utils\n_rebuild_tensor_v2\n(',
    id,
    'Q',
    'K',
    0,
    'K',
    3,
    0x85,
    'K',
    1,
    0x85,
    0x89,
    'ccollections\nOrderedDict\n)Rt',
    'R',
  );
  const pickle = bytes(proto(2), '}', short('weight'), tensor, 's.');
  const write = (name: string, data: Uint8Array): ZipMember => ({
    name: `archive/${name}`,
    data,
    descriptor: true,
  });
  return zip([
    write('data.pkl', pickle),
    write('byteorder', Buffer.from('little')),
    { ...write('data/0', Buffer.alloc(12)), extra: Buffer.from('FB\x05\0ZZZZZ', 'latin1'), ...lies.storage },
    write('version', Buffer.from('3\n')),
    write('.data/serialization_id', Buffer.from('1234567890'.repeat(4))),
    ...(lies.more ?? []),
  ]);
}

test('a checkpoint of PyTorch is accounted for to the byte', () => {
  const facts = factsOf(checkpoint());
  assert.deepEqual(facts.gaps, []);
  assert.deepEqual(facts.problems, []);
  assert.equal(facts.format, 'pytorch');
  assert.deepEqual(facts.pytorch, { root: 'archive', storages: 1, storageBytes: 12 });
  assert.deepEqual(
    facts.members.map(({ name }) => name),
    ['archive/data.pkl'],
  );
});

const HONEST: readonly { name: string; members: readonly ZipMember[] }[] = [
  { name: 'stored and deflated members', members: [TEXT, LONG] },
  {
    name: 'members with data descriptors',
    members: [
      { ...TEXT, descriptor: true },
      { ...LONG, descriptor: true },
    ],
  },
  { name: 'a folder', members: [{ name: 'folder/', data: Buffer.alloc(0) }, TEXT] },
  { name: 'names in UTF-8', members: [{ ...TEXT, name: 'ü.txt' }] },
  { name: 'no member', members: [] },
  { name: 'an archive in an archive', members: [{ name: 'inner', data: zip([TEXT, LONG]) }] },
];

for (const { name, members } of HONEST) {
  test(`an archive with ${name} is read completely`, () => {
    const facts = factsOf(zip(members));
    assert.deepEqual(facts.gaps, []);
    assert.deepEqual(facts.problems, []);
  });
}

test('what Python’s zipfile writes is read completely, zip64 included', () => {
  const script = `
import io, sys, zipfile
out = io.BytesIO()
with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as z:
    z.writestr('a.txt', 'hello' * 1000)
    with z.open(zipfile.ZipInfo('b.txt'), 'w', force_zip64=True) as f: f.write(b'x' * 100)
sys.stdout.buffer.write(out.getvalue())
`;
  const facts = factsOf(spawnSync('python3', ['-c', script]).stdout);
  assert.deepEqual(facts.gaps, []);
  assert.deepEqual(
    facts.members.map(({ name }) => name),
    ['a.txt', 'b.txt'],
  );
});

const LIES: readonly { name: string; members: readonly ZipMember[]; lies?: ZipLies; code: string }[] = [
  {
    name: 'a local header with another name',
    members: [{ ...TEXT, local: { name: 'x.txt' } }],
    code: 'headers-differ',
  },
  {
    name: 'a local header with another method',
    members: [{ ...TEXT, local: { method: 8 } }],
    code: 'headers-differ',
  },
  {
    name: 'a local header with another CRC',
    members: [{ ...TEXT, local: { crc32: 1 } }],
    code: 'headers-differ',
  },
  {
    name: 'a local header with another size',
    members: [{ ...TEXT, local: { sizeBytes: 4 } }],
    code: 'headers-differ',
  },
  {
    name: 'an encryption bit in one header',
    members: [{ ...TEXT, local: { flags: 1 } }],
    code: 'headers-differ',
  },
  {
    name: 'an encryption bit in both',
    members: [{ ...TEXT, local: { flags: 1 }, central: { flags: 1 } }],
    code: 'member-flags',
  },
  {
    name: 'a wrong CRC in both headers',
    members: [{ ...TEXT, local: { crc32: 1 }, central: { crc32: 1 } }],
    code: 'member-crc',
  },
  {
    name: 'a deflated member of another size',
    members: [{ ...LONG, local: { sizeBytes: 5999 }, central: { sizeBytes: 5999 } }],
    code: 'member-deflate',
  },
  { name: 'one name twice', members: [TEXT, TEXT], code: 'duplicate-member' },
  { name: 'one name in two cases', members: [TEXT, { ...TEXT, name: 'A.TXT' }], code: 'duplicate-member' },
  {
    name: 'bytes between members',
    members: [TEXT, { ...LONG, before: Buffer.from('#!/bin/sh') }],
    code: 'hole',
  },
  { name: 'bytes in front', members: [{ ...TEXT, before: Buffer.from('#!/bin/sh') }], code: 'hole' },
  {
    name: 'bytes in front that shift all offsets',
    members: [TEXT],
    lies: { prepend: Buffer.from('#!/bin/sh') },
    code: 'directory-misplaced',
  },
  { name: 'bytes behind', members: [TEXT], lies: { append: Buffer.from('x') }, code: 'trailing-data' },
  {
    name: 'two members that share bytes',
    members: [TEXT, { ...TEXT, name: 'c', central: { headerOffset: 0 } }],
    code: 'members-overlap',
  },
  { name: 'a name that leads out', members: [{ ...TEXT, name: 'x/../../a' }], code: 'bad-member-name' },
  { name: 'an absolute name', members: [{ ...TEXT, name: '/etc/passwd' }], code: 'bad-member-name' },
  { name: 'a name with a NUL', members: [{ ...TEXT, name: 'a\0.txt' }], code: 'bad-member-name' },
  { name: 'a symbolic link', members: [{ ...TEXT, unixMode: 0o120777 }], code: 'symlink' },
  { name: 'more entries than announced', members: [TEXT, LONG], lies: { entries: 1 }, code: 'entry-count' },
  { name: 'several disks', members: [TEXT], lies: { disk: 1 }, code: 'several-disks' },
];

for (const { name, members, lies, code } of LIES) {
  test(`an archive with ${name} is never complete`, () => {
    const facts = factsOf(zip(members, lies));
    assert.notEqual(facts.gaps.length, 0);
    assert.ok(
      facts.problems.some((problem) => problem.code === code),
      JSON.stringify(facts.problems),
    );
  });
}

test('a comment is a gap, even one that looks like an end record', () => {
  assert.notDeepEqual(factsOf(zip([TEXT], { comment: 'read me' })).gaps, []);
  const inside = zip([LONG]).toString('latin1');
  assert.notDeepEqual(factsOf(zip([TEXT], { comment: inside })).gaps, []);
});

test('a bomb is not inflated, and neither are archives nested too deep', () => {
  const bomb = factsOf(zip([{ name: 'bomb', data: Buffer.alloc(60 << 20), deflate: true }]));
  assert.equal(bomb.inflatedBytes, 0);
  assert.ok(bomb.problems.some(({ code }) => code === 'member-too-large'));
  let nested = zip([TEXT]);
  for (let depth = 0; depth < 10; depth++) nested = zip([{ name: `n${depth}`, data: nested, deflate: true }]);
  const facts = factsOf(nested);
  assert.ok(
    facts.gaps.some(({ member }) => member === 'n9!n8!n7!n6'),
    JSON.stringify(facts.gaps),
  );
});

const STORAGES: readonly { name: string; input: Buffer }[] = [
  { name: 'of another size than the pickle says', input: checkpoint({ elements: 4 }) },
  { name: 'that is compressed', input: checkpoint({ storage: { deflate: true } }) },
  {
    name: 'that other readers take for an array of objects by its name',
    input: checkpoint({ key: 'a.npy', storage: { name: 'archive/data/a.npy' } }),
  },
  { name: 'that is missing', input: checkpoint({ storage: { name: 'archive/data/1' } }) },
];

for (const { name, input } of STORAGES) {
  test(`a storage ${name} is not accounted for`, () => {
    const facts = factsOf(input);
    assert.ok(facts.problems.some(({ code }) => code === 'storage-size'));
    assert.notEqual(facts.gaps.length, 0);
  });
}

test('members beside the storages are parsed by content, whatever their names', () => {
  const hidden: ZipMember = { name: 'archive/data/1', data: bytes(proto(4), call('os', 'system'), '.') };
  const facts = factsOf(checkpoint({ more: [hidden] }));
  assert.deepEqual(
    facts.members.map(({ name, facts: inside }) => `${name} ${inside.format}`),
    ['archive/data.pkl pickle', 'archive/data/1 pickle'],
  );
});

test('an archive with code/ is TorchScript', () => {
  const code: ZipMember = { name: 'archive/code/m.py', data: Buffer.from('class M: pass') };
  assert.equal(factsOf(checkpoint({ more: [code] })).pytorch?.program?.sources, 1);
});

test('mutated archives never throw, and are complete only where nothing but times changed', () => {
  const original = Buffer.from(checkpoint({ more: [LONG] }));
  const mutation = fc.record({ at: fc.nat(original.length - 1), to: fc.nat(255) });
  const complete = factsOf(original);
  assert.deepEqual(complete.gaps, []);
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), fc.nat(3), (mutations, cut) => {
      const input = Buffer.from(original.subarray(0, original.length - (cut === 3 ? 7 : 0)));
      for (const { at, to } of mutations) input[at % input.length] = to;
      const facts = factsOf(input);
      assert.deepEqual(JSON.parse(JSON.stringify(facts)), facts);
      for (const { offset, length, member } of facts.gaps)
        assert.ok(member !== undefined || offset + length <= input.length);
      if (facts.gaps.length === 0)
        assert.deepEqual(
          facts.members.map(({ name }) => name),
          complete.members.map(({ name }) => name),
        );
    }),
    { numRuns: 2000 },
  );
});

for (const [what, unixMode] of [
  ['a symbolic link', 0o120777],
  ['a device', 0o020666],
  ['a pipe', 0o010644],
] as const) {
  test(`${what} is never complete`, () => {
    assert.ok(factsOf(zip([{ ...TEXT, unixMode }])).gaps.length > 0);
  });
}

test('members of the rarer methods are expanded', () => {
  const script = `
import io, sys, zipfile
out = io.BytesIO()
with zipfile.ZipFile(out, 'w') as z:
    for name, method in (('d', zipfile.ZIP_DEFLATED), ('b', zipfile.ZIP_BZIP2), ('l', zipfile.ZIP_LZMA)):
        z.writestr(name, 'hello ' * 100, method)
sys.stdout.buffer.write(out.getvalue())
`;
  const { stdout: input } = spawnSync('python3', ['-c', script]);
  const facts = factsOf(input);
  assert.deepEqual([facts.gaps, facts.problems], [[], []]);
  assert.deepEqual(
    facts.members.map(({ method, sizeBytes }) => [method, sizeBytes]),
    [
      ['deflated', 600],
      ['bzip2', 600],
      ['lzma', 600],
    ],
  );
  // Each byte of the data decides: the CRC sees whatever the decoder lets pass.
  for (let at = 0; at < input.length; at++) {
    const changed = Buffer.from(input);
    changed[at] = (changed[at] ?? 0) ^ 4;
    const other = factsOf(changed);
    if (other.gaps.length === 0) assert.ok(other.members.every(({ sizeBytes }) => sizeBytes === 600));
  }
});

test('a deflated member larger than what is held is inflated while it is parsed', () => {
  const data = Buffer.alloc(40 << 20);
  for (let at = 0; at < data.length; at += 32) data.writeUInt32LE(Math.imul(at, 2654435761) >>> 0, at);
  const facts = factsOf(zip([{ name: 'large', data, deflate: true }]));
  assert.deepEqual([facts.gaps, facts.problems], [[], []]);
  assert.equal(facts.members[0]?.facts.sizeBytes, data.length);
});
