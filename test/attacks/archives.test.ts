/** PyTorch archives that lie, and polyglots: one reader must never see what the scanner did not. */
import { bytes, call, proto, u32, u64 } from '../pickles.ts';
import { type ZipMember, zip } from '../zips.ts';
import { type Case, one, table } from './case.ts';
import {
  EMPTY_STATE,
  field,
  gguf,
  npy,
  onnx,
  onnxNode,
  png,
  pngChunk,
  SYSTEM,
  safetensors,
  torchZip,
} from './containers.ts';

const evil: ZipMember = { name: 'archive/data.pkl', data: SYSTEM };
const good: ZipMember = { name: 'archive/data.pkl', data: EMPTY_STATE };
const EVIL_ZIP = torchZip(SYSTEM);
const text = (value: string): Buffer => Buffer.from(value);

/** The zip64 records that some readers believe and others do not look for. */
function zip64Lie(archive: Buffer, hidden: Buffer): Buffer {
  const end = archive.subarray(archive.length - 22);
  const base = archive.length - 22;
  const hiddenEnd = hidden.subarray(hidden.length - 22);
  const record = bytes(
    u32(0x06064b50),
    u64(44),
    45,
    0,
    45,
    0,
    u32(0),
    u32(0),
    u64(hiddenEnd.readUInt16LE(10)),
    u64(hiddenEnd.readUInt16LE(10)),
    u64(hiddenEnd.readUInt32LE(12)),
    u64(base + hiddenEnd.readUInt32LE(16)),
  );
  const locator = bytes(u32(0x07064b50), u32(0), u64(base + hidden.length - 22), u32(1));
  return Buffer.concat([archive.subarray(0, base), hidden.subarray(0, -22), record, locator, end]);
}

function unicodePath(name: string): Buffer {
  const content = bytes(1, u32(0), name);
  return bytes(0x75, 0x70, content.length & 255, content.length >> 8, content);
}

