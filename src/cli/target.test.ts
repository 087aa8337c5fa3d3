import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseModelTarget, parseTarget } from './target.ts';

describe('what a command line calls a model', () => {
  for (const [text, expected] of [
    ['org/name', ['org/name', undefined, undefined]],
    ['gpt2', ['gpt2', undefined, undefined]],
    ['hf://org/name@v1.0', ['org/name', 'v1.0', undefined]],
    ['org/name:Q4_K_M', ['org/name', undefined, 'Q4_K_M']],
    ['org/name:Q4_K_M@refs/pr/1', ['org/name', 'refs/pr/1', 'Q4_K_M']],
    ['org/name@feature/x', ['org/name', 'feature/x', undefined]],
  ] as const) {
    it(`reads ${text}`, () => {
      const target = parseModelTarget(text);
      assert.deepEqual([target.model, target.revision, target.quantisation], expected);
    });
  }

  for (const path of ['/abs', './rel', '../up', '.', '..', './org/name@x'])
    it(`takes ${path} for a path`, () => {
      assert.deepEqual(parseTarget(path), { kind: 'path', path });
      assert.throws(() => parseModelTarget(path), { code: 'WL_USAGE' });
    });

  for (const text of [
    '',
    '@',
    'a@',
    ':',
    'a:',
    'a:b:c',
    'a/b/c',
    '~/x',
    'a@b:c',
    'a@b c',
    'a@..',
    'a@/x',
    'a@x//y',
    'a@{1}@{',
    `a@${'x'.repeat(256)}`,
    'HF://a',
    'hf://',
    'org/näme',
    'org/name\n',
  ])
    it(`refuses ${JSON.stringify(text).slice(0, 40)}`, () => {
      assert.throws(() => parseTarget(text), { code: 'WL_NAME_INVALID' });
    });
});
