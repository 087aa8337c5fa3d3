/**
 * Archives that are complete to us against Python's `zipfile`: it must see the same members, of the same sizes, and
 * read each of them.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { drive } from '../../../test/pickles.ts';
import { zip } from '../../../test/zips.ts';
import { outermost } from '../nesting.ts';
import type { BaseFacts, Parse } from '../parse.ts';
import { parseZip } from './parse.ts';

const READER = `
import io, json, struct, sys, zipfile
data = sys.stdin.buffer.read()
at = 0
while at < len(data):
    length = struct.unpack_from('<I', data, at)[0]
    archive = data[at + 4:at + 4 + length]
    at += 4 + length
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as z:
            print(json.dumps([[i.filename, len(z.read(i))] for i in z.infolist()]))
    except Exception as error:
        print(json.dumps(repr(error)))
`;

// biome-ignore lint/correctness/useYield: a parser that needs no byte is still a parser.
function* text(sizeBytes: number): Parse<BaseFacts> {
  return { format: 'text', parser: 'text/1', sizeBytes, gaps: [], problems: [] };
}

test('what is complete to us is what zipfile reads', () => {
  const original = zip([
    { name: 'a/data.txt', data: Buffer.from('one') },
    { name: 'a/b.txt', data: Buffer.from('two '.repeat(40)), deflate: true },
    { name: 'ü', data: Buffer.from('three'), descriptor: true },
  ]);
  const complete: { readonly input: Buffer; readonly members: readonly (readonly [string, number])[] }[] = [];
  const mutation = fc.record({ at: fc.nat(original.length - 1), to: fc.nat(255) });
  for (const mutations of fc.sample(fc.array(mutation, { minLength: 1, maxLength: 2 }), {
    numRuns: 6000,
    seed: 5,
  })) {
    const input = Buffer.from(original);
    for (const { at, to } of mutations) input[at] = to;
    const facts = drive(
      input,
      parseZip({
        sizeBytes: input.length,
        nesting: outermost(input.length),
        identify: () => ({ access: 'forward', parse: text }),
      }),
      'random',
    );
    const members = facts.members.map(({ name, sizeBytes }) => [name, sizeBytes] as const);
    if (facts.gaps.length === 0) complete.push({ input, members });
  }
  assert.ok(complete.length > 200, `${complete.length} complete archives`);
  const framed = complete.flatMap(({ input }) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(input.length);
    return [length, input];
  });
  const { stdout } = spawnSync('python3', ['-c', READER], { input: Buffer.concat(framed), encoding: 'utf8' });
  const lines = stdout.trim().split('\n');
  assert.equal(lines.length, complete.length);
  for (const [index, { input, members }] of complete.entries())
    assert.deepEqual(JSON.parse(lines[index] ?? ''), members, input.toString('base64'));
});