const LIES: readonly Case[] = [
  one('a gadget', 'blocked', 'm.pt', EVIL_ZIP),
  one('a gadget, compressed', 'blocked', 'm.pt', zip([{ ...evil, deflate: true }])),
  one('a gadget, with a descriptor', 'blocked', 'm.pt', zip([{ ...evil, descriptor: true }])),
  one('data.pkl twice, gadget first', 'not clean', 'm.pt', zip([evil, good])),
  one('data.pkl twice, gadget second', 'not clean', 'm.pt', zip([good, evil])),
  one(
    'data.pkl below two roots',
    'not clean',
    'm.pt',
    torchZip(EMPTY_STATE, [{ name: 'other/data.pkl', data: SYSTEM }]),
  ),
  one(
    'data.pkl in another case',
    'not clean',
    'm.pt',
    torchZip(EMPTY_STATE, [{ name: 'archive/DATA.PKL', data: SYSTEM }]),
  ),
  one(
    'a gadget without extension',
    'not clean',
    'm.pt',
    torchZip(EMPTY_STATE, [{ name: 'archive/readme', data: SYSTEM }]),
  ),
  one(
    'a gadget that poses as a storage',
    'not clean',
    'm.pt',
    torchZip(EMPTY_STATE, [{ name: 'archive/data/0', data: SYSTEM }]),
  ),
  one(
    'constants.pkl with a gadget',
    'blocked',
    'm.pt',
    torchZip(EMPTY_STATE, [{ name: 'archive/constants.pkl', data: SYSTEM }]),
  ),
  one(
    'TorchScript code',
    'not clean',
    'm.pt',
    torchZip(EMPTY_STATE, [
      {
        name: 'archive/code/__torch__.py',
        data: text('def forward(self):\n  return ops.aten.save(self, "x")\n'),
      },
    ]),
  ),
  one(
    'another name in the local header',
    'not clean',
    'm.pt',
    zip([{ ...good, local: { name: 'archive/evil.pkl' } }]),
  ),
  one('another method in the local header', 'not clean', 'm.pt', zip([{ ...good, local: { method: 8 } }])),
  one('another size in the local header', 'not clean', 'm.pt', zip([{ ...good, local: { sizeBytes: 2 } }])),
  one('another checksum in the local header', 'not clean', 'm.pt', zip([{ ...good, local: { crc32: 1 } }])),
  one(
    'a wrong checksum',
    'not clean',
    'm.pt',
    zip([{ ...good, local: { crc32: 1 }, central: { crc32: 1 } }]),
  ),
  one('a shorter size in the directory', 'not clean', 'm.pt', zip([{ ...good, central: { sizeBytes: 2 } }])),
  one('encrypted in the directory', 'not clean', 'm.pt', zip([{ ...good, central: { flags: 1 } }])),
  one(
    'two entries on one header',
    'not clean',
    'm.pt',
    zip([good, { name: 'archive/data/0', data: EMPTY_STATE, central: { headerOffset: 0 } }]),
  ),
  one('a gadget before the archive', 'not clean', 'm.pt', zip([good], { prepend: SYSTEM })),
  one(
    'a gadget between members',
    'not clean',
    'm.pt',
    zip([good, { name: 'archive/version', data: text('3\n'), before: SYSTEM }]),
  ),
  one('a gadget behind the archive', 'not clean', 'm.pt', zip([good], { append: SYSTEM })),
  one('a gadget in the comment', 'not clean', 'm.pt', zip([good], { comment: SYSTEM.toString() })),
  one(
    'an archive in the comment',
    'not clean',
    'm.pt',
    zip([good], { comment: EVIL_ZIP.toString('latin1').replace(/[\x80-\xff]/g, '') }),
  ),
  one(
    'fewer entries than written',
    'not clean',
    'm.pt',
    zip([good, { name: 'archive/x', data: SYSTEM }], { entries: 1 }),
  ),
  one('more entries than written', 'not clean', 'm.pt', zip([good], { entries: 2 })),
  one('another disk', 'not clean', 'm.pt', zip([good], { disk: 1 })),
  one('an archive behind an archive', 'not clean', 'm.pt', bytes(zip([good]), EVIL_ZIP)),
  one('an archive behind an archive, the other way', 'not clean', 'm.pt', bytes(EVIL_ZIP, zip([good]))),
  one('zip64 records that point elsewhere', 'not clean', 'm.pt', zip64Lie(zip([good]), zip([evil]))),
  one('a backslash in a name', 'not clean', 'm.pt', zip([good, { name: 'archive\\data.pkl', data: SYSTEM }])),
  one(
    'a NUL in a name',
    'not clean',
    'm.pt',
    zip([good, { name: 'archive/data.pkl\0.txt', data: EMPTY_STATE }]),
  ),
  one('traversal', 'not clean', 'm.pt', zip([good, { name: '../../.bashrc', data: text('x') }])),
  one('an absolute name', 'not clean', 'm.pt', zip([good, { name: '/etc/profile', data: text('x') }])),
  one('a drive', 'not clean', 'm.pt', zip([good, { name: 'C:/x', data: text('x') }])),
  one(
    'a symlink',
    'not clean',
    'm.pt',
    zip([good, { name: 'archive/link', data: text('/etc/passwd'), unixMode: 0o120777 }]),
  ),
  one(
    'a name that an extra field replaces',
    'not clean',
    'm.pt',
    zip([good, { name: 'archive/x.txt', data: text('x'), extra: unicodePath('archive/data.pkl') }]),
  ),
  one(
    'an archive in an archive',
    'blocked',
    'm.pt',
    torchZip(EMPTY_STATE, [{ name: 'archive/inner', data: EVIL_ZIP }]),
  ),
  one(
    'an archive in an archive in an archive',
    'not clean',
    'm.zip',
    zip([{ name: 'a', data: zip([{ name: 'b', data: EVIL_ZIP, deflate: true }]) }]),
  ),
  one(
    'an executable zip',
    'not clean',
    'm.pyz',
    zip([{ name: '__main__.py', data: text('import os\nos.system("id")\n') }], {
      prepend: text('#!/usr/bin/env python3\n'),
    }),
  ),
  one(
    'Python in an archive',
    'not clean',
    'm.zip',
    zip([{ name: 'pkg/__init__.py', data: text('import os\nos.system("id")\n') }]),
  ),
  one('NumPy objects in .npz', 'blocked', 'm.npz', zip([{ name: 'a.npy', data: npy("'|O'", SYSTEM) }])),
  one(
    'a Keras Lambda',
    'not clean',
    'm.keras',
    zip([
      {
        name: 'config.json',
        data: text(
          JSON.stringify({
            class_name: 'Functional',
            config: {
              layers: [
                {
                  class_name: 'Lambda',
                  config: { function: { class_name: '__lambda__', config: { code: '4wEAAA' } } },
                },
              ],
            },
          }),
        ),
      },
    ]),
  ),
  one(
    'a Keras module of its own',
    'not clean',
    'm.keras',
    zip([
      {
        name: 'config.json',
        data: text(
          JSON.stringify({ module: 'os', class_name: 'system', config: 'id', registered_name: 'x' }),
        ),
      },
    ]),
  ),
  one('an archive cut short', 'not clean', 'm.pt', EVIL_ZIP.subarray(0, -30)),
  one('an archive without directory', 'not clean', 'm.pt', EVIL_ZIP.subarray(0, 80)),
];

