import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBuffer } from './drive.ts';
import type { Facts } from './facts.ts';

function parse(text: string): Facts {
  return parseBuffer(Buffer.from(text));
}

describe('text', () => {
  const kinds: readonly (readonly [text: string, format: Facts['format'], kind?: string])[] = [
    ['# Title\n\nProse with (brackets) and a [link](x).\n', 'text', 'markdown'],
    ['---\nlicense: mit\n---\n# Title\n', 'text', 'markdown'],
    ['*.bin filter=lfs diff=lfs merge=lfs -text\n', 'text', 'git-attributes'],
    ['model:\n  layers: 4\nname: x\n', 'text', 'yaml'],
    ['[PAD]\n[unused1]\nthe\n##ing\n!\n', 'text', 'plain'],
    ['<?xml version="1.0"?>\n<svg width="1"></svg>\n', 'text', 'svg'],
    ['<!DOCTYPE html>\n<html></html>\n', 'text', 'markup'],
    ['Copyright (c) 2018 Somebody\n\nAll rights reserved.\n', 'text', 'plain'],
    ['torch==2.0\nnumpy>=1.2\n', 'text', 'plain'],
    ['{"a": 1}\n{"a": 2}\n', 'json'],
    ['[1, 2]', 'json'],
    ['import os\n', 'python'],
    ['print("x")\n', 'python'],
    ['{%- for m in messages %}\n{{ m }}\n{%- endfor %}\n', 'template'],
  ];
  for (const [text, format, kind] of kinds) {
    it(`${JSON.stringify(text.slice(0, 30))} is ${kind ?? format}`, () => {
      const facts = parse(text);
      assert.equal(facts.format, format);
      if (kind !== undefined) assert.equal(facts.format === 'text' && facts.kind, kind);
      assert.deepEqual(facts.gaps, []);
    });
  }

  it('of a card says licence and base models', () => {
    const facts = parse('---\nlicense: "mit" \nbase_model:\n- a/b\n- "c/d"\ntags: [x]\n---\n# Title\n');
    assert.ok(facts.format === 'text');
    assert.deepEqual(facts.card, { license: 'mit', baseModels: ['a/b', 'c/d'] });
  });

  it('that is not UTF-8 throughout is not read', () => {
    const facts = parseBuffer(Buffer.concat([Buffer.alloc(9000, 'a'), Buffer.from([0xff])]));
    assert.deepEqual([facts.gaps[0]?.length, facts.problems[0]?.code], [9001, 'not-utf8']);
  });

  it('of JSON beyond the limits is a gap, not prose', () => {
    const deep = `${'['.repeat(300)}{"auto_map": {"AutoModel": "x.Y"}}${']'.repeat(300)}`;
    assert.deepEqual(
      parse(deep).gaps.map(({ length }) => length),
      [deep.length],
    );
  });

  it('with lines of Python that the grammar gives up on is a gap, not prose', () => {
    const facts = parse(`import os\nx=${'f(a,'.repeat(2000)}os.system${')'.repeat(2000)}\n`);
    assert.deepEqual([facts.format, facts.gaps.length], ['text', 1]);
  });

  const hostile: Readonly<Record<string, string>> = {
    'aliases of aliases': `import os\na0=os\n${Array.from({ length: 20_000 }, (_, at) => `a${at + 1}=a${at}.system`).join('\n')}\n`,
    'one name that means ever more': `import os\na=os\n${'a=a.b.system\n'.repeat(10_000)}`,
    'calls in calls': `import os\nx=${'getattr('.repeat(300)}os${',"a")'.repeat(300)}\n`,
    'anchors that multiply': `---\n${'a: &a [*a, *a]\n'.repeat(2000)}---\n`,
    blanks: ' \n'.repeat(1_000_000),
    'a template that nests': `${'{% if x %}'.repeat(20_000)}`,
    'a template of one long chain': `{{ ${'x.'.repeat(50_000)}y }}`,
    brackets: '['.repeat(2_000_000),
    braces: '{"a":'.repeat(500_000),
  };
  for (const [what, text] of Object.entries(hostile)) {
    it(`of ${what} comes to an end, with small facts`, () => {
      const facts = parse(text);
      assert.ok(JSON.stringify(facts).length < 1_000_000);
    });
  }
});
