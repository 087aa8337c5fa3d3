import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zip } from '../../test/zips.ts';
import { parseBuffer } from '../formats/drive.ts';
import { scanFile } from './scan.ts';

interface Node {
  readonly loader: string;
  readonly path: string;
  readonly more?: object;
}

function skops(nodes: readonly Node[], protocol: unknown = 2): string {
  const children = nodes.map(({ loader, path, more }) => {
    const dot = path.lastIndexOf('.');
    return { __class__: path.slice(dot + 1), __module__: path.slice(0, dot), __loader__: loader, ...more };
  });
  const schema = { ...list(children), protocol, _skops_version: '0.16.0' };
  return verdictOf(JSON.stringify(schema));
}

function verdictOf(schema: string): string {
  const input = zip([{ name: 'schema.json', data: Buffer.from(schema), deflate: true }]);
  return scanFile({ path: 'a', facts: parseBuffer(input) }).verdict;
}

const list = (content: unknown) => ({
  __class__: 'list',
  __module__: 'builtins',
  __loader__: 'ListNode',
  content,
});

const CASES: readonly (readonly [string, Node, string])[] = [
  [
    'an estimator',
    { loader: 'ObjectNode', path: 'sklearn.linear_model._logistic.LogisticRegression' },
    'clean',
  ],
  ['an array', { loader: 'NdArrayNode', path: 'numpy.ndarray' }, 'clean'],
  ['a function of numpy', { loader: 'FunctionNode', path: 'numpy.sqrt' }, 'clean'],
  ['a class of somebody', { loader: 'ObjectNode', path: 'package.module.Class' }, 'inconclusive'],
  ['a loader that is not known', { loader: 'OtherNode', path: 'builtins.list' }, 'inconclusive'],
  ['a bundled module', { loader: 'ObjectNode', path: 'sklearn.externals.joblib.X' }, 'inconclusive'],
  ['a method', { loader: 'MethodNode', path: 'sklearn.svm._classes.SVC' }, 'inconclusive'],
  ['a getter', { loader: 'OperatorFuncNode', path: 'operator.itemgetter' }, 'inconclusive'],
  ['a method caller', { loader: 'OperatorFuncNode', path: 'operator.methodcaller' }, 'blocked'],
  [
    'an operator under another name',
    { loader: 'OperatorFuncNode', path: 'sklearn.svm._classes.methodcaller' },
    'blocked',
  ],
  ['a dictionary that is a process', { loader: 'DictNode', path: 'subprocess.Popen' }, 'blocked'],
  ['a function of the system', { loader: 'FunctionNode', path: 'os.system' }, 'blocked'],
  [
    'a function beside a harmless class',
    {
      loader: 'FunctionNode',
      path: 'numpy.sqrt',
      more: { content: { module_path: 'os', function: 'system' } },
    },
    'blocked',
  ],
];

for (const [what, node, verdict] of CASES)
  test(`${what} is ${verdict}`, () => {
    assert.equal(skops([node]), verdict);
  });

test('keys that are written with escapes are keys all the same', () => {
  const schema =
    '{"\\u005f_loader__":"DictNode","_\\u005fclass__":"system","__modul\\u0065__":"os","protocol":2}';
  assert.equal(verdictOf(schema), 'blocked');
});

test('a protocol that is not known is never clean', () => {
  for (const protocol of [0, 3, '2', null]) assert.equal(skops([], protocol), 'inconclusive');
  assert.equal(skops([]), 'clean');
});

test('a schema that is no tree of nodes is never clean', () => {
  for (const schema of ['{"__loader__": 1', '[NaN, {"__loader__": "ListNode"}]'])
    assert.notEqual(verdictOf(schema), 'clean');
  let deep = '{"__loader__":"ListNode","__class__":"list","__module__":"builtins","protocol":2}';
  for (let depth = 0; depth < 20_000; depth++) deep = `[${deep}]`;
  assert.notEqual(verdictOf(deep), 'clean');
});
