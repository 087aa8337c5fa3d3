/** Headers of safetensors, GGUF and ONNX that lie. */
import { bytes, u32, u64 } from '../pickles.ts';
import { type Case, one, table } from './case.ts';
import { field, type GgufTensor, gguf, onnx, onnxExternal, onnxNode, safetensors } from './containers.ts';

const four = Buffer.alloc(4);
const a = { dtype: 'U8', shape: [4], data_offsets: [0, 4] };
const st = (name: string, header: string | object, data: Uint8Array = four): Case =>
  one(name, 'not clean', 'model.safetensors', safetensors(header, data));

const SAFETENSORS: readonly Case[] = [
  st('overlap', { a, b: { ...a, data_offsets: [2, 6] } }, Buffer.alloc(6)),
  st('two names for one range', { a, b: a }),
  st('a hole', { a, b: { ...a, data_offsets: [6, 10] } }, Buffer.alloc(10)),
  st('bytes behind the last tensor', { a }, Buffer.alloc(9)),
  st('a tensor beyond the file', { a: { ...a, shape: [400], data_offsets: [0, 400] } }),
  st('offsets the wrong way round', { a: { ...a, data_offsets: [4, 0] } }),
  st('negative offsets', { a: { ...a, data_offsets: [-4, 0] } }),
  st('offsets that are no integers', '{"a":{"dtype":"U8","shape":[4],"data_offsets":[0.0,4.5]}}'),
  st('three offsets', { a: { ...a, data_offsets: [0, 4, 4] } }),
  st('a shape that does not fit', { a: { ...a, shape: [5] } }),
  st(
    'a shape that overflows to fit',
    '{"a":{"dtype":"U8","shape":[4294967296,4294967296,4],"data_offsets":[0,4]}}',
  ),
  st('a shape of NaN', '{"a":{"dtype":"U8","shape":[NaN],"data_offsets":[0,4]}}'),
  st('a shape of text', '{"a":{"dtype":"U8","shape":["4"],"data_offsets":[0,4]}}'),
  st('a shape beyond 2^53', '{"a":{"dtype":"U8","shape":[9007199254740993,0],"data_offsets":[0,4]}}'),
  st('an infinite shape', '{"a":{"dtype":"U8","shape":[1e400],"data_offsets":[0,4]}}'),
  st('an unknown dtype', { a: { ...a, dtype: 'OBJECT' } }),
  st('a dtype in lower case', { a: { ...a, dtype: 'u8' } }),
  st('a dtype from the prototype', { a: { ...a, dtype: 'constructor' } }),
  st('a duplicate tensor', `{"a":${JSON.stringify(a)},"a":${JSON.stringify(a)}}`),
  st('a duplicate tensor by escape', `{"a":${JSON.stringify(a)},"\\u0061":${JSON.stringify(a)}}`),
  st('a duplicate key in a tensor', '{"a":{"dtype":"U8","shape":[400],"shape":[4],"data_offsets":[0,4]}}'),
  st('an unknown key in a tensor', '{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"file":"../x"}}'),
  st('metadata that is no text', { __metadata__: { a: { b: 1 } }, a }),
  st('metadata twice', `{"__metadata__":{},"__metadata__":{"x":"y"},"a":${JSON.stringify(a)}}`),
  st('a space before the header', ` {"a":${JSON.stringify(a)}}`),
  st('a NUL behind the header', `{"a":${JSON.stringify(a)}}\0`),
  st('two headers', `{"a":${JSON.stringify(a)}}{}`),
  st('a trailing comma', `{"a":${JSON.stringify(a)},}`),
  st('a header that is a list', '[]', Buffer.alloc(0)),
  one('a header of 2^63 bytes', 'not clean', 'model.safetensors', bytes('\0\0\0\0\0\0\0\x80', '{}')),
  one('a header of 2^64-1 bytes', 'not clean', 'model.safetensors', bytes(Buffer.alloc(8, 255), '{}')),
  one('a header longer than the file', 'not clean', 'model.safetensors', bytes(u64(1000), '{"a":')),
  one('a header of no bytes', 'not clean', 'model.safetensors', u64(0)),
  one('a header of bytes that are no UTF-8', 'not clean', 'model.safetensors', bytes(u64(8), '{"\xff":1}')),
  one('no header at all', 'not clean', 'model.safetensors', Buffer.alloc(5)),
];

const arch = [['general.architecture', 'llama']] as const;
const tensor: GgufTensor = { name: 'a', dims: [4n], type: 0, offset: 0n };
const sixteen = { data: Buffer.alloc(16) };
const gg = (name: string, content: Uint8Array): Case => one(name, 'not clean', 'model.gguf', content);

