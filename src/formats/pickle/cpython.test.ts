/** The machine against CPython's C unpickler; `scripts/differential.ts` compares millions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare } from '../../../test/pickle-differential.ts';

const COUNT = 20_000;

test(`CPython does nothing that complete facts miss, over ${COUNT} pickles`, (t) => {
  const seen = compare(1, COUNT);
  t.diagnostic(JSON.stringify(seen));
  // The comparison means something only while much of it is well-formed, full of names, and some of it clean.
  const { complete, loaded, names, operations, clean, admitted } = seen;
  const enough =
    complete > COUNT / 20 &&
    loaded > COUNT / 20 &&
    names > COUNT / 4 &&
    operations > COUNT / 10 &&
    clean > COUNT / 100;
  assert.ok(enough && admitted < COUNT / 20, JSON.stringify(seen));
});
