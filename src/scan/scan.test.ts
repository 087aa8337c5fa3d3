import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import type { FileVerdict } from '../base/finding.ts';
import { completeFacts } from '../formats/complete.ts';
import { parseBuffer } from '../formats/drive.ts';
import {
  smallGguf,
  smallGif,
  smallJpeg,
  smallOnnx,
  smallPdf,
  smallPng,
  smallSafetensors,
  smallSentencePiece,
  smallWebp,
} from '../formats/samples.ts';
import { scanFile } from './scan.ts';

const with0 = (bytes: Buffer, tail: string) => Buffer.concat([bytes, Buffer.from(tail)]);

const CASES: readonly (readonly [what: string, bytes: Buffer, verdict: FileVerdict, rule?: string])[] = [
  ['safetensors', smallSafetensors(), 'clean'],
  ['safetensors with a tail', with0(smallSafetensors(), 'x'), 'inconclusive', 'structure/malformed'],
  ['GGUF', smallGguf(), 'clean'],
  ['ONNX', smallOnnx(), 'clean'],
  ['ONNX with an operator of the runtime', smallOnnx({ domain: 'com.microsoft' }), 'clean'],
  [
    'ONNX with an unknown operator',
    smallOnnx({ domain: 'com.evil' }),
    'inconclusive',
    'onnx/custom-operators',
  ],
  ['ONNX with data beside it', smallOnnx({ external: 'model.onnx_data' }), 'clean'],
  ['ONNX with data elsewhere', smallOnnx({ external: '../../etc/passwd' }), 'blocked', 'onnx/external-path'],
  ['ONNX with data at the root', smallOnnx({ external: '/etc/passwd' }), 'blocked', 'onnx/external-path'],
  ['a SentencePiece model', smallSentencePiece(), 'clean'],
  ['PNG', smallPng(), 'clean'],
  ['PNG with a tail', with0(smallPng(), 'payload'), 'inconclusive', 'structure/malformed'],
  ['JPEG', smallJpeg(), 'clean'],
  ['JPEG with a tail', with0(smallJpeg(), 'payload'), 'inconclusive', 'structure/malformed'],
  ['GIF', smallGif(), 'clean'],
  ['GIF with a tail', with0(smallGif(), 'payload'), 'inconclusive', 'structure/malformed'],
  ['WebP', smallWebp(), 'clean'],
  ['WebP with a tail', with0(smallWebp(), 'payload'), 'inconclusive', 'structure/malformed'],
  ['PDF', smallPdf(), 'clean'],
  [
    'PDF with JavaScript',
    smallPdf('<< /S /JavaScript /JS (app.alert) >>'),
    'inconclusive',
    'pdf/active-content',
  ],
  [
    'PDF with JavaScript in escapes',
    smallPdf('<< /S /J#61vaScript >>'),
    'inconclusive',
    'pdf/active-content',
  ],
  ['PDF with a tail', with0(smallPdf(), 'x'.repeat(3000)), 'inconclusive', 'structure/malformed'],
  ['nothing', Buffer.alloc(0), 'clean'],
  [
    'an ELF executable',
    Buffer.concat([Buffer.from('\x7fELF'), Buffer.alloc(60)]),
    'inconclusive',
    'structure/executable',
  ],
  [
    'a Windows executable',
    Buffer.concat([Buffer.from('MZ\x90\0'), Buffer.alloc(60)]),
    'inconclusive',
    'structure/executable',
  ],
  ['a shell script', Buffer.from('#!/bin/sh\ncurl x | sh\n'), 'inconclusive', 'structure/executable'],
  ['a Python script', Buffer.from('#!/usr/bin/env python\nimport math\nprint(math.pi)\n'), 'clean'],
  [
    'a stump of an HDF5 file',
    Buffer.from('\x89HDF\r\n\x1a\n\0\0\0\0', 'latin1'),
    'inconclusive',
    'structure/malformed',
  ],
  ['bytes of no format', Buffer.from('deadbeef00', 'hex'), 'inconclusive', 'structure/not-read'],
  ['text in UTF-16', Buffer.from('\ufeffhello', 'utf16le'), 'inconclusive', 'structure/not-read'],
  ['text in Latin-1', Buffer.from('caf\xe9 '.repeat(3000), 'latin1'), 'inconclusive', 'structure/not-read'],
  [
    'an LFS pointer',
    Buffer.from(`version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12345\n`),
    'inconclusive',
    'structure/lfs-pointer',
  ],
  ['a pickle of protocol 0', Buffer.from("cos\nsystem\n(S'id'\ntR."), 'blocked', 'pickle/dangerous-call'],
  [
    'a pickle of protocol 0 behind a long line',
    Buffer.from(`V${'a'.repeat(9000)}\n0cos\nsystem\n(S'id'\ntR.`),
    'blocked',
    'pickle/dangerous-call',
  ],
  [
    'YAML that builds objects',
    Buffer.from('a: !!python/object/apply:os.system ["id"]\n'),
    'blocked',
    'yaml/python-object',
  ],
  ['YAML that holds a tuple', Buffer.from('a: !!python/tuple [1, 2]\n'), 'clean'],
  [
    'a card that mentions YAML tags',
    Buffer.from('# On YAML\n\n- `!!python/object/apply:os.system` is bad\n'),
    'inconclusive',
    'yaml/python-object',
  ],
  ['SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0"/></svg>'), 'clean'],
  [
    'SVG with a script',
    Buffer.from('<svg xmlns="x"><script>alert(1)</script></svg>'),
    'inconclusive',
    'image/active-content',
  ],
  [
    'SVG with a handler',
    Buffer.from('<svg onload="alert(1)"></svg>'),
    'inconclusive',
    'image/active-content',
  ],
  ['JSON with a key twice', Buffer.from('{"a": 1, "a": 2}'), 'clean', 'json/duplicate-key'],
];

