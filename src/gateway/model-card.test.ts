/** Cards: what strangers write into them comes to clients, but for what would break these. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { frontMatter } from './model-card.ts';

const card = (...lines: readonly string[]) =>
  frontMatter(['---', ...lines, '---', '# A model', ''].join('\n'));

describe('the front matter of a card', () => {
  it('is handed on as it was written', () => {
    assert.deepEqual(card('license: mit', 'tags: [a, b]', 'x-own: { deep: 1 }'), {
      license: 'mit',
      tags: ['a', 'b'],
      'x-own': { deep: 1 },
    });
  });

  it('loses names by which huggingface_hub would be called twice with one argument', () => {
    assert.deepEqual(card('self: 1', 'ignore_metadata_errors: true', 'license: mit'), { license: 'mit' });
  });

  it('keeps such names further down, where they are nobody’s arguments', () => {
    assert.deepEqual(card('extra: { self: 1 }'), { extra: { self: 1 } });
  });
});
