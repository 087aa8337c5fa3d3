import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseBuffer } from '../formats/drive.ts';
import { scanFile } from './scan.ts';

const CORPUS = new URL('../../test/corpus/graphs/', import.meta.url);

function verdictOf(bytes: Uint8Array) {
  const { verdict, findings } = scanFile({ path: 'x', facts: parseBuffer(bytes) });
  return {
    verdict,
    rules: new Set(findings.filter((one) => one.verdict !== 'clean').map(({ rule }) => rule)),
  };
}

const layer = (object: object): Buffer =>
  Buffer.from(
    JSON.stringify({ module: 'keras', class_name: 'Sequential', config: { name: 's', layers: [object] } }),
  );

describe('a model of the real Keras', () => {
  const clean = [
    'functional.h5',
    'functional.keras',
    'functional.json',
    'functional.weights.h5',
    'sequential.keras',
    'attention.keras',
  ];
  for (const name of clean) {
    it(`is clean: ${name}`, () => {
      assert.equal(verdictOf(readFileSync(new URL(name, CORPUS))).verdict, 'clean');
    });
  }

  for (const name of ['lambda.h5', 'lambda.keras']) {
    it(`with bytecode in it is blocked: ${name}`, () => {
      const { verdict, rules } = verdictOf(readFileSync(new URL(name, CORPUS)));
      assert.equal(verdict, 'blocked');
      assert.ok(rules.has('keras/bytecode'));
    });
  }
});

describe('a configuration of Keras', () => {
  const fn = (module: string | null, name: string) => ({
    module: 'keras.layers',
    class_name: 'Activation',
    config: { activation: { module, class_name: 'function', config: name, registered_name: name } },
  });
  const hostile: readonly (readonly [what: string, object: object, verdict: string, rule: string])[] = [
    ['a function of os', fn('os', 'system'), 'blocked', 'keras/dangerous-name'],
    ['eval of the builtins', fn('builtins', 'eval'), 'blocked', 'keras/dangerous-name'],
    ['get_file', fn('keras.utils', 'get_file'), 'blocked', 'keras/dangerous-name'],
    [
      'the switch of safe mode',
      fn('keras.config', 'enable_unsafe_deserialization'),
      'blocked',
      'keras/dangerous-name',
    ],
    ['a loader of models as a function', fn('keras.models', 'load_model'), 'blocked', 'keras/dangerous-name'],
    [
      'a loader of models as a class',
      { module: 'keras.models', class_name: 'load_model', config: { filepath: 'x' } },
      'blocked',
      'keras/dangerous-name',
    ],
    [
      'get_file as a class',
      { module: 'keras.src.utils.file_utils', class_name: 'get_file', config: { origin: 'x' } },
      'blocked',
      'keras/dangerous-name',
    ],
    [
      'a class of a package',
      { module: 'my.layers', class_name: 'Mine', config: {} },
      'inconclusive',
      'keras/custom-object',
    ],
    [
      'a class that Keras does not know',
      { class_name: 'Mine', config: {} },
      'inconclusive',
      'keras/custom-object',
    ],
    [
      'a registered class',
      { module: 'keras.layers', class_name: 'Dense', registered_name: 'mine>Dense', config: {} },
      'inconclusive',
      'keras/custom-object',
    ],
    ['a function of a script', fn('__main__', 'f'), 'inconclusive', 'keras/custom-object'],
    [
      'a wrapped module of PyTorch',
      { module: 'keras.layers', class_name: 'TorchModuleWrapper', config: { module: 'gASVAAA' } },
      'inconclusive',
      'keras/wrapped-model',
    ],
    [
      'a SavedModel from a path',
      { module: 'keras.layers', class_name: 'TFSMLayer', config: { filepath: '/tmp/x' } },
      'inconclusive',
      'keras/wrapped-model',
    ],
    [
      'a vocabulary from a file',
      { module: 'keras.layers', class_name: 'StringLookup', config: { vocabulary: '/etc/passwd' } },
      'blocked',
      'keras/vocabulary-path',
    ],
    [
      'bytecode as old versions wrote it',
      { class_name: 'Lambda', config: { function: ['4wEAAA', null, null], function_type: 'lambda' } },
      'blocked',
      'keras/bytecode',
    ],
    [
      'a function of TensorFlow that reads files',
      { class_name: 'TFOpLambda', config: { function: 'io.read_file' } },
      'blocked',
      'keras/dangerous-name',
    ],
  ];
  for (const [what, object, verdict, rule] of hostile) {
    it(`with ${what} is ${verdict}`, () => {
      const seen = verdictOf(layer(object));
      assert.equal(seen.verdict, verdict);
      assert.ok(seen.rules.has(rule), [...seen.rules].join());
    });
  }

  const benign: readonly (readonly [what: string, object: object])[] = [
    ['a function of Keras by its own name', fn('builtins', 'relu')],
    [
      'a vocabulary that is a list',
      { module: 'keras.layers', class_name: 'StringLookup', config: { vocabulary: ['a'] } },
    ],
    ['a layer of Keras 1', { class_name: 'Convolution2D', config: { activation: 'relu' } }],
    ['a sum of old functional models', { class_name: 'TFOpLambda', config: { function: 'math.add' } }],
  ];
  for (const [what, object] of benign) {
    it(`with ${what} is clean`, () => assert.equal(verdictOf(layer(object)).verdict, 'clean'));
  }

  it('is not seen in the configs of others, which have no such pairs', () => {
    const config = { class_name: 'Mine', model_type: 'llama', vocabulary: '/etc/passwd', module: 'os' };
    assert.equal(verdictOf(Buffer.from(JSON.stringify(config))).verdict, 'clean');
  });

  it('counts both of two class names in one object', () => {
    const text = '{"class_name":"Mine","class_name":"Dense","config":{}}';
    assert.equal(verdictOf(Buffer.from(text)).verdict, 'inconclusive');
  });
});
