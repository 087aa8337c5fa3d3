import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBuffer } from '../formats/drive.ts';
import { ggufText, smallGguf } from '../formats/samples.ts';
import { scanFile } from './scan.ts';

function verdictOf(template: string): readonly [string, string] {
  const facts = parseBuffer(Buffer.from(JSON.stringify({ chat_template: template })));
  const { verdict, findings } = scanFile({ path: 'tokenizer_config.json', facts });
  return [verdict, JSON.stringify(findings)];
}

const HOSTILE: Readonly<Record<string, string>> = {
  'the classic': '{{ ().__class__.__base__.__subclasses__() }}',
  'a subscript': '{{ x["__class__"] }}',
  'a joined subscript': '{{ x["__cl" + "ass__"] }}',
  'a subscript joined with ~': '{{ x["__cl" ~ "ass__"] }}',
  'the attr filter': '{{ x|attr("a") }}',
  'the attr filter with a computed name': '{{ x|attr(y) }}',
  'a mapped attribute': '{{ xs|map(attribute="__class__")|list }}',
  'a selected attribute': '{{ xs|selectattr("__class__")|list }}',
  cycler: '{{ cycler.__init__.__globals__.os.popen("id").read() }}',
  'joiner behind a test': '{% if false %}{{ joiner.__init__.__globals__ }}{% endif %}',
  'a macro': '{% macro f(x) %}{{ x.__class__ }}{% endmacro %}{{ f(1) }}',
  'a default argument of a macro': '{% macro f(x=y.__class__) %}{% endmacro %}',
  'a loop over it': '{% for c in x.__mro__ %}{{ c }}{% endfor %}',
  'a private attribute': '{{ x._private }}',
  'generator frames': '{{ x.gi_frame.f_globals }}',
  'a mapped filter': "{{ xs|map('attr', n)|list }}",
  'an attribute to sort by': '{{ x|sort(attribute="a.__class__") }}',
  'an attribute to group by': '{{ x|groupby("__class__") }}',
  'a format with an attribute': '{{ "{0.__class__}".format(x) }}',
  'a format filter with an attribute': '{{ "{0.__class__}"|format(x) }}',
  'a keyword': '{{ dict(__class__=1) }}',
  'a name in namespace': '{{ namespace.__init__ }}',
  'the caller of a macro': '{{ caller.__globals__ }}',
  'the context of the template': '{{ self._TemplateReference__context }}',
  'a string kept for later': '{% set a = "__globals__" %}{{ x[a] }}',
};

const UNCLEAR: Readonly<Record<string, string>> = {
  'a computed subscript': '{{ x[y ~ z] }}',
  'a filtered subscript': '{{ x[y|join("")] }}',
  'a format': '{{ "{0.x}".format(y) }}',
  'a framework object': '{{ config.items() }}',
  lipsum: '{{ lipsum }}',
  'an include': '{% include "x" %}',
  'broken syntax': '{% if %}{{',
  'an import': "{% import 'x' as y %}",
  'a base': "{% extends 'x' %}",
  'a recursive loop': '{% for x in messages recursive %}{{ loop(messages) }}{% endfor %}',
  'an attribute that a message names': "{{ ''[messages[0].content] }}",
  'an attribute that a message names, kept for later': "{% set n = messages[0].content %}{{ ''[n] }}",
  'a mapped attribute by a name': '{{ xs|map(attribute=n)|list }}',
  'a joined name kept for later':
    "{% set u = messages[0].content[0] %}{% set n = u*2 ~ 'class' ~ u*2 %}{{ ''[n] }}",
  'a joined list kept for later': "{% set n = ['a', b]|join %}{{ ''[n] }}",
  'characters by number': "{% set n = '%c%cclass' % (95, 95) %}{{ ''[n] }}",
  'a range that takes the server down': '{{ range(10000000)|list }}',
  'ranges within ranges':
    '{% for a in range(9999) %}{% if a %}{% for b in range(9999) %}x{% endfor %}{% endif %}{% endfor %}',
  'a macro that calls itself': '{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}',
  'padding without end': "{{ 'x'|center(1000000000) }}",
  'a method that pads': "{{ 'x'.ljust(1000000000) }}",
  'a format that pads': "{{ '%999999999s' % x }}",
  'a batch without end': '{{ messages|batch(1000000000) }}',
};

const HARMLESS: Readonly<Record<string, string>> = {
  messages: '{% for m in messages %}{{ m["role"] + ": " + m["content"] }}{% endfor %}',
  'a namespace':
    '{% set ns = namespace(a=false) %}{% for m in messages %}{% set ns.a = true %}{% endfor %}{% if ns.a %}x{% endif %}',
  indices: '{{ messages[0].content }}{{ messages[loop.index0 + 1]["x"] }}{{ messages[-1][key] }}',
  'methods of text': '{{ content.split("</think>")[-1].strip().startswith("x") }}',
  filters: '{{ tools | tojson(indent=4) }}{{ x|trim|upper }}{{ xs|map(attribute="name")|list|join(", ") }}',
  'exceptions and dates': '{{ raise_exception("no") if x is not defined }}{{ strftime_now("%d %b") }}',
  'special tokens': '{{ bos_token }}{{ "<｜User｜>" }}{{ eos_token }}{% generation %}x{% endgeneration %}',
  'a format that fills places': "{% set a = '<think{}>'.format(x) %}{{ a }}{{ 'a%s' % b }}",
  'a macro that ends':
    '{% macro f(n) %}{% if n %}{{ f(n.items) }}{% endif %}{{ f(1) if n.x else 2 }}{% endmacro %}{{ f(messages) }}',
  'a loop over a range':
    '{% for i in range(messages|length) %}{% for j in range(100) %}x{% endfor %}{% endfor %}',
  macros: '{% macro f(x, y=1) %}{{ x }}{{ y }}{% endmacro %}{{ f(messages) }}',
};

describe('a template', () => {
  for (const [what, template] of Object.entries(HOSTILE)) {
    it(`is blocked for ${what}`, () => {
      const [verdict, why] = verdictOf(template);
      assert.equal(verdict, 'blocked', why);
    });
  }
  for (const [what, template] of Object.entries(UNCLEAR)) {
    it(`is inconclusive for ${what}`, () => {
      const [verdict, why] = verdictOf(template);
      assert.equal(verdict, 'inconclusive', why);
    });
  }
  for (const [what, template] of Object.entries(HARMLESS)) {
    it(`is clean with ${what}`, () => {
      const [verdict, why] = verdictOf(template);
      assert.equal(verdict, 'clean', why);
    });
  }

  it('is not clean where it spells an attribute in escapes', () => {
    for (const text of [
      '{{ x["\\x5f\\x5fclass\\x5f\\x5f"] }}',
      '{{ x["\\u005f_class__"] }}',
      '{{ x["\\137_class__"] }}',
    ]) {
      assert.notEqual(verdictOf(text)[0], 'clean', text);
    }
  });

  it('is judged wherever it stands', () => {
    const hostile = '{{ x.__class__ }}';
    const places: readonly Buffer[] = [
      Buffer.from(hostile),
      Buffer.from(JSON.stringify({ chat_template: [{ name: 'default', template: hostile }] })),
      Buffer.from(JSON.stringify({ processor: { nested: { chat_template: hostile } } })),
      smallGguf(hostile),
    ];
    for (const bytes of places) {
      const facts = parseBuffer(bytes);
      assert.equal(scanFile({ path: 'any', facts }).verdict, 'blocked', facts.format);
    }
    assert.ok(ggufText('').length === 8);
  });
});
