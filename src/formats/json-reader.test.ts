import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { JSON_DEPTH_MAX, type JsonVisitor, readJson } from './json-reader.ts';

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** Builds the value again from the visits, to compare with `JSON.parse`. */
class Builder implements JsonVisitor {
  readonly documents: Json[] = [];
  readonly duplicates: string[] = [];
  readonly #open: { readonly into: Json[] | Map<string, Json>; key: string }[] = [];

  open(kind: 'object' | 'array'): void {
    this.#open.push({ into: kind === 'object' ? new Map() : [], key: '' });
  }

  close(): void {
    const done = this.#open.pop();
    assert.ok(done);
    this.value(done.into instanceof Map ? (Object.fromEntries(done.into) as Json) : done.into);
  }

  key(name: string): void {
    const top = this.#open.at(-1);
    assert.ok(top);
    top.key = name;
  }

  value(value: Json): void {
    const top = this.#open.at(-1);
    if (top === undefined) this.documents.push(value);
    else if (top.into instanceof Map) top.into.set(top.key, value);
    else top.into.push(value);
  }

  duplicate(name: string): void {
    this.duplicates.push(name);
  }
}

describe('the JSON reader', () => {
  it('sees what JSON.parse sees', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2, '\t'), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        const builder = new Builder();
        assert.deepEqual(readJson(text, builder), { ok: true, documents: 1 });
        assert.equal(JSON.stringify(builder.documents[0]), JSON.stringify(JSON.parse(text)));
      }),
      { numRuns: 500 },
    );
  });

  it('refuses what JSON.parse refuses', () => {
    const alphabet = fc.constantFrom(...'{}[]",:0123456789.-+eE \n\\utrfalsn'.split(''));
    fc.assert(
      fc.property(fc.array(alphabet, { maxLength: 12 }), (letters) => {
        const text = letters.join('');
        const builder = new Builder();
        const outcome = readJson(text, builder);
        let parsed: unknown;
        try {
          parsed = JSON.parse(text);
        } catch {
          // Lines of several documents are the one thing that it takes beyond JSON.parse.
          assert.ok(!outcome.ok || outcome.documents > 1, text);
          return;
        }
        assert.ok(outcome.ok && outcome.documents === 1, text);
        assert.deepEqual(builder.documents[0], parsed);
      }),
      { numRuns: 20_000 },
    );
  });

  it('names keys that stand twice, also where escapes hide it', () => {
    const builder = new Builder();
    readJson('{"a": 1, "b": {"a": 2}, "\\u0061": 3}', builder);
    assert.deepEqual(builder.duplicates, ['a']);
  });

  it('reads JSON lines, and Python’s numbers that are none', () => {
    const builder = new Builder();
    assert.deepEqual(readJson('{"a": NaN}\n{"a": -Infinity}\n', builder), { ok: true, documents: 2 });
  });

  const broken: readonly (readonly [what: string, text: string, code: string])[] = [
    ['depth', '['.repeat(JSON_DEPTH_MAX + 1), 'too-deep'],
    ['depth of a million', '['.repeat(1_000_000), 'too-deep'],
    ['a document without an end', '{"a": [1, 2', 'comma-expected'],
    ['a raw line end in a string', '"a\nb"', 'control-character'],
    ['an unknown escape', '"\\x41"', 'bad-escape'],
    ['two documents on one line', '{} {}', 'trailing-data'],
    ['nothing', '  ', 'no-value'],
  ];
  for (const [what, text, code] of broken) {
    it(`stops at ${what} with ${code}`, () => {
      const outcome = readJson(text, new Builder());
      assert.equal(!outcome.ok && outcome.code, code);
    });
  }
});
