import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseBuffer } from '../formats/drive.ts';
import { smallSafetensors } from '../formats/samples.ts';
import { scanNames } from './names.ts';
import { scanFile } from './scan.ts';

const TEXT = parseBuffer(Buffer.from('Just some text\n'));

const TRICKS: readonly (readonly [what: string, path: string, rule: string])[] = [
  ['Cyrillic among Latin', 'm\u043edel.txt', 'repo/lookalike-name'],
  ['Greek among Latin', 'a/m\u03bfdel.txt', 'repo/lookalike-name'],
  ['Armenian among Latin', 'm\u0585del.txt', 'repo/lookalike-name'],
  ['Cherokee among Latin', '\u13dfonfig.txt', 'repo/lookalike-name'],
  ['fullwidth letters', '\uff4dodel.txt', 'repo/lookalike-name'],
  ['mathematical letters', '\u{1d5c6}odel.txt', 'repo/lookalike-name'],
  ['a dot that is none', 'model\u2024txt', 'repo/lookalike-name'],
  ['a slash that is none', 'a\u2215model.txt', 'repo/lookalike-name'],
  ['text turned around', 'model\u202etxt.exe', 'repo/lookalike-name'],
  ['a zero-width space', 'mod\u200bel.txt', 'repo/lookalike-name'],
  ['a filler', 'model\u3164.txt', 'repo/lookalike-name'],
  ['a control character', 'model\u0007.txt', 'repo/lookalike-name'],
  ['a space at the end', 'model.txt ', 'repo/lookalike-name'],
  ['a program as weights', 'model.safetensors.exe', 'repo/double-extension'],
  ['a script as a picture', 'figures/logo.png.sh', 'repo/double-extension'],
  ['a link as a document', 'paper.pdf.lnk', 'repo/double-extension'],
  ['Python as a configuration', 'config.json.py', 'repo/double-extension'],
  ['a library as weights', 'model.bin.so', 'repo/double-extension'],
  ['a batch file', 'start.bat', 'repo/program'],
  ['a shortcut', 'start.desktop', 'repo/program'],
];

const ORDINARY = [
  'README.md',
  'model.safetensors.index.json',
  'pytorch_model.bin.index.json',
  'model.onnx.data',
  'model-Q4_K_M.gguf.md5',
  'weights.tar.gz',
  'conf/model.v1.5.txt',
  '\u6a21\u578b\uff081\uff09.txt',
  '\u7b2c\uff11\u7ae0.txt',
  '\u043c\u043e\u0434\u0435\u043b\u044c.\u0442\u0445\u0442',
  'caf\u00e9.txt',
  'setup.sh',
  '.gitattributes',
];

describe('names', () => {
  for (const [what, path, rule] of TRICKS)
    it(`with ${what} are held`, () => {
      const found = scanNames([{ path, facts: TEXT }]);
      assert.ok(
        found.some((one) => one.rule === rule && one.verdict === 'inconclusive'),
        JSON.stringify(found),
      );
    });

  for (const path of ORDINARY)
    it(`like ${path} are ordinary`, () => {
      const tricks = scanNames([{ path, facts: TEXT }]).filter(
        ({ rule }) => rule !== 'repo/name-and-content',
      );
      assert.deepEqual(tricks, []);
    });

  it('of models do not hide a program', () => {
    for (const head of ['\x7fELF', 'MZ', '#!/bin/sh\necho x\n']) {
      const facts = parseBuffer(Buffer.from(head.padEnd(512, '\0'), 'latin1'));
      assert.notEqual(scanFile({ path: 'model.safetensors', facts }).verdict, 'clean', JSON.stringify(head));
    }
    const { verdict } = scanFile({ path: 'model.safetensors', facts: parseBuffer(smallSafetensors()) });
    assert.equal(verdict, 'clean');
  });
});

describe('pointers', () => {
  const POINTER = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12\n`;
  for (const [what, text] of [
    ['as git LFS writes them', POINTER],
    ['with the line ends of Windows', POINTER.replaceAll('\n', '\r\n')],
    ['of an older address', POINTER.replace('git-lfs.github.com', 'hawser.github.com')],
    ['with an extension', POINTER.replace('oid', 'ext-0-x sha256:1\noid')],
  ] as const)
    it(`${what} are not content`, () => {
      const { verdict, findings } = scanFile({ path: 'model.bin', facts: parseBuffer(Buffer.from(text)) });
      assert.equal(verdict, 'inconclusive');
      assert.equal(findings[0]?.rule, 'structure/lfs-pointer');
    });
});