const GGUF: readonly Case[] = [
  gg('a later version', gguf(arch, [], { lies: { version: 99 } })),
  gg('a version of the other byte order', gguf(arch, [], { lies: { version: 0x03000000 } })),
  gg('2^62 keys', gguf(arch, [], { lies: { kvCount: 1n << 62n } })),
  gg('2^62 tensors', gguf(arch, [], { lies: { tensorCount: 1n << 62n } })),
  gg('keys too many', gguf(arch, [], { lies: { kvCount: 9n } })),
  gg('one key too few', gguf([...arch, ['general.name', 'x']], [], { lies: { kvCount: 1n } })),
  gg('a key twice', gguf([...arch, ['general.architecture', 'mpt']])),
  gg('alignment 0', gguf([...arch, ['general.alignment', 0]], [tensor], sixteen)),
  gg('alignment 3', gguf([...arch, ['general.alignment', 3]], [tensor], sixteen)),
  gg('alignment as text', gguf([...arch, ['general.alignment', '32']], [tensor], sixteen)),
  gg('a tensor beyond the file', gguf(arch, [{ ...tensor, offset: 1n << 40n }], sixteen)),
  gg('an offset that is not aligned', gguf(arch, [{ ...tensor, offset: 4n }], { data: Buffer.alloc(64) })),
  gg('dimensions that overflow', gguf(arch, [{ ...tensor, dims: [1n << 32n, 1n << 32n, 4n] }], sixteen)),
  gg('a negative dimension', gguf(arch, [{ ...tensor, dims: [(1n << 64n) - 4n] }], sixteen)),
  gg('nine dimensions', gguf(arch, [{ ...tensor, dims: [1n, 1n, 1n, 1n, 1n, 1n, 1n, 1n, 4n] }], sixteen)),
  gg('an unknown type', gguf(arch, [{ ...tensor, type: 9999 }], sixteen)),
  gg('two tensors of one name', gguf(arch, [tensor, { ...tensor, offset: 32n }], { data: Buffer.alloc(48) })),
  gg('two tensors on one range', gguf(arch, [tensor, { ...tensor, name: 'b' }], sixteen)),
  gg(
    'bytes behind the tensors',
    gguf(arch, [tensor], { data: bytes(Buffer.alloc(16), 'cposix\nsystem\n', Buffer.alloc(64)) }),
  ),
  gg(
    'a text of 2^63 bytes',
    bytes('GGUF', u32(3), u64(0), u64(1), u64(1), 'a', u32(8), Buffer.alloc(8, 127)),
  ),
  gg(
    'an array of 2^60 elements',
    bytes('GGUF', u32(3), u64(0), u64(1), u64(1), 'a', u32(9), u32(0), u64(2 ** 60)),
  ),
  gg(
    'arrays in arrays',
    bytes(
      'GGUF',
      u32(3),
      u64(0),
      u64(1),
      u64(1),
      'a',
      u32(9),
      ...Array.from({ length: 200 }, () => bytes(u32(9), u64(1))),
    ),
  ),
  gg('a boolean of 2', bytes('GGUF', u32(3), u64(0), u64(1), u64(1), 'a', u32(7), 2)),
  gg('a value of unknown type', bytes('GGUF', u32(3), u64(0), u64(1), u64(1), 'a', u32(77), 2)),
  gg('cut short', gguf(arch, [tensor], sixteen).subarray(0, -8)),
  gg(
    'a template with a gadget',
    gguf([...arch, ['tokenizer.chat_template', '{{ cycler.__init__.__globals__.os.popen("id").read() }}']]),
  ),
  gg(
    'a template of another name with a gadget',
    gguf([...arch, ['tokenizer.chat_template.tool_use', "{{ ''|attr('__class__') }}"]]),
  ),
];

const ox = (name: string, content: Uint8Array): Case => one(name, 'not clean', 'model.onnx', content);
const ONNX: readonly Case[] = [
  ox('external data above the folder', onnx([onnxNode('Relu'), onnxExternal('../../../etc/passwd')])),
  ox('external data at an absolute path', onnx([onnxNode('Relu'), onnxExternal('/etc/shadow')])),
  ox('external data in a folder that leads up', onnx([onnxNode('Relu'), onnxExternal('a/../../b')])),
  ox('external data with backslashes', onnx([onnxNode('Relu'), onnxExternal('..\\..\\x')])),
  ox('external data on a drive', onnx([onnxNode('Relu'), onnxExternal('C:\\x')])),
  ox('external data with a NUL', onnx([onnxNode('Relu'), onnxExternal('a\0b')])),
  ox('external data without a place', onnx([onnxNode('Relu'), onnxExternal('')])),
  ox('a custom domain', onnx([onnxNode('Evil', 'com.evil.ops')])),
  ox(
    'a custom domain in a function',
    onnx(
      [onnxNode('Relu')],
      [
        field(
          25,
          bytes(field(1, 'F'), field(10, 'local'), field(7, bytes(field(4, 'Evil'), field(7, 'evil')))),
        ),
      ],
    ),
  ),
  ox('a Python operator', onnx([onnxNode('PyOp', 'ai.onnx.contrib')])),
  ox(
    'a custom domain in a branch',
    onnx([
      field(
        1,
        bytes(
          field(4, 'If'),
          field(5, bytes(field(1, 'then_branch'), field(6, onnxNode('Evil', 'evil')), field(20, 5))),
        ),
      ),
    ]),
  ),
  ox('a length beyond the file', bytes(onnx([onnxNode('Relu')]), 0x3a, 0xff, 0xff, 0xff, 0x7f)),
  ox('a varint without end', bytes(onnx([onnxNode('Relu')]), Buffer.alloc(12, 0xff))),
  ox('field number 0', bytes(onnx([onnxNode('Relu')]), 0x02, 0x01, 0x41)),
  ox('groups', bytes(onnx([onnxNode('Relu')]), 0x1b, 0x1c)),
];

table('safetensors that lie', SAFETENSORS);
table('GGUF that lies', GGUF);
table('ONNX that lies', ONNX);
