/** Writers of the containers that attacks hide in: PyTorch files new and old, safetensors, GGUF, ONNX, NumPy, PNG. */
import { crc32, deflateSync } from 'node:zlib';
import { bytes, proto, u32, u64 } from '../pickles.ts';
import { type ZipLies, type ZipMember, zip } from '../zips.ts';

/** A state dictionary without tensors. */
export const EMPTY_STATE = bytes(proto(2), '}q\0.');

/** `os.system('id')` in the text protocol. */
export const SYSTEM = bytes("cposix\nsystem\n(S'id'\ntR.");

/** What `torch.save` writes since 1.6. */
export function torchZip(pickle: Uint8Array, more: readonly ZipMember[] = [], lies: ZipLies = {}): Buffer {
  return zip(
    [
      { name: 'archive/data.pkl', data: pickle },
      { name: 'archive/byteorder', data: Buffer.from('little') },
      { name: 'archive/version', data: Buffer.from('3\n') },
      ...more,
    ],
    lies,
  );
}

/** `torch.save` before 1.6: five pickles, then storages. */
export function torchLegacy(parts: {
  readonly sysInfo?: Uint8Array;
  readonly object?: Uint8Array;
  readonly keys?: Uint8Array;
  readonly tail?: Uint8Array;
}): Buffer {
  return bytes(
    bytes(proto(2), 0x8a, 10, Buffer.from('6cfc9c46f9206aa85019', 'hex'), '.'),
    bytes(proto(2), 'M', 0xe9, 3, '.'),
    parts.sysInfo ??
      bytes(proto(2), '}q\0(X', u32(16), 'protocol_versionM', 0xe9, 3, 'X', u32(13), 'little_endian\x88u.'),
    parts.object ?? EMPTY_STATE,
    parts.keys ?? bytes(proto(2), ']q\0.'),
    parts.tail ?? '',
  );
}

export function safetensors(header: string | object, data: Uint8Array = new Uint8Array(0)): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  return Buffer.concat([u64(text.length), text, data]);
}

export type GgufValue = string | number | boolean | readonly string[];

export interface GgufTensor {
  readonly name: string;
  readonly dims: readonly bigint[];
  readonly type: number;
  readonly offset: bigint;
}

export interface GgufLies {
  readonly version?: number;
  readonly tensorCount?: bigint;
  readonly kvCount?: bigint;
}

const ggufString = (text: string): Buffer => bytes(u64(Buffer.byteLength(text)), Buffer.from(text));

function ggufValue(value: GgufValue): Buffer {
  if (typeof value === 'string') return bytes(u32(8), ggufString(value));
  if (typeof value === 'number') return bytes(u32(4), u32(value));
  if (typeof value === 'boolean') return bytes(u32(7), value ? 1 : 0);
  return bytes(u32(9), u32(8), u64(value.length), ...value.map(ggufString));
}

export function gguf(
  values: readonly (readonly [string, GgufValue])[],
  tensors: readonly GgufTensor[] = [],
  options: { readonly data?: Uint8Array; readonly lies?: GgufLies } = {},
): Buffer {
  const { data = new Uint8Array(0), lies = {} } = options;
  const count = (value: bigint): Buffer => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigUInt64LE(value);
    return buffer;
  };
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(lies.version ?? 3),
    count(lies.tensorCount ?? BigInt(tensors.length)),
    count(lies.kvCount ?? BigInt(values.length)),
    ...values.map(([key, value]) => bytes(ggufString(key), ggufValue(value))),
    ...tensors.map(({ name, dims, type, offset }) =>
      bytes(ggufString(name), u32(dims.length), ...dims.map(count), u32(type), count(offset)),
    ),
  ]);
  return bytes(head, Buffer.alloc((32 - (head.length % 32)) % 32), data);
}

const varint = (value: number): Buffer => {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  return Buffer.from([...out, rest]);
};

/** A protobuf field: text and messages by length, numbers as varints. */
export function field(number: number, value: string | number | Uint8Array): Buffer {
  if (typeof value === 'number') return bytes(varint(number * 8), varint(value));
  const content = Buffer.from(value);
  return bytes(varint(number * 8 + 2), varint(content.length), content);
}

/** An ONNX model around the fields of a graph. */
export function onnx(graph: readonly Uint8Array[], model: readonly Uint8Array[] = []): Buffer {
  return bytes(
    field(1, 8),
    field(2, 'pytorch'),
    field(7, Buffer.concat([...graph, field(2, 'main')])),
    field(8, bytes(field(1, ''), field(2, 17))),
    ...model,
  );
}

export const onnxNode = (op: string, domain = ''): Buffer =>
  field(1, bytes(field(1, 'x'), field(2, 'y'), field(4, op), field(7, domain)));

export const onnxExternal = (location: string): Buffer =>
  field(
    5,
    bytes(
      field(1, 4),
      field(2, 1),
      field(8, 'weight'),
      field(13, bytes(field(1, 'location'), field(2, location))),
      field(14, 1),
    ),
  );

export function npy(descr: string, data: Uint8Array, shape = '(1,)'): Buffer {
  const text = `{'descr': ${descr}, 'fortran_order': False, 'shape': ${shape}, }`;
  const padded = `${text}${' '.repeat((64 - ((text.length + 11) % 64)) % 64)}\n`;
  return bytes(0x93, 'NUMPY', 1, 0, padded.length & 255, padded.length >> 8, padded, data);
}

export const pngChunk = (type: string, data: Uint8Array): Buffer => {
  const body = bytes(type, data);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(data.length);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(body));
  return Buffer.concat([size, body, crc]);
};

/** A black pixel, with chunks in front of the picture. */
export function png(chunks: readonly Uint8Array[] = []): Buffer {
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    pngChunk('IHDR', Buffer.from('00000001000000010800000000', 'hex')),
    ...chunks,
    pngChunk('IDAT', deflateSync(Buffer.from([0, 0]))),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}
