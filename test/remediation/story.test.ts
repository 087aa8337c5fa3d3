/** `weighlock remediate` from a booby-trapped repo at the Hub to an admitted, derived revision. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { smallSafetensors } from '../../src/formats/samples.ts';
import { bytes, u32 } from '../pickles.ts';
import { commandLine } from '../story/command-line.ts';
import { zip } from '../zips.ts';

const text = (value: string): Buffer => bytes('X', u32(Buffer.byteLength(value)), Buffer.from(value));

/** `torch._utils._rebuild_tensor_v2` of four floats in the storage of this key. */
const tensor = (key: string): Buffer =>
  bytes(
    ...['ctorch._utils\n_rebuild_tensor_v2\n((', text('storage'), 'ctorch\nFloatStorage\n'],
    ...[
      text(key),
      text('cpu'),
      'K',
      4,
      'tQK',
      0,
      'K',
      4,
      '\x85K',
      1,
      '\x85\x89ccollections\nOrderedDict\n)RtR',
    ],
  );

const FLOATS = Buffer.from(new Float32Array([1, -2, 3.5, 0]).buffer);

/** A state dict with one tensor, and beside it a call that a loader would make. */
function trapped(): Buffer {
  const trap = bytes(text('note'), 'cposix\nsystem\n', text('echo trapped'), '\x85R');
  const pickle = bytes('\x80\x02}(', text('weight'), tensor('0'), trap, 'u.');
  return zip([
    { name: 'archive/data.pkl', data: pickle },
    { name: 'archive/version', data: Buffer.from('3\n') },
    { name: 'archive/data/0', data: FLOATS },
  ]);
}

const file = (name: string, content: Uint8Array | string) => ({
  path: name,
  content: { kind: 'bytes', bytes: Buffer.from(content) } as const,
});

const MODEL = {
  id: 'someone/trapped',
  commits: [
    {
      files: [
        file('pytorch_model.bin', trapped()),
        file('config.json', '{"model_type":"llama"}'),
        file('modeling_x.py', 'import os\nos.system("echo code")\n'),
        file(
          'tokenizer_config.json',
          '{"chat_template":"{{ messages[0][\'content\'] }}","model_max_length":7}',
        ),
      ],
    },
  ],
};

const OPEN_POLICY = 'version: 1\nrules: []\n';

