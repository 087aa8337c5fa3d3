/** Diffs through the command line: exactly what changed, against upstream from headers alone. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { RevisionDiff } from '../../src/diff/diff.ts';
import { directoryFiles, type StandInFile } from '../../src/hub-stand-in/model.ts';
import { installed } from '../peers.ts';
import { bytes, call, proto } from '../pickles.ts';
import { bytesFile, textFile } from '../story/models.ts';
import { openStage, type Stage } from '../story/stage.ts';

const MODEL = 'org/model';

/** Large enough that reading it would show. */
const FLOATS = 500_000;

interface Shard {
  readonly name: string;
  readonly dtype?: string;
  readonly shape?: readonly number[];
  readonly fill?: number;
}

function shard(file: string, { name, dtype = 'F32', shape = [FLOATS], fill = 1 }: Shard): StandInFile {
  const size = shape.reduce((product, one) => product * one, 1) * (dtype === 'F32' ? 4 : 2);
  const header = Buffer.from(JSON.stringify({ [name]: { dtype, shape, data_offsets: [0, size] } }));
  const padded = Buffer.concat([header, Buffer.alloc((8 - (header.length % 8)) % 8, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  return bytesFile(file, Buffer.concat([length, padded, Buffer.alloc(size, fill)]));
}

const TEMPLATE = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}";
const CODE = 'import torch\n\n\ndef forward(x):\n    return torch.relu(x)\n';

const FIRST = {
  'model-1.safetensors': shard('model-1.safetensors', { name: 'a.weight' }),
  'model-2.safetensors': shard('model-2.safetensors', { name: 'b.weight' }),
  'config.json': textFile('config.json', JSON.stringify({ hidden_size: 32, rope: { theta: 1 } })),
  'tokenizer_config.json': textFile('tokenizer_config.json', JSON.stringify({ chat_template: TEMPLATE })),
  'README.md': textFile('README.md', '---\nlicense: mit\n---\n'),
} satisfies Record<string, StandInFile>;

type Files = Record<string, StandInFile>;

async function stageWith(t: TestContext, second: Files): Promise<Stage> {
  const stage = await openStage({ models: [{ id: MODEL, commits: [{ files: Object.values(FIRST) }] }] });
  t.after(() => stage[Symbol.asyncDispose]());
  const admitted = await stage.here(['admit', MODEL]);
  assert.equal(admitted.exit, 0, admitted.stdout + admitted.stderr);
  stage.hub.publish(MODEL, { files: Object.values(second) });
  return stage;
}

async function diffOf(stage: Stage, ...args: readonly string[]): Promise<RevisionDiff> {
  const { exit, json, stderr } = await stage.ask<RevisionDiff>(['diff', MODEL, ...args]);
  assert.ok(exit === 0 || exit === 1, stderr);
  assert.equal(json.equal, exit === 0);
  return json;
}

describe('a diff against upstream', () => {
  it('of a changed template and one changed shard shows exactly that', async (t) => {
    const stage = await stageWith(t, {
      ...FIRST,
      'model-2.safetensors': shard('model-2.safetensors', { name: 'b.weight', fill: 2 }),
      'tokenizer_config.json': textFile(
        'tokenizer_config.json',
        JSON.stringify({ chat_template: TEMPLATE.replace('{% for', 'Always agree.{% for') }),
      ),
    });
    const diff = await diffOf(stage);
    assert.deepEqual(
      diff.files.changed.map(({ path }) => path),
      ['model-2.safetensors', 'tokenizer_config.json'],
    );
    assert.deepEqual([diff.files.added, diff.files.removed, diff.files.renamed], [[], [], []]);
    assert.deepEqual(diff.tensors.files, ['model-2.safetensors']);
    assert.equal(diff.tensors.inChangedFiles, 1);
    assert.deepEqual(
      [diff.tensors.added, diff.tensors.removed, diff.tensors.changed, diff.configuration, diff.code],
      [[], [], [], [], []],
    );
    const [template, ...more] = diff.templates;
    assert.deepEqual(more, []);
    assert.match(template?.from ?? '', /^<system>/);
    assert.match(template?.to ?? '', /^Always agree\.<system>/);
  });

  it('reads headers of weights, and of what did not change nothing', async (t) => {
    const stage = await stageWith(t, {
      ...FIRST,
      'model-2.safetensors': shard('model-2.safetensors', { name: 'b.weight', fill: 2 }),
    });
    const before = stage.hub.requests.length;
    await diffOf(stage);
    const asked = stage.hub.requests.slice(before).filter(({ server }) => server === 'cdn');
    assert.ok(asked.length > 0);
    assert.ok(
      asked.every(({ range = 'bytes=0-' }) => {
        const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? [];
        return to !== '' && Number(to) - Number(from) < (FLOATS * 4) / 2;
      }),
      JSON.stringify(asked),
    );
  });

  it('tells tensors that came, went, or have another shape or dtype', async (t) => {
    const stage = await stageWith(t, {
      ...FIRST,
      'model-1.safetensors': shard('model-1.safetensors', { name: 'a.weight', shape: [2, FLOATS] }),
      'model-2.safetensors': shard('model-2.safetensors', { name: 'c.weight', dtype: 'BF16' }),
    });
    const { tensors } = await diffOf(stage);
    assert.deepEqual(tensors.changed, [
      { name: 'a.weight', from: `F32 [${FLOATS}]`, to: `F32 [2, ${FLOATS}]` },
    ]);
    assert.deepEqual(tensors.added, [{ name: 'c.weight', what: `BF16 [${FLOATS}]` }]);
    assert.deepEqual(tensors.removed, [{ name: 'b.weight', what: `F32 [${FLOATS}]` }]);
  });

  it('tells configuration by key, code by line, pickles by what they call, and findings', async (t) => {
    const stage = await stageWith(t, {
      ...FIRST,
      'config.json': textFile(
        'config.json',
        JSON.stringify({ hidden_size: 64, rope: { theta: 2 }, auto_map: { AutoModel: 'm.Net' } }),
      ),
      'm.py': textFile('m.py', CODE),
      'extra.pkl': bytesFile('extra.pkl', bytes(proto(4), call('posix', 'system'), '.')),
    });
    const diff = await diffOf(stage);
    assert.deepEqual(
      diff.configuration.map(({ key, from, to }) => [key, from, to]),
      [
        ['auto_map.AutoModel', undefined, '"m.Net"'],
        ['hidden_size', '32', '64'],
        ['rope.theta', '1', '2'],
      ],
    );
    assert.deepEqual(
      diff.code.map(({ file, added, removed }) => [file, added, removed]),
      [['m.py', 5, 0]],
    );
    assert.match(diff.code[0]?.patch ?? '', /^\+ {4}return torch\.relu\(x\)$/m);
    assert.ok(diff.globals.added.includes('posix.system (reduce)'), diff.globals.added.join());
    assert.ok(diff.findings.added.some(({ verdict }) => verdict === 'blocked'));
  });

  it('knows a file that only has another name, and an equal revision', async (t) => {
    const { 'README.md': readme, ...rest } = FIRST;
    const stage = await stageWith(t, { ...rest, 'CARD.md': { ...readme, path: 'CARD.md' } });
    const diff = await diffOf(stage);
    assert.deepEqual(diff.files.renamed, [{ from: 'README.md', to: 'CARD.md', sizeBytes: 21 }]);
    assert.equal((await diffOf(stage, 'production', 'production')).equal, true);
    const first = (await stage.ask<{ commit: string }[]>(['channel', 'list'])).json[0]?.commit;
    assert.equal((await diffOf(stage, 'production', `upstream@${first}`)).equal, true);
  });

  it('ends a template that never ends, and says so', async (t) => {
    const endless = `${'{% for x in range(99999) %}'.repeat(6)}x${'{% endfor %}'.repeat(6)}`;
    const stage = await stageWith(t, {
      ...FIRST,
      'chat_template.jinja': textFile('chat_template.jinja', endless),
    });
    const { templates } = await diffOf(stage);
    assert.match(templates[0]?.to ?? '', /^\[not rendered: /);
  });

  it('prints Markdown in which no text of the model closes its block', async (t) => {
    const stage = await stageWith(t, {
      ...FIRST,
      'm.py': textFile('m.py', `x = """\n\`\`\`\n<img src=x>\n"""\n`),
    });
    const { stdout } = await stage.here(['diff', MODEL, '--markdown']);
    const fences = stdout.split('\n').filter((line) => /^`{3,}/.test(line));
    assert.deepEqual(fences, ['````diff', '````']);
  });
});

describe('a diff of two real models of one family', () => {
  const [before, after] = ['silero-vad-6.0', 'silero-vad'].map((name) =>
    installed(`models/${name}`, 'models'),
  );
  const skip = before?.skip || after?.skip || false;

  it('tells what came and went, and reads little of what differs', { skip }, async (t) => {
    const [old, now] = await Promise.all([before, after].map((one) => directoryFiles(one?.path ?? '')));
    const id = 'snakers4/silero-vad';
    const stage = await openStage({ models: [{ id, commits: [{ files: old ?? [] }] }] });
    t.after(() => stage[Symbol.asyncDispose]());
    const admitted = await stage.here(['admit', id, '--exclude', '*.jit']);
    assert.equal(admitted.exit, 0, admitted.stdout);
    stage.hub.publish(id, { files: now ?? [] });
    const asked = stage.hub.requests.length;
    const { json: diff } = await stage.ask<RevisionDiff>(['diff', id]);
    const added = diff.files.added.map(({ path }) => path);
    assert.ok(added.includes('silero_vad_16k.safetensors'), added.join());
    assert.equal(diff.files.same, 2, 'the licence and the ONNX model of half size');
    assert.ok(diff.tensors.added.some(({ what }) => /^F32 \[\d/.test(what)));
    const reads = stage.hub.requests.slice(asked).filter(({ server }) => server === 'cdn');
    const ofTensors = reads.filter(({ path }) => nameAtCdn(path) === 'silero_vad_16k.safetensors');
    assert.deepEqual(
      ofTensors.map(({ range }) => range),
      ['bytes=0-65535', 'bytes=1114112-1239747'],
      'of 1.2 MB of tensors the header is read, and the end, where an archive would have its directory',
    );
    assert.ok(!reads.some(({ path }) => nameAtCdn(path) === 'silero_vad_half.onnx'));
  });
});

/** The stand-in's CDN names a file by the JSON of model, commit and path, in base64url. */
function nameAtCdn(path: string): string {
  const [, , encoded = ''] = path.split(/[/?]/);
  return JSON.parse(Buffer.from(encoded, 'base64url').toString())[2];
}
