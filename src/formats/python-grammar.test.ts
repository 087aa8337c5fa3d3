import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parsePython } from './python-grammar.ts';

function errors(text: string): number {
  let count = 0;
  parsePython(text)
    .cursor()
    .iterate(({ type }) => {
      if (type.isError) count += 1;
    });
  return count;
}

describe('the grammar takes what CPython takes', () => {
  const forms: Readonly<Record<string, string>> = {
    'numbers that end in a point': 'x = [1., -2., 10_000.]\ny = 1. - x\n',
    'numbers with an exponent or a unit': 'x = 1.e5 + 1.j\n',
    'a bare yield': 'def f():\n    try:\n        yield\n    finally:\n        x = yield\n',
    'a star in the target of a loop': 'x = [a for a, *b in y]\n',
    'a star in a subscript': 'x[*a]\ndef f(*args: *Ts): pass\n',
    'several contexts in parentheses':
      'with (\n    f(\n        x\n    ) as a,\n    g() as b,\n):\n    pass\n',
    'contexts bound to attributes and tuples': 'with a() as (b, c): pass\nwith a() as b.c: pass\n',
    'patterns of empty classes': 'match x:\n    case str() if y: pass\n    case {"a": int()}: pass\n',
    'type parameters': 'type X = int\ndef f[T](x: T) -> T: return x\nclass A[T]: pass\n',
    'groups of exceptions': 'try:\n    x()\nexcept* E as e:\n    y()\n',
  };
  for (const [what, text] of Object.entries(forms)) it(what, () => assert.equal(errors(text), 0));
});

it('what is no Python is not made into it', () => {
  for (const text of ['x = = 3\n', 'if x\n    y()\n', 'x = 0xFFL\n', 'def (x): pass\n'])
    assert.ok(errors(text) > 0, text);
});

it('positions stay those of the text, and a name that ends in a digit is no number', () => {
  const text = 'x = 1. + a1. b\nx1.system("1.")\n';
  const names: string[] = [];
  parsePython(text)
    .cursor()
    .iterate(({ name, from, to }) => {
      if (name === 'PropertyName' || name === 'String') names.push(text.slice(from, to));
    });
  assert.deepEqual(names, ['b', 'system', '"1."']);
});

it('a text of nothing but errors is parsed a handful of times', () => {
  const start = performance.now();
  errors('for a, *b as c)\n'.repeat(20_000));
  assert.ok(performance.now() - start < 10_000);
});
