/**
 * Attacks that are made of permitted names alone: each reaches, through what Python or a library does with objects,
 * a call that no row permits.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, drive, proto, raw, short, stackGlobal } from '../../test/pickles.ts';
import { fileVerdict } from '../base/finding.ts';
import { parsePickle } from '../formats/pickle/parse.ts';
import { pickleTier, scanPickle } from './pickle.ts';

function verdictOf(...parts: readonly (string | number | Uint8Array)[]): string {
  const input = bytes(proto(4), ...parts, '.');
  const facts = drive(input, parsePickle({ sizeBytes: input.length }));
  const verdict = fileVerdict(scanPickle('model.bin', facts), facts.gaps);
  assert.equal(verdict === 'clean', !['unknown', 'dangerous'].includes(pickleTier(facts)));
  return verdict;
}

/** An instance that `__init__` never saw, with a state. */
const instance = (module: string, name: string, state: Uint8Array): Buffer =>
  bytes(stackGlobal(module, name), ')', 0x81, state, 'b');

const item = (key: string, value: Uint8Array): Buffer => bytes('}', short(key), value, 's');

/** A class that loads weights from wherever its first argument says. */
const CLASS = stackGlobal('ultralytics.nn.tasks', 'DetectionModel');
const NAMESPACE = (state: Uint8Array): Buffer => instance('argparse', 'Namespace', state);
const ADDRESS = short('https://example.org/x.pt');
const TENSOR = bytes(
  bytes(stackGlobal('torch._utils', '_rebuild_tensor_v2'), '('),
  bytes('(', short('storage'), stackGlobal('torch', 'FloatStorage'), short('0'), short('cpu'), 'K\x08tQ'),
  bytes('K\0(K\x08t(K\x01t', 0x89, '}tR'),
);

/** The id of a layer, as PyTorch before 1.6 wrote it beside its source. */
const layer = (type: Uint8Array, source: string): Buffer =>
  bytes('(', short('module'), type, short('net.py'), short(source), 'tQ');

