import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { bytes, drive, proto } from '../../../test/pickles.ts';
import { parsePickle } from '../pickle/parse.ts';
import { isTar } from './recognise.ts';

/** A pickle whose first 512 bytes are one long string, with a tar header's checksum inside. */
function polyglot(): Buffer {
  const input = bytes(proto(2), 'U', 255, 'a'.repeat(255), '0U', 251, 'a'.repeat(251), '0N.');
  const sum = input
    .subarray(0, 512)
    .reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  input.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return input;
}

test('what Python’s tarfile writes in each of its formats is tar', () => {
  const script = `
import io, sys, tarfile
for kind in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', format=kind) as t:
        t.addfile(tarfile.TarInfo('storages'), io.BytesIO())
    sys.stdout.buffer.write(out.getvalue()[:512])
`;
  const { stdout } = spawnSync('python3', ['-c', script]);
  assert.equal(stdout.length, 3 * 512);
  for (let at = 0; at < stdout.length; at += 512) assert.ok(isTar(stdout.subarray(at, at + 512)));
});

test('zeros, text and pickles are not tar', () => {
  for (const head of [Buffer.alloc(512), Buffer.alloc(512, 'text '), bytes(proto(4), 'N.')])
    assert.ok(!isTar(head));
});

test('a pickle that is also a tar header is never complete', () => {
  const input = polyglot();
  const facts = drive(input, parsePickle({ sizeBytes: input.length }));
  assert.equal(facts.streams, 1);
  assert.ok(facts.problems.some(({ code }) => code === 'polyglot-tar'));
  assert.deepEqual(
    facts.gaps.map(({ offset, length }) => [offset, length]),
    [[0, input.length]],
  );
});
