import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseBuffer } from '../formats/drive.ts';
import { scanFile } from './scan.ts';

const openvino = readFileSync(new URL('../../test/corpus/graphs/openvino.xml', import.meta.url), 'utf8');
const pmml = (head: string): string =>
  `<?xml version="1.0"?>\n${head}<PMML version="4.4"><Header copyright="&x;"/></PMML>\n`;
const mxnet = (op: string): string =>
  JSON.stringify({
    nodes: [
      { op: 'null', name: 'data', inputs: [] },
      { op, name: 'a', inputs: [[0, 0, 0]] },
    ],
    heads: [[1, 0, 0]],
  });

/** Formats that are identified, or judged as the text they are. */
const CASES: readonly (readonly [what: string, content: string, verdict: string, rule?: string])[] = [
  ['a model of OpenVINO', openvino, 'clean'],
  [
    'a model of OpenVINO with a layer of its own',
    openvino.replace('version="opset1"', 'version="extension"'),
    'inconclusive',
    'openvino/custom-layers',
  ],
  ['PMML', pmml(''), 'clean'],
  [
    'PMML that reads a file',
    pmml('<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
    'inconclusive',
    'markup/external-entity',
  ],
  [
    'PMML that grows',
    pmml('<!DOCTYPE p [<!ENTITY a "aa"><!ENTITY x "&a;&a;">]>'),
    'inconclusive',
    'markup/external-entity',
  ],
  [
    'PMML that includes another file',
    pmml('').replace('<Header', '<xi:include href="/etc/passwd"/><Header'),
    'inconclusive',
    'markup/external-entity',
  ],
  ['a graph of TensorFlow as text', 'node {\n  name: "a"\n  op: "MatMul"\n}\n', 'clean'],
  [
    'a SavedModel as text that writes',
    'saved_model_schema_version: 1\nmeta_graphs {\n graph_def {\n  node {\n   name: "a"\n   op: "WriteFile"\n  }\n }\n}\n',
    'blocked',
    'tensorflow/reaches-out',
  ],
  [
    'a graph as text with a name in pieces',
    'node {\n  name: "a"\n  op: "Write" "File"\n}\n',
    'inconclusive',
    'tensorflow/operations',
  ],
  [
    'a graph as text with an escape in a name',
    'node {\n  name: "a"\n  op: "Write\\x46ile"\n}\n',
    'inconclusive',
    'tensorflow/operations',
  ],
  [
    'a graph as text with a comment before a name',
    'node <\n  op: "MatMul"\n>\nnode < op # here\n: "WriteFile" >\n',
    'inconclusive',
    'tensorflow/operations',
  ],
  ['a graph of MXNet', mxnet('FullyConnected'), 'clean'],
  ['a graph of MXNet that calls Python', mxnet('Custom'), 'inconclusive', 'mxnet/custom-operator'],
  ['a TensorRT engine', 'ftrt\0\0\0\0', 'inconclusive', 'structure/not-read'],
  ['a llamafile', "MZqFpD='\n\0\0", 'inconclusive', 'structure/executable'],
  ['an old booster of XGBoost', 'binf\0\0\0?\0\0', 'inconclusive', 'structure/not-read'],
  [
    'a program of PaddlePaddle',
    '\n\x80\x10\x08\0\x10\xff\xff\xff\xff\x0f\x1a\0',
    'inconclusive',
    'structure/not-read',
  ],
  ['arrays of MXNet', '\x12\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0', 'inconclusive', 'structure/not-read'],
];

describe('a format of the second ring', () => {
  for (const [what, content, verdict, rule] of CASES) {
    it(`gives ${verdict} for ${what}`, () => {
      const facts = parseBuffer(Buffer.from(content, 'latin1'));
      const scanned = scanFile({ path: 'x', facts });
      const rules = scanned.findings.filter((one) => one.verdict !== 'clean').map((one) => one.rule);
      assert.equal(scanned.verdict, verdict, `${facts.format} ${rules.join()}`);
      if (rule !== undefined) assert.ok(rules.includes(rule), rules.join());
    });
  }
});