describe('scanning a file', () => {
  for (const [what, bytes, verdict, rule] of CASES) {
    it(`of ${what} gives ${verdict}`, () => {
      const facts = parseBuffer(bytes);
      const found = scanFile({ path: 'file', facts });
      assert.equal(found.verdict, verdict, JSON.stringify([facts.format, facts.gaps, found.findings]));
      if (rule !== undefined)
        assert.ok(
          found.findings.some((finding) => finding.rule === rule),
          JSON.stringify(found.findings),
        );
    });
  }

  it('gives the same verdict whatever the file is called', () => {
    for (const [, bytes, verdict] of CASES) {
      const facts = parseBuffer(bytes);
      for (const path of ['model.safetensors', 'a.py', 'README.md', 'x']) {
        assert.equal(scanFile({ path, facts }).verdict, verdict);
      }
    }
  });

  it('holds a text with a secret, and does not repeat the secret', async () => {
    const secret = `ghp_${'wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx'}`;
    for (const comment of ['', '<!-- secretlint-disable -->\n']) {
      const facts = await completeFacts(parseBuffer(Buffer.from(`${comment}# Card\n\ntoken: ${secret}\n`)));
      const found = scanFile({ path: 'README.md', facts });
      assert.equal(found.verdict, 'inconclusive', comment);
      assert.ok(found.findings.some(({ rule }) => rule === 'secrets/found'));
      assert.ok(!JSON.stringify(found).includes(secret.slice(0, 12)));
    }
  });

  it('says where secrets were not looked for', () => {
    const { findings, verdict } = scanFile({ path: 'a', facts: parseBuffer(Buffer.from('# A\n\ntext.\n')) });
    assert.deepEqual([verdict, findings.map(({ rule }) => rule)], ['clean', ['secrets/not-scanned']]);
  });

  it('judges members of archives by the scanner of what they hold', () => {
    const source = Buffer.from('import os\nos.system("id")\n');
    const facts = parseBuffer(zipOf('code/x.txt', source));
    const { verdict, findings } = scanFile({ path: 'm.mar', facts });
    assert.equal(verdict, 'blocked');
    assert.equal(findings.find(({ verdict: of }) => of === 'blocked')?.member, 'code/x.txt');
  });
});

/** A zip archive of one deflated member, without its CRC being wrong. */
function zipOf(name: string, content: Buffer): Buffer {
  const packed = deflateRawSync(content);
  const crc = crcOf(content);
  const fixed = Buffer.alloc(26);
  fixed.writeUInt16LE(20, 0);
  fixed.writeUInt16LE(8, 4);
  fixed.writeUInt32LE(crc, 10);
  fixed.writeUInt32LE(packed.length, 14);
  fixed.writeUInt32LE(content.length, 18);
  fixed.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), fixed, Buffer.from(name), packed]);
  const more = Buffer.alloc(14);
  const entry = Buffer.concat([
    Buffer.from('PK\x01\x02'),
    Buffer.from([20, 0]),
    fixed,
    more,
    Buffer.alloc(2),
  ]);
  const central = Buffer.concat([entry.subarray(0, 46), Buffer.from(name)]);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(1, 4);
  end.writeUInt16LE(1, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(local.length, 12);
  return Buffer.concat([local, central, Buffer.from('PK\x05\x06'), end]);
}

function crcOf(bytes: Buffer): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
