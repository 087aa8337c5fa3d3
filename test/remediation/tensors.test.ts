/**
 * Converted checkpoints against PyTorch: each tensor that Debian's torch loads with `weights_only=True` has the same type,
 * shape and bits in the safetensors file. What torch loads is on record (test/corpus/torch_tensors.py), and compared anew
 * where it is installed.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseRepoPath } from '../../src/base/name.ts';
import { parseBuffer } from '../../src/formats/drive.ts';
import { remediate } from '../../src/remediation/remediate.ts';
import { CORPUS } from '../corpus/corpus.ts';
import { installed } from '../peers.ts';

type Tensors = Readonly<Record<string, readonly [dtype: string, shape: readonly number[], sha256: string]>>;

const RECORDED: Readonly<Record<string, Tensors>> = JSON.parse(
  readFileSync(path.join(CORPUS, 'torch-tensors.json'), 'utf8'),
);

/** Files of which only some tensors are plain numbers, and which are refused as a whole. */
const REFUSED = /sparse|quantized/;

let folder: string;
before(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'weighlock-tensors-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function convert(
  name: string,
  original = path.join(CORPUS, 'benign/torch', name),
): { readonly from: string; readonly tensors: Tensors } {
  const from = path.join(folder, name, 'from');
  const to = path.join(folder, name, 'to');
  for (const made of [from, to]) {
    rmSync(made, { recursive: true, force: true });
    mkdirSync(made, { recursive: true });
  }
  copyFileSync(original, path.join(from, name));
  const { format } = parseBuffer(readFileSync(path.join(from, name)));
  const file = { path: parseRepoPath(name), sha256: '', format };
  const [deed] = remediate({ from, to, files: [file], code: 'excluded', template: 'kept' });
  const [written = ''] = readdirSync(to);
  const wrapper = /taken from its (\w+)/.exec(deed?.why ?? '')?.[1];
  return { from: wrapper === undefined ? '' : `${wrapper}.`, tensors: readTensors(path.join(to, written)) };
}

function readTensors(file: string): Tensors {
  const bytes = readFileSync(file);
  const end = 8 + Number(bytes.readBigUInt64LE(0));
  const { __metadata__: _, ...header } = JSON.parse(bytes.toString('utf8', 8, end));
  const tensors: Record<string, [string, readonly number[], string]> = {};
  for (const [name, about] of Object.entries(header)) {
    const {
      dtype,
      shape,
      data_offsets: at,
    } = about as {
      dtype: string;
      shape: number[];
      data_offsets: [number, number];
    };
    const data = bytes.subarray(end + at[0], end + at[1]);
    tensors[name] = [dtype, shape, createHash('sha256').update(data).digest('hex')];
  }
  return tensors;
}

describe('a converted checkpoint holds what PyTorch loads, bit by bit', () => {
  const names = Object.keys(RECORDED).filter((name) => !REFUSED.test(name));

  it('in each of the three formats, with views, shared storages and every type', () => {
    const kinds = [
      'legacy-',
      'tar.',
      'tensor-shared',
      'transposed',
      'expanded',
      'slice',
      'bfloat16',
      'half',
      'bool',
    ];
    for (const kind of kinds)
      assert.ok(
        names.some((name) => name.includes(kind)),
        kind,
      );
    assert.ok(names.length >= 30);
  });

  for (const name of names) {
    it(name, () => {
      const { from, tensors } = convert(name);
      const expected = Object.entries(RECORDED[name] ?? {}).filter(([tensor]) => tensor.startsWith(from));
      assert.deepEqual(
        tensors,
        Object.fromEntries(expected.map(([tensor, about]) => [tensor.slice(from.length), about])),
      );
    });
  }
});

const PYTHON = '/usr/bin/python3';
const THERE = spawnSync(PYTHON, ['-c', 'import torch']).status === 0;
const skip = THERE ? false : 'needs apt-get install python3-torch';
const SCRIPT = path.join(CORPUS, 'torch_tensors.py');

describe('the record of what PyTorch loads', () => {
  it('is what it loads here', { skip }, () => {
    const { status, stderr } = spawnSync(PYTHON, [SCRIPT, '--check']);
    assert.equal(status, 0, stderr.toString());
  });
});

/** Checkpoints that packages ship, some written by Python 2. */
const REAL = ['lpips/v0.0/alex.pth', 'lpips/v0.0/vgg.pth', 'lpips/v0.1/vgg.pth', 'lpips/v0.1/squeeze.pth'];

describe('real checkpoints hold what PyTorch loads', () => {
  for (const name of REAL) {
    const model = installed(`models/${name}`, 'models');
    it(name, { skip: skip || model.skip }, () => {
      const { stdout } = spawnSync(PYTHON, [SCRIPT, model.path], { maxBuffer: 1 << 26 });
      const loaded: Tensors = JSON.parse(stdout.toString())[model.path];
      const { from, tensors } = convert(path.basename(name), model.path);
      const expected = Object.entries(loaded).filter(([tensor]) => tensor.startsWith(from));
      assert.ok(expected.length > 0);
      assert.deepEqual(
        tensors,
        Object.fromEntries(expected.map(([tensor, about]) => [tensor.slice(from.length), about])),
      );
    });
  }
});
