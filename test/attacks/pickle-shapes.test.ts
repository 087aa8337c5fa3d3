/** One gadget in every dress: opcodes, protocols, encodings, memo, streams, layouts. */

import { deflateSync, gzipSync } from 'node:zlib';
import { bytes, call, global, proto, raw, short, stackGlobal, u32, u64 } from '../pickles.ts';
import { type Case, one, table } from './case.ts';
import { EMPTY_STATE, npy, SYSTEM, torchLegacy } from './containers.ts';

/** `SYSTEM` as Python's bz2 and lzma pack it, and the begin of an LZ4 frame. */
const BZIP2 = Buffer.from(
  '425a6839314159265359c981bc96000004d380001000c118000e22cc60200031434d3000534c879468f51a4e45c2065c2e2eaf4d305be2ee48a70a1219303792c0',
  'hex',
);
const XZ = Buffer.from(
  'fd377a585a000004e6d6b4460200210116000000742fe5a301001763706f7369780a73797374656d0a2853276964270a74522e00813b9e3d862090f4000130188e1bacec1fb6f37d010000000004595a',
  'hex',
);
const LZ4 = Buffer.concat([Buffer.from('04224d186440a718000080', 'hex'), SYSTEM, Buffer.alloc(4)]);

const frame = (content: Uint8Array): Buffer => bytes(0x95, u64(content.length), content);
const system = stackGlobal('posix', 'system');
const nested = (module: string, name: string, content: Uint8Array): Buffer =>
  bytes(proto(4), stackGlobal(module, name), raw(content), 0x85, 'R.');
const rot13 = (text: string): Buffer =>
  bytes(stackGlobal('_codecs', 'encode'), short(text), short('rot13'), 0x86, 'R');

const OPCODES: readonly Case[] = [
  one('INST', 'blocked', 'a.bin', bytes("(S'id'\niposix\nsystem\n.")),
  one('OBJ', 'blocked', 'a.bin', bytes('(cposix\nsystem\n', "S'id'\no.")),
  one('OBJ whose result is dropped', 'blocked', 'a.bin', bytes('(cposix\nsystem\n', "S'id'\no0N.")),
  one('NEWOBJ', 'blocked', 'a.bin', bytes(proto(2), global('subprocess', 'Popen'), '(Vid\nt', 0x81, '.')),
  one(
    'NEWOBJ_EX',
    'blocked',
    'a.bin',
    bytes(proto(4), stackGlobal('subprocess', 'Popen'), short('id'), 0x85, '}', 0x92, '.'),
  ),
  one('EXT1', 'not clean', 'a.bin', bytes(proto(2), 0x82, 1, '(Vid\ntR.')),
  one('EXT2', 'not clean', 'a.bin', bytes(proto(2), 0x83, 1, 1, '(Vid\ntR.')),
  one('EXT4', 'not clean', 'a.bin', bytes(proto(2), 0x84, u32(0x10000), '(Vid\ntR.')),
  one(
    'BUILD on a class',
    'not clean',
    'a.bin',
    bytes(proto(4), stackGlobal('collections', 'OrderedDict'), '}', short('x'), 'K\x01sb.'),
  ),
  one(
    'BUILD with slots on a class',
    'not clean',
    'a.bin',
    bytes(proto(4), stackGlobal('torch', 'Tensor'), 'N}', short('__reduce_ex__'), system, 's', 0x86, 'b.'),
  ),
  one(
    'BUILD that replaces __setstate__',
    'not clean',
    'a.bin',
    bytes(
      proto(4),
      stackGlobal('argparse', 'Namespace'),
      ')',
      0x81,
      '}',
      short('__setstate__'),
      system,
      'sb',
      short('id'),
      'b.',
    ),
  ),
  one(
    'BUILD on a module dictionary',
    'not clean',
    'a.bin',
    bytes(proto(4), stackGlobal('sys', 'modules'), '}', short('os'), 'Nsb.'),
  ),
  one(
    'SETITEM on os.environ',
    'not clean',
    'a.bin',
    bytes(proto(4), stackGlobal('os', 'environ'), short('LD_PRELOAD'), short('x.so'), 's.'),
  ),
  one(
    'APPEND to sys.path',
    'not clean',
    'a.bin',
    bytes(proto(4), stackGlobal('sys', 'path'), short('/tmp'), 'a.'),
  ),
  one(
    'ADDITEMS',
    'not clean',
    'a.bin',
    bytes(proto(4), stackGlobal('os', 'environ'), '(', short('x'), 0x90, '.'),
  ),
  one('PERSID', 'not clean', 'a.bin', bytes('Pposix.system\n.')),
  one('BINPERSID of a gadget', 'blocked', 'a.bin', bytes(proto(2), global('posix', 'system'), '(Vid\ntRQ.')),
  one('NEXT_BUFFER', 'not clean', 'a.bin', bytes(proto(5), 0x97, 0x98, '.')),
];

