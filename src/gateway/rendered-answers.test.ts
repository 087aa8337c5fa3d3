import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Answer, bytesBody, headerText } from './answer.ts';
import { RenderedAnswers } from './rendered-answers.ts';

function answerOf(sizeBytes: number): Answer {
  return { status: 200, headers: {}, body: bytesBody(new Uint8Array(sizeBytes)) };
}

describe('rendered answers', () => {
  it('are made once under a key', () => {
    const rendered = new RenderedAnswers();
    const first = rendered.answer('a', () => answerOf(1));
    assert.equal(
      rendered.answer('a', () => assert.fail('made again')),
      first,
    );
  });

  it('are forgotten when their bytes are too many, those used longest ago first', () => {
    const rendered = new RenderedAnswers(20_000);
    const make = (key: string) => rendered.answer(key, () => answerOf(2000));
    const [a, b] = [make('a'), make('b')];
    make('c');
    make('a');
    make('d');
    assert.ok(make('a') === a);
    assert.ok(make('b') !== b);
    assert.ok(rendered.bytes <= 20_000);
  });

  it('stay bounded when one alone is too large', () => {
    const rendered = new RenderedAnswers(10_000);
    for (let at = 0; at < 100; at++) rendered.answer(`${at}`, () => answerOf(20_000));
    assert.ok(rendered.bytes <= 10_000);
  });
});

describe('text in a header', () => {
  for (const [text, expected] of [
    ['plain', 'plain'],
    ['two\r\nX-Evil: 1', 'two X-Evil: 1'],
    ['it’s “so” — really…', 'it\'s "so" - really...'],
    ['naïve 模型 🚀', 'na?ve ?? ?'],
    ['\u0000\u001b[31m', '??[31m'],
    [' padded ', 'padded'],
  ] as const) {
    it(`of ${JSON.stringify(text)} is ${JSON.stringify(expected)}`, () =>
      assert.equal(headerText(text), expected));
  }

  it('is bounded', () => assert.ok(headerText('x'.repeat(100_000)).length <= 1000));
});
