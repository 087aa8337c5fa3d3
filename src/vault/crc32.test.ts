import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { combineCrc32 } from './crc32.ts';

function base64(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes.toString('base64');
}

describe('combineCrc32', () => {
  it('gives the checksum of the whole for any parts', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 6 }), (parts) => {
        const combined = combineCrc32(
          parts.map((part) => ({ crc32: base64(crc32(part)), sizeBytes: part.length })),
        );
        assert.equal(combined, base64(crc32(Buffer.concat(parts))));
      }),
    );
  });

  it('does so beyond four gigabits', () => {
    const zeros = Buffer.alloc(1 << 20);
    let whole = 0;
    for (let i = 0; i < 600; i++) whole = crc32(zeros, whole);
    const part = { crc32: base64(crc32(zeros)), sizeBytes: zeros.length };
    assert.equal(combineCrc32(Array.from({ length: 600 }, () => part)), base64(whole));
  });
});