const NAMES: readonly Case[] = [
  one(
    'escaped UNICODE',
    'blocked',
    'a.bin',
    bytes(proto(4), 'V\\u0070osix\nVsyste\\u006d\n', 0x93, '(Vid\ntR.'),
  ),
  one(
    'escaped STRING',
    'blocked',
    'a.bin',
    bytes(proto(4), "S'po\\x73ix'\nS'\\163ystem'\n", 0x93, '(Vid\ntR.'),
  ),
  one(
    'STRING with a line continuation',
    'not clean',
    'a.bin',
    bytes(proto(4), "S'posix'\nS'sys\\\x0atem'\n", 0x93, '(Vid\ntR.'),
  ),
  one(
    'BINUNICODE8',
    'blocked',
    'a.bin',
    bytes(proto(4), 0x8d, u64(5), 'posix', 0x8d, u64(6), 'system', 0x93, '(Vid\ntR.'),
  ),
  one(
    'BINSTRING',
    'blocked',
    'a.bin',
    bytes(proto(4), 'T', u32(5), 'posix', 'U\x06system', 0x93, '(Vid\ntR.'),
  ),
  one(
    'memo',
    'blocked',
    'a.bin',
    bytes(proto(4), short('posix'), 0x94, '0', short('system'), 0x94, '0h\0h\x01', 0x93, '(Vid\ntR.'),
  ),
  one(
    'memo, overwritten after a decoy',
    'blocked',
    'a.bin',
    bytes(
      proto(4),
      short('math'),
      'q\0',
      '0',
      short('posix'),
      'q\0',
      '0',
      short('system'),
      'q\x01',
      '0h\0h\x01',
      0x93,
      '(Vid\ntR.',
    ),
  ),
  one(
    'memo by text numbers with a sign',
    'not clean',
    'a.bin',
    bytes('Vposix\np7\n0Vsystem\np8\n0', 'g+7\ng 8\n', 0x93, '(Vid\ntR.'),
  ),
  one(
    'memo at 2^31',
    'not clean',
    'a.bin',
    bytes(proto(4), system, 'r', u32(0x7fffffff), '0j', u32(0x7fffffff), '(Vid\ntR.'),
  ),
  one('DUP', 'blocked', 'a.bin', bytes(proto(4), short('code'), '2', 0x93, '0', system, '(Vid\ntR.')),
  one(
    'Python 2 names below protocol 3',
    'blocked',
    'a.bin',
    bytes(proto(2), global('__builtin__', 'apply'), global('os', 'system'), '(Vid\nt', 0x86, 'R.'),
  ),
  one(
    'Python 2 names: commands',
    'blocked',
    'a.bin',
    bytes(proto(2), global('commands', 'getstatusoutput'), '(Vid\ntR.'),
  ),
  one(
    'names computed by rot13',
    'not clean',
    'a.bin',
    bytes(proto(4), rot13('cbfvk'), rot13('flfgrz'), 0x93, '(Vid\ntR.'),
  ),
  one('module with trailing space', 'not clean', 'a.bin', bytes('cposix \nsystem\n(Vid\ntR.')),
  one('module with full-width letters', 'not clean', 'a.bin', bytes(proto(4), call('ｐosix', 'system'), '.')),
  one(
    'an allowed class called with a huge number',
    'not clean',
    'a.bin',
    bytes(proto(4), stackGlobal('builtins', 'bytearray'), 0x8a, 6, 0, 0, 0, 0, 0, 1, 0x85, 'R.'),
  ),
  one('gadget as a dictionary key', 'blocked', 'a.bin', bytes(proto(4), '}', call('posix', 'system'), 'Ns.')),
  one('gadget in a set', 'blocked', 'a.bin', bytes(proto(4), 0x8f, '(', call('posix', 'system'), 0x90, '.')),
  one('gadget that is popped', 'blocked', 'a.bin', bytes(proto(4), call('posix', 'system'), '0}.')),
  one('gadget dropped by POP_MARK', 'blocked', 'a.bin', bytes(proto(4), '(', call('posix', 'system'), '1}.')),
  one(
    'defaultdict of a gadget',
    'blocked',
    'a.bin',
    bytes(proto(4), stackGlobal('collections', 'defaultdict'), system, 0x85, 'R.'),
  ),
  one(
    '_rebuild_from_type_v2 of a gadget',
    'blocked',
    'a.bin',
    bytes(
      proto(4),
      stackGlobal('torch._tensor', '_rebuild_from_type_v2'),
      system,
      stackGlobal('torch', 'Tensor'),
      short('id'),
      0x85,
      '}(tR.',
    ),
  ),
];

