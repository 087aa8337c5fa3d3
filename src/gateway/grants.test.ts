import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseModelName } from '../base/name.ts';
import { matcher } from './grants.ts';

describe('patterns of model names', () => {
  for (const { pattern, covers, not } of [
    { pattern: '*', covers: ['org/name', 'gpt2'], not: [] },
    {
      pattern: 'org/*',
      covers: ['org/name', 'org/n.a-m_e'],
      not: ['other/name', 'orgs/name', 'org', 'Org/name'],
    },
    { pattern: 'org/a-*', covers: ['org/a-1'], not: ['org/a', 'org/b-a-1', 'xorg/a-1'] },
    { pattern: 'org/*-gguf', covers: ['org/x-gguf'], not: ['org/gguf', 'org/x-ggufs'] },
    {
      pattern: 'org/a*b*c',
      covers: ['org/abc', 'org/a1b2c', 'org/abbc'],
      not: ['org/acb', 'org/ab', 'org/abcd'],
    },
    { pattern: 'org/aa*aa', covers: ['org/aaaa', 'org/aabaa'], not: ['org/aaa'] },
    { pattern: '*/name', covers: ['org/name'], not: ['name', 'org/names'] },
    { pattern: 'gpt2', covers: ['gpt2'], not: ['org/gpt2', 'gpt2x'] },
    { pattern: 'org/a.b', covers: ['org/a.b'], not: ['org/axb'] },
  ])
    it(`"${pattern}" covers exactly what it says`, () => {
      const isCovered = matcher([pattern]);
      for (const name of covers) assert.ok(isCovered(parseModelName(name)), name);
      for (const name of not) assert.ok(!isCovered(parseModelName(name)), name);
    });

  it('cover nothing where there are none', () => {
    assert.ok(!matcher([])(parseModelName('org/name')));
  });
});
