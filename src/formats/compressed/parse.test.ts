import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32, deflateRawSync, gzipSync } from 'node:zlib';
import { bytes, call, drive, proto } from '../../../test/pickles.ts';
import { parseBuffer } from '../drive.ts';
import { type Inner, outermost } from '../nesting.ts';
import type { BaseFacts, Parse } from '../parse.ts';
import type { CompressedFacts } from './facts.ts';
import { isCompressed, parseCompressed } from './parse.ts';

const TEXT = `${'A model card, said twice. '.repeat(6)}${String.fromCharCode(
  ...Array.from({ length: 95 }, (_, at) => at + 32),
)}\n`;

/** `TEXT`, packed by CPython's modules, python-lz4 and python-zstandard. */
const SAMPLES: Readonly<Record<string, string>> = {
  gzip: 'H4sIAAAAAAACA3NUyM1PSc1RSE4sStFRKE7MTFEoKc9MTtVTcBxwGQVFJWUVVTV1DU0tbR1dPX0DQyNjE1MzcwtLK2sbWzt7B0cnZxdXN3cPTy9vH18//4DAoOCQ0LDwiMio6JjYuPiExKTklNS09IzMrOyc3Lz8gsKi4pLSsvKKyqrqmto6LgDMsgaj/AAAAA==',
  zlib: 'eJxzVMjNT0nNUUhOLErRUShOzExRKCnPTE7VU3AccBkFRSVlFVU1dQ1NLW0dXT19A0MjYxNTM3MLSytrG1s7ewdHJ2cXVzd3D08vbx9fP/+AwKDgkNCw8IjIqOiY2Lj4hMSk5JTUtPSMzKzsnNy8/ILCouKS0rLyisqq6praOi4A4GZRLg==',
  bzip2:
    'QlpoOTFBWSZTWQg6EmQAACjfgAAQf///////////////IACVClBoDQDIMmjEyDIBoyBoNDRoDQyAAMqUbRNlPTCnomjTEAxMTCYEwmQ0YTyT01PUzRMTetwoENg9oK4PyCjxQ0k+NSIqsumCwpjBZYixuWPzc8jokypZZhtA48wID6J1KnUQRq1q9izatpXLqal6/gw4lceTLmWz6NLYAsADr7gcjQBeBRdBQBwE32m3wUwftJyEDocVBdJ/FXkwf2CCwzwA6dSAL7GvZ/bd2//F3JFOFCQCDoSZAA==',
  xz: '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4AD7AHddACCICabzRYOo3RBtuKI9Fc7knhEcLCcGZZWgU4HJzIgcUrJKDJ4xNWg2Jv/vUWlHwhxFdRN6WKQRAYDa6eFz/ispEx8xmq2pxWfuSxMwAMg86XMZV4yR3qEXVdw09hVY+Y7mBaXExIbAPVG1DBwA7RhgY/g1ZIUAAAC5ZfeTW6TJMgABkwH8AQAAqFq1qLHEZ/sCAAAAAARZWg==',
  lzma: 'XQAAgAD//////////wAgiAmm80WDqN0QbbiiPRXO5J4RHCwnBmWVoFOBycyIHFKySgyeMTVoNib/71FpR8IcRXUTelikEQGA2unhc/4rKRMfMZqtqcVn7ksTMADIPOlzGVeMkd6hF1XcNPYVWPmO5gWlxMSGwD1RtQwcAO0YYGP4NmGcH///3woAAA==',
  lz4: 'BCJNGHxA/AAAAAAAAACIgQAAAP8LQSBtb2RlbCBjYXJkLCBzYWlkIHR3aWNlLiAaAG/wUSAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl9gYWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+Ctxaq58AAAAAC0wbzg==',
  zstd: 'KLUv/ST8FQQApAdBIG1vZGVsIGNhcmQsIHNhaWQgdHdpY2UuICAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs8PT4/QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl9gYWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+CgEA/k7nGNwTP0w=',
};

function factsOf(input: Uint8Array): CompressedFacts {
  return drive(
    input,
    parseCompressed({ sizeBytes: input.length, nesting: outermost(input.length), identify }),
    'random',
  );
}

/** Content of which nothing is known but that it is all there; `access` by its first letter. */
function identify(head: Uint8Array): Inner {
  return { access: head[0] === 0x52 ? 'random' : 'forward', parse: read };
}

function* read(sizeBytes: number): Parse<BaseFacts & { readonly text: string }> {
  let text = '';
  for (let at = 0; at < sizeBytes; at += 65536) {
    const part = yield { offset: at, length: Math.min(65536, sizeBytes - at) };
    if (text.length < 1000) text += Buffer.from(part).toString('latin1');
  }
  return { format: 'read', parser: 'read/1', sizeBytes, gaps: [], problems: [], text };
}

function textOf(facts: CompressedFacts): string | undefined {
  return (facts.content as { readonly text?: string } | undefined)?.text;
}

const PADDED = new Set(['gzip', 'xz']);

