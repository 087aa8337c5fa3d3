import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseBuffer, StreamParse } from './drive.ts';

const CORPUS = new URL('../../test/corpus/graphs/', import.meta.url);
const files = readdirSync(CORPUS).filter((name) => !name.endsWith('.py'));

/** Longest that one mutated file may take: all of them are below 30 kB. */
const MS_MAX = 500;

/** Deterministic noise (a linear congruential generator), so that a failure comes again. */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 0x1_0000_0000;
  };
}

/** Bytes that break parsers: ends of ranges, and what makes lengths huge. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff];

function mutated(bytes: Buffer, random: () => number): Buffer {
  const copy = Buffer.from(bytes);
  for (let left = 1 + Math.floor(random() * 4); left > 0; left -= 1) {
    const at = Math.floor(random() * copy.length);
    const edge = EDGES[Math.floor(random() * EDGES.length)] ?? 0;
    copy.fill(
      random() < 0.5 ? edge : Math.floor(random() * 256),
      at,
      Math.min(copy.length, at + (random() < 0.3 ? 8 : 1)),
    );
  }
  return random() < 0.1 ? copy.subarray(0, Math.floor(random() * copy.length)) : copy;
}

describe('a file of a graph format', () => {
  for (const name of files) {
    it(`breaks no parser when it is mutated: ${name}`, () => {
      const bytes = readFileSync(new URL(name, CORPUS));
      const random = noise(bytes.length);
      for (let round = 0; round < 100; round += 1) {
        const before = performance.now();
        const facts = parseBuffer(mutated(bytes, random));
        const failed = facts.problems.find(({ code }) => code === 'parser-failed');
        assert.equal(failed, undefined, `round ${round}: ${failed?.detail}`);
        const took = performance.now() - before;
        assert.ok(took < MS_MAX, `round ${round} took ${took} ms`);
      }
    });
  }

  it('gives the same facts while it streams by in small pieces', () => {
    let streamed = 0;
    for (const name of files) {
      const bytes = readFileSync(new URL(name, CORPUS));
      const stream = new StreamParse(bytes.length);
      for (let at = 0; at < bytes.length; at += 97) stream.push(bytes.subarray(at, at + 97));
      const facts = stream.end();
      if (facts === 'needs-random-access') continue;
      assert.deepEqual(facts, parseBuffer(bytes), name);
      streamed += 1;
    }
    assert.ok(streamed > 15);
  });
});
