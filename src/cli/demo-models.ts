/** The two models of the demo: one clean, one that would run a command when it is loaded (it never is). */
import type { StandInModel } from '../hub-stand-in/model.ts';

const text = (value: string) => ({ kind: 'bytes', bytes: Buffer.from(value) }) as const;

/** A safetensors file: length, JSON header, tensor bytes. */
function safetensors(): Uint8Array {
  const tensor = Buffer.alloc(4 * 64 * 64);
  for (let i = 0; i < 64 * 64; i++) tensor.writeFloatLE(Math.sin(i), i * 4);
  const header = Buffer.from(
    JSON.stringify({
      __metadata__: { format: 'pt' },
      'model.embed_tokens.weight': { dtype: 'F32', shape: [64, 64], data_offsets: [0, tensor.length] },
    }),
  );
  const padded = Buffer.concat([header, Buffer.alloc((8 - (header.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return Buffer.concat([length, padded, tensor]);
}

/**
 * A pickle that calls `posix.system` when it is loaded: GLOBAL, one string, TUPLE1, REDUCE, STOP. The command would
 * only print a line, and nothing in Weighlock ever loads a pickle.
 */
function boobyTrap(): Uint8Array {
  const command = Buffer.from('echo this line would have been any command');
  return Buffer.concat([
    Buffer.from('\u0080\u0002cposix\nsystem\n', 'latin1'),
    Buffer.from('X', 'latin1'),
    Buffer.of(command.length, 0, 0, 0),
    command,
    Buffer.from('\u0085R.', 'latin1'),
  ]);
}

const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 64,
  num_hidden_layers: 1,
};

export const CLEAN_MODEL: StandInModel = {
  id: 'demo/clean',
  cardData: { license: 'mit' },
  commits: [
    {
      files: [
        { path: 'config.json', content: text(`${JSON.stringify(CONFIG, null, 2)}\n`) },
        { path: 'model.safetensors', content: { kind: 'bytes', bytes: safetensors() } },
        { path: 'README.md', content: text('---\nlicense: mit\n---\n# A tiny clean model\n') },
      ],
    },
  ],
};

export const TRAPPED_MODEL: StandInModel = {
  id: 'demo/booby-trapped',
  cardData: { license: 'mit' },
  commits: [
    {
      files: [
        { path: 'config.json', content: text(`${JSON.stringify(CONFIG, null, 2)}\n`) },
        { path: 'pytorch_model.bin', content: { kind: 'bytes', bytes: boobyTrap() } },
        { path: 'README.md', content: text('---\nlicense: mit\n---\n# Looks harmless\n') },
      ],
    },
  ],
};
