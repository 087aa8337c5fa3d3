import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseBuffer } from '../formats/drive.ts';
import { rawTensors } from './raw-tensors.ts';
import { scanFile } from './scan.ts';

const CORPUS = new URL('../../test/corpus/graphs/', import.meta.url);
const file = (path: string, from: string | Uint8Array) => ({
  path,
  facts: parseBuffer(typeof from === 'string' ? readFileSync(new URL(from, CORPUS)) : from),
});
const noise = (length: number): Buffer => Buffer.alloc(length, 0xf5);

const INDEX = file('a/variables.index', 'variables.index');
const DATA = 'a/variables.data-00000-of-00001';
const SHARD = readFileSync(new URL('variables.data', CORPUS));
const ONNX = file('m/model.onnx', 'external.onnx');
const OPENVINO = file('o/net.xml', 'openvino.xml');

describe('a file of raw tensors', () => {
  const described: readonly (readonly [
    what: string,
    by: ReturnType<typeof file>,
    data: ReturnType<typeof file>,
  ])[] = [
    ['the shard of a checkpoint', INDEX, file(DATA, SHARD)],
    ['external data of ONNX', ONNX, file('m/weights.bin', noise(32))],
    ['the weights of OpenVINO', OPENVINO, file('o/net.bin', 'openvino.bin')],
  ];
  for (const [what, by, data] of described) {
    it(`is clean beside the file that describes it, and not without: ${what}`, () => {
      assert.equal(scanFile(data).verdict, 'inconclusive');
      const facts = rawTensors([by, data]).get(data.path);
      assert.ok(facts !== undefined);
      assert.equal(facts.describedBy, by.path);
      assert.equal(scanFile({ path: data.path, facts }).verdict, 'clean');
      assert.equal(rawTensors([data]).size, 0);
    });
  }

  const others: readonly (readonly [what: string, files: readonly ReturnType<typeof file>[]])[] = [
    ['longer than its description', [INDEX, file(DATA, Buffer.concat([SHARD, noise(1)]))]],
    ['shorter than its description', [INDEX, file(DATA, SHARD.subarray(1))]],
    ['of another name', [INDEX, file('a/other.data-00000-of-00001', SHARD)]],
    ['in another folder', [INDEX, file('b/variables.data-00000-of-00001', SHARD)]],
    [
      'a pickle by its content',
      [ONNX, file('m/weights.bin', Buffer.concat([Buffer.from('80045d942e', 'hex'), noise(27)]))],
    ],
    [
      'an executable by its content',
      [ONNX, file('m/weights.bin', Buffer.concat([Buffer.from('\x7fELF'), noise(28)]))],
    ],
    [
      'described from outside of its folder',
      [file('m/x.onnx', 'external-traversal.onnx'), file('etc/passwd', noise(32))],
    ],
  ];
  for (const [what, files] of others) {
    it(`stays what it is where it is ${what}`, () => assert.equal(rawTensors(files).size, 0));
  }
});