/** The tail of an archive as bytes of something else: PyTorch finds an archive by its end. */
const tail = (content: Buffer): Buffer => content;
const tensor = (data: Uint8Array): Buffer =>
  safetensors({ a: { dtype: 'U8', shape: [data.length], data_offsets: [0, data.length] } }, data);

/** An archive whose comment reaches over `over` bytes that follow. */
function reaching(over: number): Buffer {
  const archive = Buffer.from(EVIL_ZIP);
  archive.writeUInt16LE(over, archive.length - 2);
  return archive;
}

const tar = (name: Uint8Array, content: Uint8Array): Buffer => {
  const header = Buffer.alloc(512);
  Buffer.from(name).copy(header);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        0', 148);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const pad = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([header, content, pad, Buffer.alloc(1024)]);
};

const POLYGLOTS: readonly Case[] = [
  one('safetensors, then an archive', 'not clean', 'm.safetensors', bytes(tensor(Buffer.alloc(4)), EVIL_ZIP)),
  one('safetensors with an archive as its last tensor', 'not clean', 'm.safetensors', tensor(EVIL_ZIP)),
  one(
    'safetensors with an archive whose comment is the rest',
    'not clean',
    'm.safetensors',
    tensor(bytes(reaching(40), Buffer.alloc(40))),
  ),
  one(
    'safetensors with the longest comment',
    'not clean',
    'm.safetensors',
    tensor(bytes(reaching(65535), Buffer.alloc(65535))),
  ),
  one(
    'GGUF, then an archive',
    'not clean',
    'm.gguf',
    bytes(gguf([['general.architecture', 'llama']]), EVIL_ZIP),
  ),
  one(
    'GGUF with an archive as a tensor',
    'not clean',
    'm.gguf',
    gguf(
      [['general.architecture', 'llama']],
      [{ name: 'a', dims: [BigInt(EVIL_ZIP.length)], type: 24, offset: 0n }],
      { data: EVIL_ZIP },
    ),
  ),
  one(
    'GGUF with an archive as its last text',
    'not clean',
    'm.gguf',
    gguf([
      ['general.architecture', 'llama'],
      ['x', tail(EVIL_ZIP).toString('latin1')],
    ]),
  ),
  one(
    'ONNX with an archive in an unknown field',
    'not clean',
    'm.onnx',
    onnx([onnxNode('Relu')], [field(999, EVIL_ZIP)]),
  ),
  one('PNG, then an archive', 'not clean', 'm.png', bytes(png(), EVIL_ZIP)),
  one(
    'PNG with an archive in a chunk, whose comment is the picture',
    'not clean',
    'm.png',
    png([pngChunk('tEXt', bytes('Comment\0', reaching(png().length - 33 + 4)))]),
  ),
  one('PNG, then a gadget', 'not clean', 'm.png', bytes(png(), SYSTEM)),
  one('PNG cut short', 'not clean', 'm.png', png().subarray(0, -6)),
  one(
    'JPEG, then a gadget',
    'not clean',
    'm.jpg',
    bytes(Buffer.from('ffd8ffe000104a46494600010100000100010000ffd9', 'hex'), SYSTEM),
  ),
  one('text, then an archive', 'not clean', 'README.md', bytes('# Model\n', EVIL_ZIP)),
  one('JSON, then an archive', 'not clean', 'config.json', bytes('{"model_type": "llama"}\n', EVIL_ZIP)),
  one('JSON, then a gadget', 'not clean', 'config.json', bytes('{"model_type": "llama"}\n', SYSTEM)),
  one('a gadget, then an archive', 'not clean', 'm.bin', bytes(SYSTEM, zip([good]))),
  one('a harmless pickle, then an archive', 'not clean', 'm.bin', bytes(EMPTY_STATE, EVIL_ZIP)),
  one('a tar that is a pickle by its first name', 'not clean', 'm.tar', tar(SYSTEM, Buffer.from('x'))),
  one('a tar with a gadget', 'not clean', 'm.tar', tar(Buffer.from('pickle'), SYSTEM)),
  one(
    'compressed data of joblib before 0.10, in letters only',
    'not clean',
    'notes.txt',
    Buffer.from(`ZF${'0x1a'.padEnd(19)}x^ABCDEFGHIJKLMNOP\n`),
  ),
  one('an ELF file', 'not clean', 'pytorch_model.bin', bytes(0x7f, 'ELF', 2, 1, 1, Buffer.alloc(57))),
  one(
    'a Windows program',
    'not clean',
    'model.bin',
    bytes('MZ', Buffer.alloc(62), 'PE\0\0', Buffer.alloc(64)),
  ),
  one('7z', 'not clean', 'model.bin', bytes(Buffer.from('377abcaf271c0004', 'hex'), Buffer.alloc(64))),
  one(
    'Keras HDF5',
    'not clean',
    'model.h5',
    bytes(Buffer.from('894844460d0a1a0a', 'hex'), Buffer.alloc(128)),
  ),
  one(
    'a call hidden in random bytes',
    'not clean',
    'model.dat',
    bytes(Buffer.from('00ff10a0', 'hex'), proto(4), call('posix', 'system'), '.'),
  ),
  one(
    'an XML entity that reads a file',
    'not clean',
    'model.pmml',
    '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><PMML>&x;</PMML>',
  ),
  one('YAML that calls', 'not clean', 'model_config.yaml', 'a: !!python/object/apply:os.system ["id"]\n'),
  one(
    'YAML with a tag handle that hides',
    'not clean',
    'hparams.yaml',
    '%TAG !x! tag:yaml.org,2002:python/\n---\na: !x!object/apply:os.system ["id"]\n',
  ),
  one('YAML with escapes in its tag', 'not clean', 'a.yaml', 'a: !!p%79thon/object/apply:os.system ["id"]\n'),
  one(
    'YAML with the whole tag',
    'not clean',
    'a.yaml',
    'a: !<tag:yaml.org,2002:python/object/apply:os.system> ["id"]\n',
  ),
  one(
    'markup that loads another document',
    'not clean',
    'a.xml',
    '<!DOCTYPE r PUBLIC "x" "http://203.0.113.1/x.dtd"><r/>',
  ),
  one(
    'Hydra targets in YAML',
    'not clean',
    'config.yaml',
    'model:\n  _target_: os.system\n  _args_: ["id"]\n',
  ),
];

table('archives that lie', LIES);
table('polyglots and other containers', POLYGLOTS);