const ATTACKS: readonly (readonly [string, readonly (string | number | Uint8Array)[]])[] = [
  ['an attribute `append` that is a class', [NAMESPACE(item('append', CLASS)), ADDRESS, 'a']],
  ['an attribute `extend` that is a class', [NAMESPACE(item('extend', CLASS)), '(', ADDRESS, 'e']],
  ['an attribute `add` that is a class', [NAMESPACE(item('add', CLASS)), '(', ADDRESS, 0x90]],
  [
    'an item `append` of a dictionary whose items are attributes',
    [stackGlobal('sklearn.utils._bunch', 'Bunch'), ')', 0x81, short('append'), CLASS, 's', ADDRESS, 'a'],
  ],
  ['an attribute `__setstate__` that is a class', [NAMESPACE(item('__setstate__', CLASS)), '}b']],
  ['the same, set in a dictionary by DICT', [NAMESPACE(bytes('(', short('__setstate__'), CLASS, 'd')), '}b']],
  ['the same, among many', [NAMESPACE(bytes('}(', short('__setstate__'), CLASS, 'NNu')), '}b']],
  ['two states', [NAMESPACE(item('a', bytes('N'))), '}b']],
  [
    'an attribute `__class__`',
    [instance('pandas', 'DataFrame', item('__class__', stackGlobal('xgboost.core', 'Booster')))],
  ],
  ['a state of attributes, one by one', [NAMESPACE(bytes('N', item('a', bytes('N')), 0x86))]],
  [
    'the same in an ordered dictionary',
    [NAMESPACE(bytes('N', stackGlobal('collections', 'OrderedDict'), ')R', 0x86))],
  ],
  ['a state that is an object', [NAMESPACE(NAMESPACE(bytes('}')))]],
  [
    'a method `as_integer_ratio` that is a class',
    [stackGlobal('fractions', 'Fraction'), NAMESPACE(item('as_integer_ratio', CLASS)), 0x85, 'R'],
  ],
  [
    'a method `detach` that is a class, called for a parameter',
    [
      stackGlobal('torch._utils', '_rebuild_parameter'),
      NAMESPACE(item('detach', CLASS)),
      0x89,
      '}',
      0x87,
      'R',
    ],
  ],
  [
    'the same, where the class is made without a call',
    [stackGlobal('torch.nn.parameter', 'Parameter'), NAMESPACE(item('detach', CLASS)), 0x89, 0x86, 0x81],
  ],
  [
    'a method `to` that is a class',
    [
      bytes(stackGlobal('torch._utils', '_rebuild_device_tensor_from_cpu_tensor'), '('),
      bytes(NAMESPACE(item('to', CLASS)), 'NN', 0x89, 'tR'),
    ],
  ],
  [
    'a class that numpy calls for its random numbers',
    [stackGlobal('numpy.random._pickle', '__bit_generator_ctor'), CLASS, 0x85, 'R'],
  ],
  [
    'the same, hidden by a function that returns its argument',
    [
      bytes(stackGlobal('numpy.random._pickle', '__randomstate_ctor')),
      bytes(stackGlobal('torch.jit._pickle', 'restore_type_tag'), CLASS, short('x'), 0x86, 'R', 0x85, 'R'),
    ],
  ],
  ['an object that is iterated', [stackGlobal('collections', 'deque'), NAMESPACE(bytes('}')), 0x85, 'R']],
  [
    'an object of which bytes are made',
    [stackGlobal('builtins', 'bytearray'), NAMESPACE(bytes('}')), 0x85, 'R'],
  ],
  [
    'a class that pandas makes with named arguments',
    [stackGlobal('pandas.core.indexes.base', '_new_Index'), CLASS, '}', 0x86, 'R'],
  ],
  [
    'a rebuilt tensor whose function sets attributes one by one',
    [
      bytes(stackGlobal('torch._tensor', '_rebuild_from_type_v2'), '('),
      bytes(stackGlobal('torch._utils', '_rebuild_parameter_with_state'), stackGlobal('torch', 'Tensor')),
      bytes('(', TENSOR, 0x89, '}N}', 0x86, 't}tR'),
    ],
  ],
  [
    'a class that looks for weights, of a package whose layers are permitted',
    [stackGlobal('ultralytics.models.yolo.model', 'YOLO'), ')', 0x81, '}b'],
  ],
  ['a layer of an unknown class', [layer(stackGlobal('acme', 'Net'), ''), ')', 0x81, '}b']],
  ['a layer of a dangerous class', [layer(stackGlobal('subprocess', 'Popen'), ''), short('id'), 0x85, 'R']],
  ['a layer that is an object', [layer(NAMESPACE(bytes('}')), ''), '}b']],
  [
    'an optimizer, which calls methods of its state',
    [instance('torch.optim.adam', 'Adam', item('defaults', NAMESPACE(item('setdefault', CLASS))))],
  ],
  ['a hook, which calls what it holds', [instance('torch.nn.modules.module', '_WrappedHook', bytes('}'))]],
  [
    'a tokenizer that reads the files of its state',
    [instance('transformers.models.marian.tokenization_marian', 'MarianTokenizer', bytes('}'))],
  ],
  ['an object that listens', [instance('sklearn.callback._scoring_monitor', 'ScoringMonitor', bytes('}'))]],
  [
    'a pattern, which may match without an end',
    [stackGlobal('re', '_compile'), short('(a+)+$'), 'K\x20', 0x86, 'R'],
  ],
  ['a class made with arguments', [stackGlobal('sklearn.svm._classes', 'SVC'), short('x'), 0x85, 0x81]],
];

for (const [what, parts] of ATTACKS)
  test(`${what} is not clean`, () => assert.notEqual(verdictOf(...parts), 'clean'));

const HARMLESS: readonly (readonly [string, readonly (string | number | Uint8Array)[]])[] = [
  [
    'a layer with its source, which is only compared',
    [layer(stackGlobal('torch.nn.modules.linear', 'Linear'), 'import os'), ')', 0x81, '}b'],
  ],
  ['a namespace', [NAMESPACE(item('lr', bytes('N')))]],
  ['an attribute that is a class', [NAMESPACE(item('dtype', stackGlobal('numpy', 'float32')))]],
  [
    'a class among many',
    [NAMESPACE(bytes('}(', short('a'), 'N', short('dtype'), stackGlobal('numpy', 'float32'), 'u'))],
  ],
  ['a word of a vocabulary', [item('__class__', bytes('K\x07'))]],
  ['a parameter', [stackGlobal('torch._utils', '_rebuild_parameter'), TENSOR, 0x89, '}', 0x87, 'R']],
  [
    'bytes of text',
    [
      stackGlobal('builtins', 'bytearray'),
      stackGlobal('_codecs', 'encode'),
      short('a'),
      short('latin1'),
      0x86,
      'R',
      0x85,
      'R',
    ],
  ],
  ['a tokenizer', [stackGlobal('tokenizers', 'Tokenizer'), ')', 0x81, raw(Buffer.from('{}')), 'b']],
];

for (const [what, parts] of HARMLESS)
  test(`${what} is clean`, () => assert.equal(verdictOf(...parts), 'clean'));