describe('remediate', () => {
  it('makes an admitted revision out of a model that is refused, with its origin on record', async (t) => {
    const line = await commandLine(t, [MODEL]);
    const policy = path.join(line.folder, 'open.yaml');
    writeFileSync(policy, OPEN_POLICY);
    const vault = path.join(line.folder, 'vault');
    const refused = await line.admit(1, 'someone/trapped', '--policy', policy, '--vault', vault);
    assert.equal(refused.verdict, 'refused');

    const template = path.join(line.folder, 'own.jinja');
    writeFileSync(template, '{% for m in messages %}{{ m.content }}{% endfor %}');
    const flags = ['--policy', policy, '--vault', vault, '--template', template, '--json'];
    const { exit, out, err } = await line.run('remediate', 'someone/trapped', ...flags);
    assert.equal(exit, 0, err || out);
    const made = JSON.parse(out);
    assert.equal(made.model, 'local/trapped');
    assert.deepEqual(
      made.files.map(({ path: name }: { path: string }) => name),
      ['config.json', 'model.safetensors', 'tokenizer_config.json'],
    );

    const at = `local/trapped@${made.commit}`;
    const copy = path.join(line.folder, 'copy');
    assert.equal((await line.run('pull', at, copy, '--vault', vault)).exit, 0);
    const weights = readFileSync(path.join(copy, 'model.safetensors'));
    const end = 8 + Number(weights.readBigUInt64LE(0));
    assert.deepEqual(JSON.parse(weights.toString('utf8', 8, end)).weight, {
      dtype: 'F32',
      shape: [4],
      data_offsets: [0, 16],
    });
    assert.deepEqual(weights.subarray(end), FLOATS);
    assert.ok(!weights.includes('echo') && !weights.includes('posix'));
    const config = JSON.parse(readFileSync(path.join(copy, 'tokenizer_config.json'), 'utf8'));
    assert.deepEqual(config, { model_max_length: 7, chat_template: readFileSync(template, 'utf8') });

    const shown = JSON.parse((await line.run('show', at, '--json', '--vault', vault)).out);
    assert.match(JSON.stringify(shown), /derived-from/);
    assert.equal((await line.run('verify', '--vault', vault)).exit, 0);
  });

  it('writes a folder and admits nothing where a folder is named, and takes a template away', async (t) => {
    const line = await commandLine(t, [MODEL]);
    const to = path.join(line.folder, 'clean');
    const { exit, out } = await line.run('remediate', 'someone/trapped', '--out', to, '--drop-template');
    assert.equal(exit, 0);
    assert.match(out, /converted +pytorch_model\.bin → model\.safetensors: 1 tensors/);
    assert.match(out, /left behind: note/);
    assert.deepEqual(readdirSync(to).sort(), ['config.json', 'model.safetensors', 'tokenizer_config.json']);
    assert.ok(!existsSync(path.join(line.folder, 'weighlock-data')));
    assert.equal((await line.run('scan', to)).exit, 0);
  });

  it('gives shards and their index new names, and leaves out what stands there as safetensors', async (t) => {
    const index = { metadata: {}, weight_map: { weight: 'pytorch_model-00001-of-00001.bin' } };
    const files = [
      file('pytorch_model-00001-of-00001.bin', trapped()),
      file('pytorch_model.bin.index.json', JSON.stringify(index)),
      file('adapter_model.bin', trapped()),
      file('adapter_model.safetensors', smallSafetensors()),
    ];
    const line = await commandLine(t, [{ id: 'someone/shards', commits: [{ files }] }]);
    const to = path.join(line.folder, 'clean');
    assert.equal((await line.run('remediate', 'someone/shards', '--out', to)).exit, 0);
    const shard = 'model-00001-of-00001.safetensors';
    assert.deepEqual(readdirSync(to).sort(), [
      'adapter_model.safetensors',
      shard,
      'model.safetensors.index.json',
    ]);
    const written = JSON.parse(readFileSync(path.join(to, 'model.safetensors.index.json'), 'utf8'));
    assert.deepEqual(written.weight_map, { weight: shard });
    assert.equal((await line.run('scan', to)).exit, 0);
  });

  for (const [what, content, says] of [
    ['a pickle that is no checkpoint', bytes('\x80\x02N.'), /no checkpoint of PyTorch/],
    [
      'a tensor that reaches beyond its storage',
      zip([
        { name: 'a/data.pkl', data: bytes('\x80\x02}(', text('w'), tensor('0'), 'u.') },
        { name: 'a/data/0', data: FLOATS.subarray(0, 8) },
      ]),
      /beyond its storage/,
    ],
    [
      'a tensor whose storage is missing',
      zip([{ name: 'a/data.pkl', data: bytes('\x80\x02}(', text('w'), tensor('0'), 'u.') }]),
      /not in the file/,
    ],
    [
      'an archive that contradicts itself',
      zip([{ name: 'a/data.pkl', data: bytes('N.'), local: { name: 'b/data.pkl' } }]),
      /cannot be read: a member has two names/,
    ],
  ] as const) {
    it(`refuses ${what}, and says why`, async (t) => {
      const files = [file('pytorch_model.bin', content)];
      const line = await commandLine(t, [{ id: 'someone/odd', commits: [{ files }] }]);
      const to = path.join(line.folder, 'clean');
      const { exit, err } = await line.run('remediate', 'someone/odd', '--out', to);
      assert.equal(exit, 65, err);
      assert.match(err, says);
      assert.match(err, /WL_NOT_CONVERTIBLE/);
    });
  }
});
