/**
 * A repo of the shape of DeepSeek-R1, of any size: shards of one mixture-of-experts model, their index, and the
 * small files beside them. Tensor bytes are made on the fly from one pattern, so that the server costs little.
 */
import { createHash } from 'node:crypto';
import { truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Sha256 } from '../src/base/digest.ts';
import type { StandInFile, StandInModel } from '../src/hub-stand-in/model.ts';

export const R1_MODEL = 'bench/r1-shaped';

/** R1 itself has 163 shards; smaller repos have fewer, so that shards stay large enough to be shards. */
const SHARDS_MAX = 163;
const SHARD_BYTES = 120_000_000;
const TENSORS_PER_SHARD = 560;

/** The bytes that tensors are made of: twice over, so that any piece lies in one run. */
const PATTERN_BYTES = 1 << 20;

export function r1Repo(sizeBytes: number): StandInModel {
  const pattern = patternTwice();
  return r1Model(sizeBytes, (shape) => shard(shape, pattern));
}

/**
 * The same with its shards in a folder, for a server that knows files and nothing else: tensors are holes, so that
 * gigabytes need no room, and reading them costs the server next to nothing.
 */
export function r1Folder(sizeBytes: number, folder: string): StandInModel {
  return r1Model(sizeBytes, ({ path: name, header, sizeBytes }) => {
    const file = path.join(folder, name);
    writeFileSync(file, header);
    truncateSync(file, sizeBytes);
    const sha256 = digestOf(sizeBytes, (offset, length) =>
      offset < header.length ? header.subarray(offset, offset + length) : ZEROS.subarray(0, length),
    );
    return { path: name, lfs: true, sha256, content: { kind: 'disk', path: file, sizeBytes } };
  });
}

const ZEROS = Buffer.alloc(PATTERN_BYTES);

interface ShardShape {
  readonly path: string;
  readonly header: Buffer;
  readonly sizeBytes: number;
  readonly number: number;
}

function r1Model(sizeBytes: number, make: (shape: ShardShape) => StandInFile): StandInModel {
  const count = Math.min(SHARDS_MAX, Math.max(1, Math.round(sizeBytes / SHARD_BYTES)));
  const weightMap: Record<string, string> = {};
  const shards = Array.from({ length: count }, (_, number): StandInFile => {
    const path = `model-${digits(number + 1, 5)}-of-${digits(count, 6)}.safetensors`;
    const { header, names } = shardHeader(number, Math.floor(sizeBytes / count));
    for (const name of names) weightMap[name] = path;
    return make({ path, header, sizeBytes: Math.floor(sizeBytes / count), number });
  });
  const small = {
    'model.safetensors.index.json': JSON.stringify({
      metadata: { total_size: sizeBytes },
      weight_map: weightMap,
    }),
    'config.json': JSON.stringify({ architectures: ['DeepseekV3ForCausalLM'], model_type: 'deepseek_v3' }),
    'generation_config.json': JSON.stringify({ do_sample: true, temperature: 0.6, top_p: 0.95 }),
    'README.md': '---\nlicense: mit\n---\n# A repo of the shape of R1\n',
  };
  const others = Object.entries(small).map(
    ([path, text]): StandInFile => ({ path, content: { kind: 'bytes', bytes: Buffer.from(text) } }),
  );
  return { id: R1_MODEL, cardData: { license: 'mit' }, commits: [{ files: [...shards, ...others] }] };
}

/** Each shard starts elsewhere in the pattern: no two have the same bytes. */
function shard({ path, header, sizeBytes, number }: ShardShape, pattern: Buffer): StandInFile {
  const shift = number * 4099;
  const make = (offset: number, length: number): Uint8Array => {
    if (offset < header.length) return header.subarray(offset, offset + length);
    const from = (offset - header.length + shift) % PATTERN_BYTES;
    return pattern.subarray(from, from + Math.min(length, PATTERN_BYTES));
  };
  const sha256 = digestOf(sizeBytes, make);
  return { path, lfs: true, sha256, content: { kind: 'made', sizeBytes, make } };
}

function digestOf(sizeBytes: number, make: (offset: number, length: number) => Uint8Array): Sha256 {
  const hash = createHash('sha256');
  for (let at = 0; at < sizeBytes; ) {
    const piece = make(at, Math.min(PATTERN_BYTES, sizeBytes - at));
    hash.update(piece);
    at += piece.length;
  }
  return hash.digest('hex') as Sha256;
}

/** A valid header whose tensors fill the shard to its last byte. */
function shardHeader(number: number, sizeBytes: number): { header: Buffer; names: string[] } {
  const names = Array.from(
    { length: TENSORS_PER_SHARD },
    (_, at) => `model.layers.${number}.mlp.experts.${at >> 1}.${at % 2 === 0 ? 'up' : 'down'}_proj.weight`,
  );
  // Offsets differ in length, so the header is made for a fixed size, and padded to it as the format allows.
  const headerBytes = names.length * 160;
  const data = sizeBytes - 8 - headerBytes;
  const each = Math.floor(data / names.length);
  const tensors = names.map((name, at) => {
    const end = at === names.length - 1 ? data : (at + 1) * each;
    return [name, { dtype: 'F8_E4M3', shape: [end - at * each], data_offsets: [at * each, end] }];
  });
  const json = JSON.stringify(Object.fromEntries(tensors));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(headerBytes));
  return { header: Buffer.concat([length, Buffer.from(json.padEnd(headerBytes, ' '))]), names };
}

function patternTwice(): Buffer {
  const once = Buffer.alloc(PATTERN_BYTES);
  let state = 0x9e3779b9;
  for (let at = 0; at < once.length; at += 4) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    once.writeUInt32LE(state, at);
  }
  return Buffer.concat([once, once]);
}

function digits(number: number, length: number): string {
  return String(number).padStart(length, '0');
}
