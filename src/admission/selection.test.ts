import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseRepoPath } from '../base/name.ts';
import type { SourceFile } from '../sources/source.ts';
import { byReadiness } from './publication.ts';
import { type SelectionRequest, select } from './selection.ts';

const files = (...paths: readonly string[]): SourceFile[] =>
  paths.map((path) => ({ path: parseRepoPath(path), sizeBytes: 1, declared: { kind: 'none' } }));

const REPO = files(
  '.gitattributes',
  'README.md',
  'config.json',
  'model.safetensors',
  'pytorch_model.bin',
  'original/consolidated.00.pth',
  'modeling_x.py',
  'sub/tool.py',
  'sub/.hidden.py',
  'model.sig',
);
const GGUF = files(
  'a-Q4_K_M.gguf',
  'a-Q8_0.gguf',
  'BF16/a-BF16-00001-of-00002.gguf',
  'UD/a-UD-Q4_K_XL.gguf',
  'README.md',
  'extra.bin',
);

const chosen = (all: readonly SourceFile[], request: Partial<SelectionRequest>) =>
  select(all, { include: [], exclude: [], ...request }).files.map(({ path }) => path as string);

describe('selection', () => {
  for (const [what, all, request, expected] of [
    ['everything but a reserved name by default', files('a', 'model.sig'), {}, ['a']],
    ['a name in any folder', REPO, { include: ['*.py'] }, ['modeling_x.py', 'sub/tool.py', 'sub/.hidden.py']],
    ['a path from the top', REPO, { include: ['sub/*'] }, ['sub/tool.py', 'sub/.hidden.py']],
    ['include first, then exclude', REPO, { include: ['*.py'], exclude: ['sub/**'] }, ['modeling_x.py']],
    ['all but code', REPO, { include: ['*.py', '*.json'], exclude: ['@code'] }, ['config.json']],
    [
      'the second sets of weights',
      REPO,
      { include: ['@duplicates'] },
      ['pytorch_model.bin', 'original/consolidated.00.pth'],
    ],
    [
      'no duplicates without safetensors',
      files('pytorch_model.bin'),
      { exclude: ['@duplicates'] },
      ['pytorch_model.bin'],
    ],
    [
      'one quantisation with what is no weights',
      GGUF,
      { quantisation: 'q4_k_m' },
      ['a-Q4_K_M.gguf', 'README.md'],
    ],
    [
      'a quantisation in parts',
      GGUF,
      { quantisation: 'BF16' },
      ['BF16/a-BF16-00001-of-00002.gguf', 'README.md'],
    ],
    [
      'a longer quantisation, not its beginning',
      GGUF,
      { quantisation: 'UD-Q4_K_XL' },
      ['UD/a-UD-Q4_K_XL.gguf', 'README.md'],
    ],
  ] as const) {
    it(`takes ${what}`, () => {
      assert.deepEqual(chosen(all, request), expected);
    });
  }

  it('puts on record by which option a file was left out, and keeps an upstream signature', () => {
    const { excluded, upstreamSignature } = select(REPO, { include: [], exclude: ['@code', 'README*'] });
    assert.deepEqual(Object.fromEntries(excluded.map(({ path, by }) => [path, by])), {
      'README.md': '--exclude README*',
      'modeling_x.py': '--exclude @code',
      'sub/tool.py': '--exclude @code',
      'sub/.hidden.py': '--exclude @code',
      'model.sig': 'reserved name, kept as evidence',
    });
    assert.equal(upstreamSignature?.path, 'model.sig');
  });

  for (const [request, code, says] of [
    [{ include: ['*.none'] }, 'WL_USAGE', /leave no file/],
    [{ exclude: ['**'] }, 'WL_USAGE', /leave no file/],
    [{ include: ['@all'] }, 'WL_USAGE', /"@all" is not a set; there are @code, @duplicates/],
    [{ include: ['x'.repeat(1001)] }, 'WL_USAGE', /too long/],
    [{ quantisation: 'Q2_K' }, 'WL_USAGE', /no GGUF file of the quantisation Q2_K/],
  ] as const) {
    it(`refuses ${JSON.stringify(request).slice(0, 50)}`, () => {
      assert.throws(() => chosen(REPO, request), { code, message: says });
    });
  }

  for (const path of ['model.sig/a', 'MODEL.sig']) {
    it(`refuses ${path}, which our signature could not stand beside, unless it is left out`, () => {
      assert.throws(() => chosen(files('a', path), {}), { code: 'WL_PATH_REFUSED' });
      assert.deepEqual(chosen(files('a', path), { exclude: [path] }), ['a']);
    });
  }
});

describe('the order of publishing', () => {
  it('has weights first, what points to them later, and config.json last', () => {
    const paths = files(
      'config.json',
      'model.safetensors.index.json',
      'b.safetensors',
      'tokenizer.json',
      'a.bin',
    );
    assert.deepEqual(
      byReadiness(paths).map((group) => group.map(({ path }) => path)),
      [['b.safetensors', 'a.bin'], ['tokenizer.json'], ['model.safetensors.index.json'], ['config.json']],
    );
  });
});