const STREAMS: readonly Case[] = [
  one('a second stream', 'blocked', 'a.bin', bytes(EMPTY_STATE, SYSTEM)),
  one('a second stream after garbage', 'not clean', 'a.bin', bytes(EMPTY_STATE, '\xff\xff garbage', SYSTEM)),
  one('a second stream after zeros', 'not clean', 'a.bin', bytes(EMPTY_STATE, Buffer.alloc(4096), SYSTEM)),
  one('no STOP', 'blocked', 'a.bin', SYSTEM.subarray(0, -1)),
  one('broken behind the call', 'blocked', 'a.bin', bytes(SYSTEM.subarray(0, -1), 0xff, 0xff)),
  one('refused protocol behind the call', 'blocked', 'a.bin', bytes(SYSTEM.subarray(0, -1), 0x80, 0xff, '.')),
  one('frame', 'blocked', 'a.bin', bytes(proto(4), frame(bytes(call('posix', 'system'), '.')))),
  one(
    'frame longer than the file',
    'not clean',
    'a.bin',
    bytes(proto(4), 0x95, u64(1e6), call('posix', 'system'), '.'),
  ),
  one(
    'frame in a frame',
    'not clean',
    'a.bin',
    bytes(proto(4), frame(frame(bytes(call('posix', 'system'), '.')))),
  ),
  one(
    'frame that ends inside an opcode',
    'not clean',
    'a.bin',
    bytes(proto(4), 0x95, u64(3), call('posix', 'system'), '.'),
  ),
  one('an argument longer than the file', 'not clean', 'a.bin', bytes(proto(2), 'X', u32(0x7fffffff), 'x')),
  one('legacy PyTorch: in the object', 'blocked', 'a.bin', torchLegacy({ object: SYSTEM })),
  one('legacy PyTorch: in the system information', 'blocked', 'a.bin', torchLegacy({ sysInfo: SYSTEM })),
  one('legacy PyTorch: in the list of keys', 'blocked', 'a.bin', torchLegacy({ keys: SYSTEM })),
  one('legacy PyTorch: behind the storages', 'not clean', 'a.bin', torchLegacy({ tail: SYSTEM })),
  one(
    'legacy PyTorch: no pickle after the magic number',
    'not clean',
    'a.bin',
    torchLegacy({}).subarray(0, 20),
  ),
  one('a README that is a pickle', 'not clean', 'README.md', bytes('Very good model\n0', SYSTEM)),
  one('a licence that is a pickle', 'not clean', 'LICENSE', bytes("S'MIT License'\n0", SYSTEM)),
  one('a text of globals', 'not clean', 'notes.txt', bytes('cposix\nsystem\n(Vid\ntR.\nhello\n')),
  one('an integer first', 'blocked', 'a.txt', bytes('I1\n0', SYSTEM)),
  one('a float first', 'blocked', 'a.txt', bytes('F1.5\n0', SYSTEM)),
  one('None first', 'blocked', 'a.txt', bytes('N0', SYSTEM)),
  one('MARK first', 'blocked', 'a.txt', bytes('(', SYSTEM)),
  one('EMPTY_LIST first', 'blocked', 'a.txt', bytes(']0', SYSTEM)),
  one(
    'a late call, after a megabyte of bytes',
    'blocked',
    'a.bin',
    bytes(proto(4), raw(Buffer.alloc(1 << 20)), '0', call('posix', 'system'), '.'),
  ),
];

const NESTED: readonly Case[] = [
  one('pickle.loads of bytes', 'blocked', 'a.bin', nested('pickle', 'loads', SYSTEM)),
  one(
    '_load_from_bytes of a gadget',
    'not clean',
    'a.bin',
    nested('torch.storage', '_load_from_bytes', SYSTEM),
  ),
  one(
    '_load_from_bytes of a legacy file with a gadget',
    'blocked',
    'a.bin',
    nested('torch.storage', '_load_from_bytes', torchLegacy({ object: SYSTEM })),
  ),
  one(
    '_load_from_bytes twice',
    'not clean',
    'a.bin',
    nested('torch.storage', '_load_from_bytes', nested('torch.storage', '_load_from_bytes', SYSTEM)),
  ),
  one('gzip', 'not clean', 'a.joblib', gzipSync(SYSTEM)),
  one('zlib', 'not clean', 'a.joblib', deflateSync(SYSTEM)),
  one('bzip2', 'not clean', 'a.joblib', BZIP2),
  one('xz', 'not clean', 'a.joblib', XZ),
  one('lz4', 'not clean', 'a.joblib', LZ4),
  one('NumPy object array', 'blocked', 'a.npy', npy("'|O'", SYSTEM)),
  one(
    'NumPy structured array with an object',
    'not clean',
    'a.npy',
    npy("[('a', '<f4'), ('b', 'O')]", SYSTEM),
  ),
  one(
    'NumPy header that is code',
    'not clean',
    'a.npy',
    npy("__import__('os').system('id')", Buffer.alloc(4)),
  ),
  one('NumPy array with a tail', 'not clean', 'a.npy', npy("'<f4'", bytes(Buffer.alloc(4), SYSTEM))),
];

table('pickle opcodes', OPCODES);
table('pickle names', NAMES);
table('pickle streams', STREAMS);
table('pickles in other bytes', NESTED);
