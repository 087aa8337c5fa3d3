/** Small models for stories. */
import { createHash } from 'node:crypto';
import type { StandInCommit, StandInFile, StandInModel } from '../../src/hub-stand-in/model.ts';

export function textFile(path: string, text: string): StandInFile {
  return { path, content: { kind: 'bytes', bytes: Buffer.from(text) } };
}

export function bytesFile(path: string, bytes: Uint8Array): StandInFile {
  return { path, content: { kind: 'bytes', bytes } };
}

/** A safetensors file with one F32 tensor, different for each seed. */
export function safetensors(seed: string, floats = 1024): Buffer {
  const tensor = Buffer.alloc(floats * 4);
  let block = createHash('sha256').update(seed).digest();
  for (let at = 0; at < tensor.length; at += block.length) {
    block.copy(tensor, at);
    block = createHash('sha256').update(block).digest();
  }
  const header = Buffer.from(
    JSON.stringify({ weight: { dtype: 'F32', shape: [floats], data_offsets: [0, tensor.length] } }),
  );
  const padded = Buffer.concat([header, Buffer.alloc((8 - (header.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded, tensor]);
}

export const CONFIG = { architectures: ['LlamaForCausalLM'], model_type: 'llama', hidden_size: 32 };

/** A commit of a plain model with some weights, configuration, and what every repo of the Hub has. */
export function plainCommit(seed: string, more: readonly StandInFile[] = []): StandInCommit {
  return {
    files: [
      textFile('.gitattributes', '*.safetensors filter=lfs diff=lfs merge=lfs -text\n'),
      textFile('README.md', `---\nlicense: mit\n---\n# ${seed}\n`),
      textFile('config.json', `${JSON.stringify(CONFIG, null, 2)}\n`),
      bytesFile('model-00001-of-00002.safetensors', safetensors(`${seed} 1`)),
      bytesFile('model-00002-of-00002.safetensors', safetensors(`${seed} 2`)),
      textFile('empty.txt', ''),
      ...more,
    ],
  };
}

export function plainModel(id: string, seed = id): StandInModel {
  return { id, cardData: { license: 'mit' }, commits: [plainCommit(seed)] };
}
