/**
 * Archives that are complete to us against CPython's `tarfile`: it must see the same members, of the same content.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { drive } from '../../../test/pickles.ts';
import { outermost } from '../nesting.ts';
import type { BaseFacts, Parse } from '../parse.ts';
import { parseTar } from './parse.ts';

/** Writes three archives, one of each kind, one after another behind their lengths. */
const WRITER = `
import io, struct, sys, tarfile
for kind in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', format=kind) as t:
        for name in ('a.txt', 'folder/' + 'x' * 90 + '/' + 'y' * 20, 'b'):
            info = tarfile.TarInfo(name)
            info.size = 5
            t.addfile(info, io.BytesIO(b'hello'))
    archive = out.getvalue().rstrip(bytes(1))
    archive += bytes(-len(archive) % 512 + 1024)
    sys.stdout.buffer.write(struct.pack('<I', len(archive)) + archive)
`;

const READER = `
import hashlib, io, json, struct, sys, tarfile
data = sys.stdin.buffer.read()
at = 0
while at < len(data):
    length = struct.unpack_from('<I', data, at)[0]
    archive = data[at + 4:at + 4 + length]
    at += 4 + length
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode='r:') as t:
            print(json.dumps([
                [m.name, hashlib.sha1(t.extractfile(m).read()).hexdigest() if m.isreg() else m.type.decode('latin1')]
                for m in t.getmembers() if not m.isdir()
            ]))
    except Exception as error:
        print(json.dumps(repr(error)))
`;

interface HashedFacts extends BaseFacts {
  readonly sha1: string;
}

function* hashed(sizeBytes: number): Parse<HashedFacts> {
  const bytes = sizeBytes > 0 ? yield { offset: 0, length: sizeBytes } : new Uint8Array(0);
  const sha1 = createHash('sha1').update(bytes).digest('hex');
  return { format: 'hashed', parser: 'hashed/1', sizeBytes, gaps: [], problems: [], sha1 };
}

function framed(archive: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(archive.length);
  return Buffer.concat([length, archive]);
}

/** Bytes that make fields of headers look right. */
const LIKELY = Buffer.from('01234567 \0\0\0/.xgLKS5="', 'latin1');

test('what is complete to us is what tarfile reads', () => {
  const { stdout: written } = spawnSync('python3', ['-c', WRITER]);
  const originals: Buffer[] = [];
  for (let at = 0; at < written.length; at += 4 + written.readUInt32LE(at))
    originals.push(written.subarray(at + 4, at + 4 + written.readUInt32LE(at)));
  assert.equal(originals.length, 3);
  const change = fc.record({ at: fc.nat(511), likely: fc.boolean(), to: fc.nat(255) });
  const mutation = fc.record({
    original: fc.nat(2),
    block: fc.nat(),
    changes: fc.array(change, { minLength: 1, maxLength: 3 }),
  });
  const complete: { readonly input: Buffer; readonly members: unknown }[] = [];
  for (const { original, block, changes } of fc.sample(mutation, { numRuns: 6000, seed: 5 })) {
    const input = Buffer.from(originals[original] ?? '');
    const begin = (block % (input.length / 512)) * 512;
    for (const { at, likely, to } of changes)
      input[begin + at] = likely ? (LIKELY[to % LIKELY.length] ?? 0) : to;
    mendChecksum(input.subarray(begin, begin + 512));
    const facts = drive(
      input,
      parseTar({
        sizeBytes: input.length,
        nesting: outermost(input.length),
        identify: () => ({ access: 'forward', parse: hashed }),
        access: 'random',
      }),
      'random',
    );
    if (facts.gaps.length > 0 || facts.problems.length > 0) continue;
    complete.push({
      input,
      members: facts.members.map((one) => [one.name, (one.facts as HashedFacts).sha1]),
    });
  }
  assert.ok(complete.length > 200, `${complete.length} complete archives`);
  const input = Buffer.concat(complete.map((one) => framed(one.input)));
  const { stdout } = spawnSync('python3', ['-c', READER], { input, encoding: 'utf8' });
  const lines = stdout.trim().split('\n');
  assert.equal(lines.length, complete.length);
  for (const [index, { input: archive, members }] of complete.entries())
    assert.deepEqual(JSON.parse(lines[index] ?? ''), members, archive.toString('base64'));
});

/** Of what was a header. */
function mendChecksum(block: Buffer): void {
  if (block.toString('latin1', 257, 262) !== 'ustar') return;
  block.write('        ', 148, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}
