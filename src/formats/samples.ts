/**
 * Small files of every format, for tests and the demo: built by the specifications, independent of the parsers.
 */

/** A safetensors file of the header as given (an object, or text to break it) and `data`. */
export function safetensorsFile(header: object | string, data: Uint8Array): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

/** Two tensors of F32, 16 and 8 bytes, that fill their data section. */
export function smallSafetensors(): Buffer {
  const header = {
    __metadata__: { format: 'pt' },
    'a.weight': { dtype: 'F32', shape: [2, 2], data_offsets: [0, 16] },
    'a.bias': { dtype: 'F32', shape: [2], data_offsets: [16, 24] },
  };
  return safetensorsFile(header, Buffer.alloc(24, 7));
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/** A GGUF string: length, then bytes. */
export function ggufText(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([u64(bytes.length), bytes]);
}

export interface GgufSample {
  readonly version?: number;
  readonly metadata?: readonly (readonly [key: string, type: number, value: Uint8Array])[];
  readonly tensors?: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly type: number;
    readonly offset: number;
  }[];
  readonly data?: Uint8Array;
  /** Counts as the header claims them, where they shall differ from what follows. */
  readonly claims?: { readonly tensors?: bigint; readonly metadata?: bigint };
}

/** A GGUF file of version 2 or 3, padded to 32 bytes before its data. */
export function ggufFile({ version = 3, metadata = [], tensors = [], data, claims }: GgufSample): Buffer {
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(version),
    u64(claims?.tensors ?? tensors.length),
    u64(claims?.metadata ?? metadata.length),
    ...metadata.flatMap(([key, type, value]) => [ggufText(key), u32(type), Buffer.from(value)]),
    ...tensors.flatMap(({ name, shape, type, offset }) => [
      ggufText(name),
      u32(shape.length),
      ...shape.map((size) => u64(size)),
      u32(type),
      u64(offset),
    ]),
  ]);
  const padding = Buffer.alloc(tensors.length > 0 ? (32 - (head.length % 32)) % 32 : 0);
  return Buffer.concat([head, padding, data ?? Buffer.alloc(0)]);
}

/** Architecture, a vocabulary, a template, and one F32 tensor of 64 bytes. */
export function smallGguf(template = '{{ messages[0]["content"] }}'): Buffer {
  const vocabulary = ['a', 'b', 'c'].map(ggufText);
  return ggufFile({
    metadata: [
      ['general.architecture', 8, ggufText('llama')],
      ['tokenizer.ggml.tokens', 9, Buffer.concat([u32(8), u64(vocabulary.length), ...vocabulary])],
      ['tokenizer.ggml.scores', 9, Buffer.concat([u32(6), u64(3), Buffer.alloc(12)])],
      ['llama.block_count', 4, u32(1)],
      ['tokenizer.chat_template', 8, ggufText(template)],
    ],
    tensors: [{ name: 'token_embd.weight', shape: [16], type: 0, offset: 0 }],
    data: Buffer.alloc(64, 1),
  });
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  while (left >= 128) {
    bytes.push((left % 128) | 0x80);
    left = Math.floor(left / 128);
  }
  return Buffer.from([...bytes, left]);
}

/** A protobuf field: a number as a varint, text or bytes by their length. */
export function protobufField(number: number, value: number | string | Uint8Array): Buffer {
  if (typeof value === 'number') return Buffer.concat([varint(number * 8), varint(value)]);
  const bytes = Buffer.from(value);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

export interface OnnxSample {
  readonly domain?: string;
  readonly operator?: string;
  readonly external?: string;
  /** Fields added to the model. */
  readonly more?: Uint8Array;
}

/** One node and one initializer of 16 bytes. */
export function smallOnnx({ domain = '', operator = 'Add', external, more }: OnnxSample = {}): Buffer {
  const node = Buffer.concat([
    protobufField(1, 'x'),
    protobufField(2, 'y'),
    protobufField(4, operator),
    ...(domain === '' ? [] : [protobufField(7, domain)]),
  ]);
  const outside =
    external === undefined
      ? [protobufField(9, Buffer.alloc(16, 3))]
      : [
          protobufField(13, Buffer.concat([protobufField(1, 'location'), protobufField(2, external)])),
          protobufField(14, 1),
        ];
  const tensor = Buffer.concat([protobufField(1, 4), protobufField(2, 1), protobufField(8, 'w'), ...outside]);
  const graph = Buffer.concat([protobufField(1, node), protobufField(2, 'g'), protobufField(5, tensor)]);
  const opset = Buffer.concat([protobufField(1, domain), protobufField(2, 17)]);
  return Buffer.concat([
    protobufField(1, 8),
    protobufField(2, 'sample'),
    protobufField(7, graph),
    protobufField(8, opset),
    more ?? Buffer.alloc(0),
  ]);
}

/** Three pieces and a trainer specification. */
export function smallSentencePiece(): Buffer {
  const piece = (text: string) =>
    protobufField(
      1,
      Buffer.concat([protobufField(1, text), Buffer.from([0x15, 0, 0, 0, 0]), protobufField(3, 2)]),
    );
  const trainer = Buffer.concat([protobufField(2, 'm'), protobufField(4, 32000)]);
  return Buffer.concat([piece('<unk>'), piece('<s>'), piece('▁the'), protobufField(2, trainer)]);
}

function chunk(type: string, data: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  return Buffer.concat([length, Buffer.from(type), data, Buffer.alloc(4)]);
}

export function smallPng(): Buffer {
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', Buffer.alloc(13, 1)),
    chunk('IDAT', Buffer.alloc(20, 2)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A scan with stuffed bytes and a restart marker. */
export function smallJpeg(): Buffer {
  return Buffer.from('ffd8ffe000044a46ffda0004010212ff0034ffd156ff0078ffd9', 'hex');
}

export function smallGif(): Buffer {
  const screen = Buffer.from('GIF89a\x01\0\x01\0\x80\0\0', 'latin1');
  const image = Buffer.from([0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0]);
  const comment = Buffer.from('!\xfe\x02hi\0', 'latin1');
  return Buffer.concat([screen, Buffer.alloc(6), comment, image, Buffer.from([0x3b])]);
}

export function smallWebp(): Buffer {
  const data = Buffer.concat([Buffer.from('VP8L'), u32(5), Buffer.alloc(6, 9)]);
  return Buffer.concat([Buffer.from('RIFF'), u32(4 + data.length), Buffer.from('WEBP'), data]);
}

export function smallPdf(body = '1 0 obj << /Type /Catalog >> endobj'): Buffer {
  return Buffer.from(
    `%PDF-1.7\n%\xe2\xe3\n${body}\ntrailer << /Root 1 0 R >>\nstartxref\n9\n%%EOF\n`,
    'latin1',
  );
}
