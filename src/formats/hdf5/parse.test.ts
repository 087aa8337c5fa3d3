import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseBuffer } from '../drive.ts';
import type { Hdf5Facts } from './facts.ts';

const CORPUS = new URL('../../../test/corpus/graphs/', import.meta.url);
const file = (name: string): Buffer => readFileSync(new URL(name, CORPUS));

function read(bytes: Uint8Array): Hdf5Facts {
  const facts = parseBuffer(bytes);
  assert.ok(facts.format === 'hdf5', `the format is ${facts.format}`);
  return facts;
}

describe('an HDF5 file of h5py', () => {
  it('is read into datasets, attributes and links, with every byte accounted for', () => {
    const facts = read(file('plain.h5'));
    assert.deepEqual([facts.gaps, facts.problems, facts.waysOut], [[], [], []]);
    const chunked = facts.datasets.find(({ path }) => path === '/chunked' || path === '/hard');
    assert.deepEqual([chunked?.layout, chunked?.shape, chunked?.type], ['chunked', [50, 16], 'integer']);
    const nested = facts.datasets.find(({ path }) => path === '/a/b/c');
    assert.deepEqual([nested?.bytes, nested?.elementBytes], [8 * 4 * 4, 4]);
    assert.equal(facts.softLinks, 1);
    assert.ok(facts.attributes.some(({ path, value }) => path === '@title' && value === 'weights'));
    // The root, two groups around `c`, `many` with 16 groups, and five datasets.
    assert.equal(facts.objects, 1 + 2 + 17 + 5);
  });

  it('of the newest layout is read as well', () => {
    const facts = read(file('latest.h5'));
    assert.deepEqual([facts.gaps, facts.problems, facts.superblock], [[], [], 3]);
    assert.deepEqual(
      facts.datasets.map(({ path, bytes }) => [path, bytes]),
      [['/x', 128]],
    );
  });

  it('with many links and attributes of one object gives all of them', () => {
    const facts = read(file('ordered.h5'));
    assert.deepEqual([facts.gaps, facts.problems], [[], []]);
    assert.deepEqual([facts.datasets.length, facts.attributes.length], [30, 30]);
    assert.ok(facts.attributes.some(({ path, value }) => path === '@a29' && value === 'value 29'));
  });

  it('that was edited has small pieces of free space, which are a fact and no gap', () => {
    const facts = read(file('edited.h5'));
    assert.deepEqual([facts.gaps, facts.problems], [[], []]);
    assert.ok(facts.freeBytes > 1000 && facts.freeBytes < 16_000, `${facts.freeBytes} bytes are free`);
  });

  it('of Keras gives up its model configuration', () => {
    const facts = read(file('functional.h5'));
    assert.deepEqual([facts.gaps, facts.problems], [[], []]);
    const model = facts.configs.find(({ path }) => path === '@model_config');
    assert.ok(
      model?.json.keras?.some(({ className, module }) => className === 'Conv2D' && module === undefined),
    );
  });

  const ways: readonly (readonly [name: string, kind: string, target: string])[] = [
    ['external-link.h5', 'external-link', '/etc/hostname:/x'],
    ['external-data.h5', 'external-data', '/etc/hostname'],
    ['virtual.h5', 'virtual-dataset', ''],
  ];
  for (const [name, kind, target] of ways) {
    it(`that leads out by ${kind} says where to`, () => {
      assert.deepEqual(
        read(file(name)).waysOut.map((way) => [way.kind, way.target]),
        [[kind, target]],
      );
    });
  }
});

/** The file with one number written over. */
function patched(name: string, at: number, value: bigint): Buffer {
  const bytes = Buffer.from(file(name));
  bytes.writeBigUInt64LE(value, at);
  return bytes;
}

/** The file with the first such signature destroyed. */
function broken(name: string, signature: string): Buffer {
  const bytes = Buffer.from(file(name));
  bytes.fill(0x2e, bytes.indexOf(signature, 0, 'latin1'), bytes.indexOf(signature, 0, 'latin1') + 4);
  return bytes;
}

describe('a hostile HDF5 file', () => {
  const plain = file('plain.h5');
  const tree = plain.indexOf('TREE', 0, 'latin1');
  const table = plain.indexOf('SNOD', 0, 'latin1');
  const cases: readonly (readonly [what: string, bytes: Buffer, code: string])[] = [
    ['a tree whose child is the tree', patched('plain.h5', tree + 24 + 8, BigInt(tree)), 'shared-structure'],
    ['a symbol table outside', patched('plain.h5', tree + 24 + 8, 1n << 40n), 'beyond-end'],
    ['a name outside of its heap', patched('plain.h5', table + 8, 1n << 30n), 'bad-name'],
    ['an end before its end', patched('plain.h5', 40, 900n), 'beyond-end'],
    ['an end behind its end', patched('plain.h5', 40, 1n << 40n), 'truncated'],
    ['addresses that count from elsewhere', patched('plain.h5', 24, 512n), 'user-block'],
    ['something behind its end', Buffer.concat([plain, Buffer.from('hidden')]), 'trailing-data'],
    ['a heap of links that is none', broken('ordered.h5', 'FRHP'), 'bad-signature'],
    ['a tree of links that is none', broken('ordered.h5', 'BTLF'), 'bad-signature'],
    ['a hole of 100 kB', withHole(plain), 'hole'],
    ['a user block', Buffer.concat([Buffer.alloc(512), plain]), 'bad-signature'],
  ];
  for (const [what, bytes, code] of cases) {
    it(`with ${what} has the problem ${code}, and a gap`, () => {
      const facts = read(bytes);
      assert.ok(
        facts.problems.some((problem) => problem.code === code),
        JSON.stringify(facts.problems),
      );
      assert.ok(facts.gaps.length > 0);
    });
  }

  it('that links to itself is read once', () => {
    const entry = table + 8 + 8;
    const facts = read(patched('plain.h5', entry, plain.readBigUInt64LE(56 + 8)));
    assert.ok(facts.objects < 40);
  });

  it('cut anywhere is never complete', () => {
    for (const name of ['latest.h5', 'external-link.h5']) {
      const bytes = file(name);
      for (let length = 8; length < bytes.length; length += 1)
        assert.ok(read(bytes.subarray(0, length)).gaps.length > 0, `${name} cut to ${length} bytes`);
    }
  });
});

/** The file with its end moved behind 100 kB that nothing refers to. */
function withHole(bytes: Buffer): Buffer {
  const longer = Buffer.concat([bytes, Buffer.alloc(100_000, 0x41)]);
  longer.writeBigUInt64LE(BigInt(longer.length), 40);
  return longer;
}