for (const [method, base64] of Object.entries(SAMPLES)) {
  const sample = Buffer.from(base64, 'base64');

  test(`${method} is expanded to its content`, () => {
    assert.ok(isCompressed(sample));
    const facts = factsOf(sample);
    assert.deepEqual([facts.method, facts.streams, facts.gaps, facts.problems], [method, 1, [], []]);
    assert.equal(textOf(facts), TEXT);
    assert.equal(facts.contentBytes, TEXT.length);
  });

  test(`two streams of ${method} are one content`, () => {
    const facts = factsOf(Buffer.concat([sample, sample]));
    assert.deepEqual([facts.streams, facts.gaps, facts.contentBytes], [2, [], 2 * TEXT.length]);
  });

  test(`${method} that is cut at any byte is never complete`, () => {
    for (let length = 2; length < sample.length; length++)
      assert.ok(factsOf(sample.subarray(0, length)).gaps.length > 0, `cut at ${length}`);
  });

  test(`what follows ${method} is a gap, and the content is parsed all the same`, () => {
    const facts = factsOf(Buffer.concat([sample, Buffer.from('more')]));
    assert.deepEqual(
      facts.problems.map(({ code }) => code),
      ['trailing-data'],
    );
    assert.deepEqual(
      facts.gaps.map(({ offset }) => offset),
      [sample.length],
    );
    assert.equal(textOf(facts), TEXT);
    const zeros = factsOf(Buffer.concat([sample, Buffer.alloc(8)]));
    assert.equal(zeros.gaps.length === 0, PADDED.has(method));
  });

  test(`${method} with one byte changed is its content, or not complete`, () => {
    for (let at = 2; at < sample.length; at++) {
      const changed = Buffer.from(sample);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      const facts = factsOf(changed);
      if (facts.gaps.length === 0 && method !== 'lzma') assert.equal(textOf(facts), TEXT, `changed at ${at}`);
    }
  });
}

test('text that begins with the letters of a zlib header is text', () => {
  assert.ok(!isCompressed(Buffer.from('x^2 + 1 = 0\n'.repeat(500))));
});

test('a large content is expanded a second time into its parser, in the same memory', () => {
  const block = Buffer.from(Array.from({ length: 4096 }, (_, at) => (at * 2654435761) >>> 13));
  const content = Buffer.alloc(40 << 20);
  for (let at = 0; at < content.length; at += 4096) {
    block.writeUInt32LE(at, 0);
    content.set(block, at);
  }
  const forward = factsOf(gzipSync(content, { level: 1 }));
  assert.deepEqual([forward.gaps, forward.contentBytes], [[], content.length]);
  assert.equal(forward.content?.sizeBytes, content.length);
  content[0] = 0x52;
  const random = factsOf(gzipSync(content, { level: 1 }));
  assert.deepEqual(
    random.problems.map(({ code }) => code),
    ['content-too-large'],
  );
  assert.ok(random.gaps.length > 0);
});

test('a bomb ends early', () => {
  const bomb = gzipSync(Buffer.alloc(200 << 20));
  const begin = performance.now();
  const facts = factsOf(bomb);
  assert.deepEqual(
    facts.problems.map(({ code }) => code),
    ['expands-too-far'],
  );
  assert.ok(facts.contentBytes < 40 << 20, String(facts.contentBytes));
  assert.ok(performance.now() - begin < 2000);
});

test('streams in streams are followed to a depth, and share what they may expand to', () => {
  let nested: Buffer = bytes(proto(4), call('os', 'system'), '.');
  for (let depth = 0; depth < 3; depth++) nested = gzipSync(nested);
  const facts = parseBuffer(nested);
  assert.deepEqual(facts.gaps, []);
  const deep = parseBuffer(gzipSync(gzipSync(nested)));
  assert.ok(deep.gaps.some(({ reason }) => reason.includes('deeper')));
  const layer = gzipSync(Buffer.concat([gzipSync(Buffer.alloc(8 << 20)), Buffer.alloc(1 << 20)]));
  assert.ok(parseBuffer(gzipSync(layer)).gaps.length > 0);
});

test('a gzip header that carries more than a name is not read', () => {
  const body = deflateRawSync(Buffer.from('a'));
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(Buffer.from('a')), 0);
  trailer.writeUInt32LE(1, 4);
  const member = (flags: number, fields: string): Buffer =>
    bytes(0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3, fields, body, trailer);
  assert.deepEqual(factsOf(member(8, 'name\0')).gaps, []);
  for (const [flags, fields] of [
    [16, 'comment\0'],
    [4, '\x04\0abcd'],
    [0x20, ''],
  ] as const)
    assert.ok(factsOf(member(flags, fields)).gaps.length > 0);
});

test('a broken stream is judged by what comes before the break', () => {
  const pickle = bytes(proto(4), call('os', 'system'), '.');
  const packed = gzipSync(pickle);
  packed[packed.length - 1] = 9;
  const facts = parseBuffer(packed);
  assert.ok(facts.format === 'compressed' && facts.content?.format === 'pickle');
  assert.ok(facts.gaps.length > 0);
});
