import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseBuffer } from '../formats/drive.ts';
import { scanFile } from './scan.ts';

const CORPUS = new URL('../../test/corpus/graphs/', import.meta.url);

/** Files of real libraries, what they come out as, and by which rule where they are not clean. */
const FILES: readonly (readonly [name: string, format: string, verdict: string, rule?: string])[] = [
  ['plain.h5', 'hdf5', 'clean'],
  ['latest.h5', 'hdf5', 'clean'],
  ['ordered.h5', 'hdf5', 'clean'],
  ['edited.h5', 'hdf5', 'clean'],
  ['external-link.h5', 'hdf5', 'blocked', 'hdf5/outside'],
  ['external-data.h5', 'hdf5', 'blocked', 'hdf5/outside'],
  ['virtual.h5', 'hdf5', 'blocked', 'hdf5/outside'],
  ['conv.tflite', 'tflite', 'clean'],
  ['quantized.tflite', 'tflite', 'clean'],
  ['custom.tflite', 'tflite', 'inconclusive', 'tflite/custom-operators'],
  ['linear.onnx', 'onnx', 'clean'],
  ['branches.onnx', 'onnx', 'clean'],
  ['function.onnx', 'onnx', 'clean'],
  ['external.onnx', 'onnx', 'clean'],
  ['custom.onnx', 'onnx', 'inconclusive', 'onnx/custom-operators'],
  ['external-traversal.onnx', 'onnx', 'blocked', 'onnx/external-path'],
  ['external-keys.onnx', 'onnx', 'inconclusive', 'onnx/external-keys'],
  ['external-negative.onnx', 'onnx', 'inconclusive', 'structure/malformed'],
  ['huge.onnx', 'onnx', 'inconclusive', 'structure/malformed'],
  ['xgboost.ubj', 'ubjson', 'clean'],
  ['xgboost.json', 'json', 'clean'],
  ['lightgbm.txt', 'text', 'clean'],
  ['flax.msgpack', 'msgpack', 'clean'],
  ['coreml.mlmodel', 'coreml', 'clean'],
  ['coreml-weights.bin', 'coreml-weights', 'clean'],
  ['coreml-program.mlmodel', 'coreml', 'clean'],
  ['coreml-custom.mlmodel', 'coreml', 'inconclusive', 'coreml/custom-class'],
  ['frame.rds', 'rds', 'clean'],
  ['frame.RData', 'rds', 'clean'],
  ['catboost.cbm', 'catboost', 'clean'],
  ['linear.pb', 'tensorflow', 'clean'],
  ['frozen.pb', 'tensorflow', 'clean'],
  ['checkpoint.meta', 'tensorflow', 'clean'],
  ['fingerprint.pb', 'tensorflow', 'clean'],
  ['variables.index', 'tensor-bundle', 'clean'],
  ['reads-file.pb', 'tensorflow', 'blocked', 'tensorflow/reaches-out'],
  ['writes-file.pb', 'tensorflow', 'blocked', 'tensorflow/reaches-out'],
  ['calls-python.pb', 'tensorflow', 'inconclusive', 'tensorflow/python'],
];

describe('a file of a real library', () => {
  for (const [name, format, verdict, rule] of FILES) {
    it(`is ${verdict}: ${name}`, () => {
      const facts = parseBuffer(readFileSync(new URL(name, CORPUS)));
      const scanned = scanFile({ path: name, facts });
      assert.equal(facts.format, format);
      assert.equal(scanned.verdict, verdict, JSON.stringify([scanned.findings, facts.gaps]));
      const rules = scanned.findings.filter((one) => one.verdict !== 'clean').map((one) => one.rule);
      if (rule === undefined) assert.deepEqual(rules, []);
      else assert.ok(rules.includes(rule), rules.join());
    });
  }
});
